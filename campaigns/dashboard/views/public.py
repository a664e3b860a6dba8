"""What the links inside a message open. Nobody is signed in here; the signed token is the key."""

from base64 import b64decode
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from campaigns.actions import touches
from campaigns.models import Send
from campaigns.sending import links
from config.shared.access import client_address
from config.shared.language import in_their_language
from loyalty.models import Consent, Member
from loyalty.queries.wording import points

HOW = {
    Consent.Channel.EMAIL: _("by email"),
    Consent.Channel.SMS: _("by text message"),
    Consent.Channel.PUSH: _("by notification"),
}
PIXEL = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")


@require_safe
@never_cache
def opened(request: HttpRequest, token: str) -> HttpResponse:
    """The pixel is served whatever the token says: a broken picture helps nobody."""
    if send := _send(links.read(token, "open")):
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
    if send := _send(click.send):
        touches.note_click(
            send=send,
            url=click.url,
            method=request.method or "",
            user_agent=request.headers.get("User-Agent", ""),
            now=timezone.now(),
        )
    return HttpResponseRedirect(click.url)


@csrf_exempt  # the token is the secret, and mail providers post without a cookie (RFC 8058)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@in_their_language
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """GET only asks: scanners follow every link. POST, from the page or from the mail provider, unsubscribes."""
    send = _send_of(token, "unsubscribe")
    if send is None:
        return render(request, "public/test.html")
    if request.method == "POST":
        touches.unsubscribe(send=send, address=client_address(request), now=timezone.now())
    is_done = not Member.objects.reachable_by(send.channel).filter(pk=send.member_id).exists()
    return render(request, "public/unsubscribe.html", {"is_done": is_done, "how": HOW[Consent.Channel(send.channel)]})


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


def _send_of(token: str, purpose: str) -> Send | None:
    """None for a message that was only a test: its links are signed, and there is no send behind them."""
    public_id = links.read(token, purpose)
    if public_id is None:
        raise Http404("This link was not made here, or was cut off on its way.")
    return _send(public_id)


def _send(public_id: UUID | None) -> Send | None:
    sends = Send.objects.select_related(
        "member__points_account", "member__home_store", "campaign", "action__step__offer"
    )
    return None if public_id is None else sends.filter(public_id=public_id).first()
