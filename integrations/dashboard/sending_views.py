"""Who carries messages, whether the world believes them, and one to try it with."""

from dataclasses import dataclass
from email.utils import parseaddr
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.contrib import messages
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from config.shared.access import needs
from config.shared.htmx import page
from integrations.alerts.telling import outlet_states
from integrations.channels.base import DeliveryFailed, Message, OutcomeUnknown, channel, provider_of
from integrations.domains import check
from integrations.domains.records import Verdict

VIEW, CHANGE = needs("integrations.view_mailboxmessage"), needs("loyalty.change_business")
TEST_PAUSE_SECONDS = 60
TONES = {Verdict.OK: "success", Verdict.WARN: "warning", Verdict.FAIL: "danger", Verdict.UNKNOWN: "neutral"}
WORDS = {
    Verdict.OK: "In order",
    Verdict.WARN: "Could be better",
    Verdict.FAIL: "To be mended",
    Verdict.UNKNOWN: "No answer",
}
TITLES = {"twilio": "Twilio", "http": "Your own server", "webpush": "Web push", "mailbox": "The local mailbox"}
CHANNELS = {
    "email": ("Email", "mail", "Connect a provider of email, or your own mail server.", "EMAIL_URL"),
    "sms": ("Texts", "message", "Connect a provider of text messages.", "SMS_URL"),
    "push": (
        "Notifications",
        "bell",
        "A key of your shop is made once; then the app can notify members who allow it.",
        "VAPID_PRIVATE_KEY",
    ),
}


@dataclass(frozen=True)
class Way:
    """One way to a person, and who carries it; `to_do` when nobody does, and the `setting` that does it."""

    title: str
    icon: str
    carrier: str
    to_do: str
    setting: str
    is_local: bool


@require_GET
@VIEW
def sending(request: HttpRequest) -> HttpResponse:
    context = {
        "ways": [_way(name) for name in CHANNELS],
        "sender": settings.DEFAULT_FROM_EMAIL,
        "sender_has_name": bool(parseaddr(settings.DEFAULT_FROM_EMAIL)[0]),
        "uses_mailbox": settings.USES_MAILBOX,
        "outlets": outlet_states(),
        "may_change": request.user.has_perm("loyalty.change_business"),
    }
    return page(request, "integrations/sending.html", context)


@require_GET
@VIEW
def domain(request: HttpRequest) -> HttpResponse:
    return _domain(request, anew=False)


@require_POST
@CHANGE
def domain_again(request: HttpRequest) -> HttpResponse:
    return _domain(request, anew=True)


@require_POST
@CHANGE
def test(request: HttpRequest) -> HttpResponse:
    """A message to whoever asks, over the channel that members' messages take."""
    if cache.add(f"sending-test:{request.user.pk}", True, TEST_PAUSE_SECONDS):
        tell, said = _tried(request.user.get_username())
        tell(request, said)
    else:
        messages.warning(request, "You had one less than a minute ago. Wait a little.")
    return redirect("integrations:sending")


def _domain(request: HttpRequest, *, anew: bool) -> HttpResponse:
    context: dict[str, Any] = {"may_change": request.user.has_perm("loyalty.change_business")}
    if not settings.USES_MAILBOX:
        found = check.latest(now=timezone.now(), anew=anew)
        rows = [(finding, TONES[finding.verdict], WORDS[finding.verdict]) for finding in found.findings]
        context |= {"check": found, "rows": rows}
    return page(request, "integrations/sending_domain.html", context)


def _way(name: str) -> Way:
    title, icon, to_do, setting = CHANNELS[name]
    if name not in settings.CHANNELS:
        return Way(title, icon, "", to_do, setting, False)
    is_local = settings.USES_MAILBOX if name == "email" else provider_of(name) == "mailbox"
    if is_local:
        return Way(title, icon, TITLES["mailbox"], "", setting, True)
    carrier = check.carrier() if name == "email" else TITLES.get(provider_of(name), provider_of(name))
    return Way(title, icon, carrier, "", setting, False)


def _tried(address: str) -> tuple[Any, str]:
    """How to tell, and what became of it."""
    text = "This is a test of how Regulars sends email. It reached you, so members' messages leave as well."
    message = Message(
        id=f"test-{uuid4()}@{check.sender_domain()}", to=address, subject="A test from Regulars", text=text
    )
    try:
        with channel("email") as outlet:
            outlet.send(message)
    except DeliveryFailed as error:
        return messages.error, f"It did not leave. {error}"
    except OutcomeUnknown as error:
        return messages.warning, f"It may or may not reach you. {error}"
    where = "the local mailbox" if settings.USES_MAILBOX else check.carrier()
    return messages.success, f"Handed over to {where} for {address}. Look into the folder for spam, too."
