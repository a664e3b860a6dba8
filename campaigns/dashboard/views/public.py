"""What the links inside a message open. Nobody is signed in here; the signed token is the key."""

from base64 import b64decode
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from campaigns.actions import touches
from campaigns.models import Send
from campaigns.queries.trials import letter_of_trial
from campaigns.rules.wording import WordingFault
from campaigns.sending import links
from campaigns.sending.render import Writer
from campaigns.writing.press import CannotPress
from config.shared.language import in_their_language
from config.shared.letters import letter_response
from loyalty.models import Consent
from loyalty.queries.wording import points

PIXEL = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")


@require_safe
@never_cache
def opened(request: HttpRequest, token: str) -> HttpResponse:
    """The pixel is served whatever the token says: a broken picture helps nobody."""
    if send := _touched(links.read(token, "open")):
        touches.note_open(
            send=send,
            method=request.method or "",
            user_agent=request.headers.get("User-Agent", ""),
            now=timezone.now(),
        )
    return HttpResponse(PIXEL, content_type="image/gif")


@require_safe
@never_cache
def clicked(request: HttpRequest, token: str) -> HttpResponse:
    click = links.read_click(token)
    if click is None:
        raise Http404("This link was not made here, or was cut off on its way.")
    if send := _touched(click.send):
        touches.note_click(
            send=send,
            url=click.url,
            method=request.method or "",
            user_agent=request.headers.get("User-Agent", ""),
            now=timezone.now(),
        )
    return HttpResponseRedirect(click.url)


@require_safe
@never_cache
@in_their_language
def offer(request: HttpRequest, token: str) -> HttpResponse:
    """The offer of one message, for its member to show at the till."""
    send = _send_of(token, "offer")
    if send is None:
        return render(request, "public/test.html")
    step, member = send.action.step, send.member
    context = {
        "send": send,
        "step": step,
        "member": member,
        "offer": step.offer,
        "points": points(member.points_account.balance),
    }
    return render(request, "public/offer.html", context)


@require_safe
@never_cache
def viewed(request: HttpRequest, token: str) -> HttpResponse:
    """An email as a page, for a mail program that does not show it well. Nothing in it runs, whatever it holds."""
    public_id = links.read(token, "view")
    if public_id and (test := letter_of_trial(public_id)):
        return letter_response(test, opens_tabs=False)
    send = _send_of(token, "view")
    if send is None or send.channel != Consent.Channel.EMAIL or send.member.left_at is not None:
        return render(request, "public/test.html")
    try:
        html = Writer().message_for(send, is_counted=False).html
    except (WordingFault, CannotPress):  # somebody has changed what its words rest on
        raise Http404("This message cannot be shown any more.") from None
    return letter_response(html, opens_tabs=False)


def _send_of(token: str, purpose: str) -> Send | None:
    """None for a message that was only a test: its links are signed, and there is no send behind them."""
    public_id = links.read(token, purpose)
    if public_id is None:
        raise Http404("This link was not made here, or was cut off on its way.")
    return _send(public_id)


def _touched(public_id: UUID | None) -> Send | None:
    """With no more than an opening or a click needs: a picture is asked for by every reader of every message."""
    sends = Send.objects.select_related("member", "campaign")
    return None if public_id is None else sends.filter(public_id=public_id).first()


def _send(public_id: UUID | None) -> Send | None:
    sends = Send.objects.select_related(
        "member__points_account",
        "member__home_store",
        "member__stats",
        "member__tier_standing__tier",
        "campaign",
        "action__step__offer",
    )
    return None if public_id is None else sends.filter(public_id=public_id).first()
