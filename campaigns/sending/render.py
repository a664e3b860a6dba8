"""A step's text and a member become one message."""

import re
from typing import Any

from django.template.loader import render_to_string
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import Truncator

from campaigns.models import PlanStep, Send
from campaigns.models.sends import sender_domain
from campaigns.rules import wording
from campaigns.sending import links
from integrations.channels.base import Message, PushDevice
from loyalty.models import Business, Consent, Member
from loyalty.queries.brand import Brand
from loyalty.queries.devices import push_devices

STOP_LINE = "Reply STOP to stop."
# More is cut off by phones, and the whole must fit into one encrypted record of 4 kB.
LONGEST_NOTIFICATION = 300
ADDRESS_IN_TEXT = re.compile(r"(https?://[^\s<>\"]+[^\s<>\".,;:!?)])")


def message_for(send: Send, shop: Business, look: Brand) -> Message:
    """Ready to hand off. Needs `action.step.offer` and the member's related rows loaded. Raises WordingFault."""
    subject, body = words_of(send, shop)
    match send.channel:
        case Consent.Channel.SMS:
            return _text_message(send, body, look)
        case Consent.Channel.PUSH:
            return _notification(send, subject, body)
        case _:
            return _email(send, subject, body, shop, look)


def _email(send: Send, subject: str, body: str, shop: Business, look: Brand) -> Message:
    step = send.action.step
    shared: dict[str, Any] = {
        "send": send,
        "step": step,
        "brand": look,
        "business": shop,
        "offer_url": links.click_url(send, links.offer_url(send)),
        "offer_text": "See your offer" if step.offer else "See your points",
        "unsubscribe_url": links.unsubscribe_url(send),
    }
    return Message(
        id=send.message_id,
        to=send.recipient,
        subject=subject,
        text=render_to_string("emails/message.txt", {**shared, "body": body}),
        html=render_to_string(
            "emails/message.html",
            {
                **shared,
                "subject": subject,
                "paragraphs": _paragraphs(body, send),
                "open_url": links.open_url(send),
            },
        ),
        headers=_headers(send, shared["brand"], shared["unsubscribe_url"]),
    )


def _text_message(send: Send, body: str, look: Brand) -> Message:
    """Who writes and how to stop it stand in every one: the law asks for both."""
    text = f"{look.name}: {body.strip()}\n{links.short_offer_url(send)}\n{STOP_LINE}"
    return Message(id=send.message_id, to=send.recipient, subject="", text=text)


def _notification(send: Send, subject: str, body: str) -> Message:
    return Message(
        id=send.message_id,
        to=str(send.member.public_id),
        subject=subject,
        text=Truncator(" ".join(body.split())).chars(LONGEST_NOTIFICATION),
        link=links.short_offer_url(send),
        devices=tuple(
            PushDevice(endpoint=row.endpoint, p256dh=row.p256dh, auth=row.auth) for row in push_devices(send.member)
        ),
    )


def words_of(send: Send, shop: Business) -> tuple[str, str]:
    """The subject and the text, without what stands around them in an email. Raises WordingFault."""
    step = send.action.step
    values = values_for(send.member, step, shop)
    return " ".join(wording.fill(step.subject, values).split()), wording.fill(step.body, values)


def values_for(member: Member, step: PlanStep, shop: Business) -> dict[str, Any]:
    """What the words of a text mean for this member."""
    stats = getattr(member, "stats", None)
    account = getattr(member, "points_account", None)
    return {
        "member": {
            "first_name": member.name.split(" ")[0] or "there",
            "points": f"{account.balance if account else 0:,}",
            "favourite": (stats.primary_category.capitalize() if stats else "") or "your favourites",
        },
        "offer": {"name": step.offer.name, "wording": step.offer.wording} if step.offer else {},
        "business": {"name": shop.name},
        "store": {"name": member.home_store.name if member.home_store else shop.name},
    }


def _paragraphs(text: str, send: Send) -> list[SafeString]:
    """Blank lines part paragraphs; addresses become links by way of us; all else is shown as it is written."""
    paragraphs = [part.strip() for part in re.split(r"\n\s*\n", text) if part.strip()]
    return [mark_safe(_linked(part, send).replace("\n", "<br>")) for part in paragraphs]  # noqa: S308  # escaped there


def _linked(text: str, send: Send) -> str:
    """Escaped HTML: `re.split` with a group gives plain text and addresses by turns."""
    parts = ADDRESS_IN_TEXT.split(text)
    for place, part in enumerate(parts):
        is_address = place % 2 == 1
        parts[place] = (
            f'<a href="{escape(links.click_url(send, part))}">{escape(part)}</a>' if is_address else escape(part)
        )
    return "".join(parts)


def _headers(send: Send, brand: Brand, unsubscribe_url: str) -> dict[str, str]:
    return {
        "List-Unsubscribe": f"<{unsubscribe_url}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "List-ID": f"<marketing.{sender_domain()}>",
        "X-Campaign": str(send.campaign.public_id),
        "Precedence": "bulk",
    }
