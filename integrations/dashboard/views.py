from email.utils import parseaddr
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET, require_POST

from config.shared.access import needs
from config.shared.htmx import page
from config.shared.letters import letter_response
from integrations import actions, queries
from integrations.domains import check
from integrations.inbound.senders import senders
from integrations.llm.base import language_model
from integrations.models import Destination, MailboxMessage

SHOWN = 50


# A message was written by anybody: no script, no form, nothing from elsewhere but pictures.
@require_GET
@needs("integrations.view_mailboxmessage")
def integrations(request: HttpRequest) -> HttpResponse:
    """What this copy is connected to, in plain words."""
    context = {
        "uses_mailbox": settings.USES_MAILBOX,
        "mail_carrier": check.carrier(),
        "sender": settings.DEFAULT_FROM_EMAIL,
        "sender_has_name": bool(parseaddr(settings.DEFAULT_FROM_EMAIL)[0]),
        "model": language_model().name,
        "uses_rules": not settings.OPENAI["api_key"],
        "prices": settings.OPENAI_PRICES,
        "image_price": settings.OPENAI_IMAGE_PRICE,
        "image_model": settings.OPENAI_IMAGES["model"] if settings.IMAGE_MODEL else "",
        "model_address": settings.OPENAI["base_url"] or "api.openai.com",
        "unread": MailboxMessage.objects.filter(read_at=None).count(),
        "kept": MailboxMessage.objects.count(),
        "outbound_names": list(Destination.objects.filter(is_enabled=True).values_list("name", flat=True)[:5]),
        "inbound_names": [each.label for each in senders().values() if settings.INBOUND_SECRETS.get(each.variable)],
    }
    return page(request, "integrations/integrations.html", context)


@require_GET
@needs("integrations.view_mailboxmessage", "loyalty.view_pii")
def mailbox(request: HttpRequest) -> HttpResponse:
    search, chosen = request.GET.get("q", "").strip(), request.GET.get("channel", "")
    channel = chosen if chosen in MailboxMessage.Channel else ""
    context = {
        "letters": Paginator(queries.mailbox(search, channel), SHOWN).get_page(request.GET.get("page")),
        "tabs": _tabs(search, channel),
        "url": _mailbox_url("", channel),
        "q": search,
        "is_narrowed": bool(search or channel),
        "uses_mailbox": settings.USES_MAILBOX,
        "may_empty": request.user.has_perm("integrations.delete_mailboxmessage"),
    }
    return page(request, "integrations/mailbox.html", context, partials=("letters",))


def _tabs(search: str, chosen: str) -> list[dict[str, Any]]:
    """Each channel with how many of the messages looked for it has."""
    counts = queries.mailbox_counts(search)
    every = {"label": "All", "count": sum(counts.values()), "channel": ""}
    ways = [{"label": way.label, "count": counts.get(way, 0), "channel": way.value} for way in MailboxMessage.Channel]
    return [
        tab | {"url": _mailbox_url(search, tab["channel"]), "is_active": tab["channel"] == chosen}
        for tab in (every, *ways)
    ]


def _mailbox_url(search: str, channel: str) -> str:
    asked = {name: value for name, value in (("channel", channel), ("q", search)) if value}
    return reverse("integrations:mailbox") + (f"?{urlencode(asked)}" if asked else "")


@require_GET
@needs("integrations.view_mailboxmessage", "loyalty.view_pii")
def letter(request: HttpRequest, pk: int) -> HttpResponse:
    message = get_object_or_404(MailboxMessage, pk=pk)
    actions.mark_read(message=message, now=timezone.now())
    return page(request, *_as_read(message))


def _as_read(message: MailboxMessage) -> tuple[str, dict[str, Any]]:
    """The page that shows a message as its reader sees it, and what it needs."""
    match message.channel:
        case MailboxMessage.Channel.SMS:
            return "integrations/text_message.html", _of_text(message)
        case MailboxMessage.Channel.PUSH:
            return "integrations/notification.html", {"message": message, "notification": queries.notification(message)}
    return "integrations/letter.html", {"message": message, "letter": queries.letter(message)}


def _of_text(message: MailboxMessage) -> dict[str, Any]:
    sms = queries.sms(message)
    cost = [
        {"label": "Segments", "value": sms.size.segments},
        {"label": "Alphabet", "value": sms.size.encoding},
        {"label": "Characters in it", "value": sms.size.units},
        {"label": "Room at the same price", "value": sms.size.left},
    ]
    return {"message": message, "sms": sms, "cost": cost}


@require_GET
@needs("integrations.view_mailboxmessage", "loyalty.view_pii")
@xframe_options_sameorigin
def letter_html(request: HttpRequest, pk: int) -> HttpResponse:
    """The message's own HTML, for the frame that shows it; links open in a new tab."""
    content = queries.letter(get_object_or_404(MailboxMessage, pk=pk)).html
    return letter_response(content)


@require_POST
@needs("integrations.delete_mailboxmessage")
def mailbox_empty(request: HttpRequest) -> HttpResponse:
    thrown = actions.empty_mailbox()
    messages.success(request, f"{thrown:,} messages thrown away.")
    return redirect("integrations:mailbox")
