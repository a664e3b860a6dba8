"""Signed addresses inside messages. Nothing can be opened, clicked or unsubscribed by guessing."""

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.urls import reverse

from campaigns.models import Campaign, Send


@dataclass(frozen=True)
class Click:
    send: UUID
    url: str


def open_url(send: Send) -> str:
    return _absolute("campaigns-public:open", _signed(send, "open"))


def unsubscribe_url(send: Send) -> str:
    return _absolute("campaigns-public:unsubscribe", _signed(send, "unsubscribe"))


def offer_url(send: Send) -> str:
    return _absolute("campaigns-public:offer", _signed(send, "offer"))


def click_url(send: Send, url: str) -> str:
    """`url`, by way of us. The target is part of what is signed: nobody can bend the redirect."""
    token = signing.dumps([send.public_id.hex, url], salt="click", compress=True)
    return _absolute("campaigns-public:click", token)


def read_click(token: str) -> Click | None:
    try:
        send, url = signing.loads(token, salt="click")
    except signing.BadSignature:
        return None
    return Click(UUID(send), url)


def read(token: str, purpose: str) -> UUID | None:
    """The send's public id in a token made for `purpose`, or None when it was not made here."""
    try:
        return UUID(signing.Signer(salt=purpose).unsign(token))
    except (signing.BadSignature, ValueError):
        return None


def _signed(send: Send, purpose: str) -> str:
    return signing.Signer(salt=purpose).sign(send.public_id.hex)


def _absolute(name: str, token: str) -> str:
    return settings.PUBLIC_URL + reverse(name, args=[token])


def campaign_url(campaign: Campaign) -> str:
    return settings.PUBLIC_URL + reverse("campaigns:campaign", args=[campaign.public_id])
