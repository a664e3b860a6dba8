"""Signed addresses inside messages. Nothing can be opened, clicked or unsubscribed by guessing."""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.urls import reverse
from django.utils.crypto import constant_time_compare

from campaigns.models import Campaign, Link, Send

# Where the links of a message lead. campaigns.dashboard.public_urls serves them by these, and they are not resolved by
# name: that reads every page of the product, of which a worker that only sends has no use for any (70 MB).
BEGINNINGS = {"open": "o/", "click": "c/", "unsubscribe": "u/", "view": "v/", "offer": "offer/"}
# The letters of a short link to the offer, and of one to any other address: what it names, and its signature.
_NAME, _SIGNATURE = 22, 11
_LINK_NAME = 28
_LINK_BYTES = 5


@dataclass(frozen=True)
class Click:
    send: UUID
    url: str


def open_url(send: Send) -> str:
    return _absolute("open", _signed(send, "open"))


def unsubscribe_url(send: Send) -> str:
    return _absolute("unsubscribe", _signed(send, "unsubscribe"))


def offer_url(send: Send) -> str:
    return _absolute("offer", _signed(send, "offer"))


def view_url(send: Send) -> str:
    """The message as a page."""
    return _absolute("view", _signed(send, "view"))


def card_url(send: Send) -> str:
    """The member's card in the app, by way of us."""
    return click_url(send, f"{settings.PUBLIC_URL}/")


def preferences_url(send: Send) -> str:
    return f"{unsubscribe_url(send)}#choices"


def click_url(send: Send, target: int | str) -> str:
    """An address, by way of us. `target` is the number of a Link, or an address of this message alone.

    The target is part of what is signed: nobody can bend the redirect. There is no time in it: a message that is
    written again, for a provider that did not answer, is the same.
    """
    if isinstance(target, int):
        name = _text(send.public_id.bytes + target.to_bytes(_LINK_BYTES, "big"))
        token = name + _short_signature(name, settings.SECRET_KEY)
    else:
        token = signing.Signer(salt="link").sign_object([send.public_id.hex, target], compress=True)
    return _absolute("click", token)


def short_offer_url(send: Send) -> str:
    """`offer_url` by way of us, short enough for a text message. 64 bits of signature stand against guessing."""
    name = _text(send.public_id.bytes)
    return _absolute("click", name + _short_signature(name, settings.SECRET_KEY))


def must_be_looked_up(token: str) -> bool:
    """Whether `read_click` may ask the database what a number stands for."""
    return len(token) == _LINK_NAME + _SIGNATURE


def read_click(token: str) -> Click | None:
    if len(token) == _NAME + _SIGNATURE:
        return _read_short(token)
    if must_be_looked_up(token):
        return _read_link(token)
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
    if (name := _signed_name(token)) is None:
        return None
    send = Send(public_id=UUID(bytes=name))
    return Click(send.public_id, offer_url(send))


def _read_link(token: str) -> Click | None:
    if (name := _signed_name(token)) is None:
        return None
    with suppress(Link.DoesNotExist):
        return Click(UUID(bytes=name[:-_LINK_BYTES]), _url_of(int.from_bytes(name[-_LINK_BYTES:], "big")))
    return None


@lru_cache(maxsize=10_000)
def _url_of(number: int) -> str:
    """What a number stands for never changes."""
    return Link.objects.values_list("url", flat=True).get(pk=number)


def _signed_name(token: str) -> bytes | None:
    """What a short token names, or None when it was not made here."""
    name, signature = token[:-_SIGNATURE], token[-_SIGNATURE:]
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    if not any(constant_time_compare(signature, _short_signature(name, key)) for key in keys):
        return None
    return urlsafe_b64decode(name + "=" * (-len(name) % 4))


def _short_signature(name: str, key: str) -> str:
    return _text(hmac.digest(_signing_key("short link", key), name.encode(), "sha256")[:8])


@cache
def _signing_key(salt: str, key: str) -> bytes:
    """As django.utils.crypto.salted_hmac derives it; once, not for each of a million links."""
    return hashlib.sha256(salt.encode() + key.encode()).digest()


def _text(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def read(token: str, purpose: str) -> UUID | None:
    """The send's public id in a token made for `purpose`, or None when it was not made here."""
    try:
        return UUID(signing.Signer(salt=purpose).unsign(token))
    except (signing.BadSignature, ValueError):
        return None


def _signed(send: Send, purpose: str) -> str:
    """What signing.Signer(salt=purpose) makes of the send's public id, with its key derived once."""
    name = send.public_id.hex
    key = _signing_key(f"{purpose}signer", settings.SECRET_KEY)
    return f"{name}:{_text(hmac.digest(key, name.encode(), 'sha256'))}"


def _absolute(name: str, token: str) -> str:
    return f"{settings.PUBLIC_URL}/{BEGINNINGS[name]}{token}"


def campaign_url(campaign: Campaign) -> str:
    return f"{settings.PUBLIC_URL}{reverse('campaigns:campaign', args=[campaign.public_id])}"


def sends_url(campaign: Campaign, kind: str) -> str:
    """The list of a campaign's messages, those of one kind."""
    return f"{settings.PUBLIC_URL}{reverse('campaigns:sends', args=[campaign.public_id])}?kind={kind}"
