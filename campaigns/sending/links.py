"""Signed addresses inside messages. Nothing can be opened, clicked or unsubscribed by guessing."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac

from campaigns.models import Campaign, Send

# The letters of a short link: of the send's id, and of its signature.
_NAME, _SIGNATURE = 22, 11


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
    """`url`, by way of us. The target is part of what is signed: nobody can bend the redirect.

    There is no time in it: a message that is written again, for a provider that did not answer, is the same.
    """
    token = signing.Signer(salt="link").sign_object([send.public_id.hex, url], compress=True)
    return _absolute("campaigns-public:click", token)


def short_offer_url(send: Send) -> str:
    """`offer_url` by way of us, short enough for a text message. 64 bits of signature stand against guessing."""
    name = _text(send.public_id.bytes)
    return _absolute("campaigns-public:click", name + _short_signature(name, settings.SECRET_KEY))


def read_click(token: str) -> Click | None:
    if len(token) == _NAME + _SIGNATURE:
        return _read_short(token)
    for unsign in (signing.Signer(salt="link").unsign_object, _unsign_older):
        with suppress(signing.BadSignature):
            send, url = unsign(token)
            return Click(UUID(send), url)
    return None


def _unsign_older(token: str) -> list[str]:
    """As links were made until 2026-11, with a time in them."""
    found: list[str] = signing.loads(token, salt="click")
    return found


def _read_short(token: str) -> Click | None:
    name, signature = token[:_NAME], token[_NAME:]
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    if not any(constant_time_compare(signature, _short_signature(name, key)) for key in keys):
        return None
    send = Send(public_id=UUID(bytes=urlsafe_b64decode(f"{name}==")))
    return Click(send.public_id, offer_url(send))


def _short_signature(name: str, key: str) -> str:
    return _text(salted_hmac("short link", name, secret=key, algorithm="sha256").digest()[:8])


def _text(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


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
