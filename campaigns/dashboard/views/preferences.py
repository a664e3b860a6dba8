"""What a member gets from us, for whoever holds a message. Nobody is signed in here; the signed token is the key."""

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from campaigns.actions import preferences as actions
from campaigns.models import Send
from campaigns.queries import preferences as queries
from campaigns.sending import links
from config.shared.access import client_address
from config.shared.language import in_their_language
from loyalty.models import Consent, Member

HOW = {
    Consent.Channel.EMAIL: _("by email"),
    Consent.Channel.SMS: _("by text message"),
    Consent.Channel.PUSH: _("by notification"),
}
STOP = {
    Consent.Channel.EMAIL: _("Stop all marketing by email"),
    Consent.Channel.SMS: _("Stop all marketing by text message"),
    Consent.Channel.PUSH: _("Stop all marketing by notification"),
}
CALLED = {
    Consent.Channel.EMAIL: _("Emails"),
    Consent.Channel.SMS: _("Text messages"),
    Consent.Channel.PUSH: _("Notifications"),
}
METHODS = ["GET", "HEAD", "POST"]


@csrf_exempt  # the token is the secret, and mail providers post without a cookie (RFC 8058)
@require_http_methods(METHODS)
@never_cache
@in_their_language
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """GET only asks: scanners follow every link. POST, from the page or from the mail provider, unsubscribes."""
    send = _send_of(token)
    if request.method == "POST" and send:
        actions.stop_marketing(send=send, address=client_address(request), now=timezone.now())
    context = _of_send(send) if send else _of_test()
    is_saved = request.method != "POST" and "saved" in request.GET
    return render(request, "public/unsubscribe.html", context | {"token": token, "is_saved": is_saved})


@csrf_exempt  # as above: a page in a mail program may keep no cookie
@require_http_methods(METHODS)
@never_cache
@in_their_language
def preferences(request: HttpRequest, token: str) -> HttpResponse:
    """Keep what was changed on the page above, and go back to it. A test message changes nothing."""
    send, back = _send_of(token), reverse("campaigns-public:unsubscribe", args=[token])
    if request.method != "POST" or send is None:
        return redirect(back)
    language = request.POST.get("language", "")
    actions.choose(
        send=send,
        wishes=_wishes(request),
        language=language if language in dict(settings.LANGUAGES) else "",
        address=client_address(request),
        now=timezone.now(),
    )
    return redirect(f"{back}?saved=yes")


def _send_of(token: str) -> Send | None:
    """None for a message that was only a test: its links are signed, and there is no send behind them."""
    public_id = links.read(token, "unsubscribe")
    if public_id is None:
        raise Http404("This link was not made here, or was cut off on its way.")
    return Send.objects.select_related("member__merged_into", "campaign").filter(public_id=public_id).first()


def _wishes(request: HttpRequest) -> dict[str, bool]:
    """Only what somebody changed. The page says how each box stood: an old page, or an empty call, decides nothing."""
    agreed = set(request.POST.getlist("agreed"))
    shown = dict(each.rpartition(" ")[::2] for each in request.POST.getlist("shown"))
    return {key: key in agreed for key, stood in shown.items() if (key in agreed) != (stood == "yes")}


def _of_send(send: Send) -> dict[str, Any]:
    reader, channel = queries.reader_of(send), Consent.Channel(send.channel)
    return _shown(channel, queries.choices_of(send)) | {
        "is_done": not Member.objects.reachable_by(channel).filter(pk=reader.pk).exists(),
        "spoken": queries.language_of(reader),
    }


def _of_test() -> dict[str, Any]:
    return _shown(Consent.Channel.EMAIL, queries.choices_of_nobody()) | {"is_test": True, "spoken": ""}


def _shown(channel: Consent.Channel, choices: list[queries.Choice]) -> dict[str, Any]:
    return {
        "how": HOW[channel],
        "stop": STOP[channel],
        "languages": settings.LANGUAGES,
        "groups": [
            (CALLED[each], found) for each in Consent.Channel if (found := [c for c in choices if c.channel == each])
        ],
    }
