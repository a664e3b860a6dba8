"""What a phone shows at the counter: the PIN and QR code of a held reward, and a member card that changes by itself.

The card in a phone's wallet cannot change every half minute: its code stays. It says who somebody is and holds nothing.

All of it is derived from the signing key of this copy, so nothing is kept and nothing can be guessed: a QR code and a
card carry 80 bits of an HMAC-SHA256. A PIN has six digits and is worth as much as the tries it is given.
"""

import hashlib
import hmac
import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

PIN_DIGITS = 6
SIGNATURE_BYTES = 10
CARD_SECONDS = 30
REDEMPTION, CARD, PASS = "RGR1", "RGC1", "RGW1"
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Card:
    """The device whose card was shown, and the half minute it was drawn for."""

    device_id: uuid.UUID
    step: int


def pin_of(redemption_id: uuid.UUID, secret: str) -> str:
    drawn = int.from_bytes(_signed(secret, b"redemption pin", redemption_id.bytes)[:8])
    return f"{drawn % 10**PIN_DIGITS:0{PIN_DIGITS}}"


def is_pin(proof: str) -> bool:
    return len(proof) == PIN_DIGITS and proof.isascii() and proof.isdigit()


def qr_of(redemption_id: uuid.UUID, secret: str) -> str:
    signature = _signed(secret, b"redemption qr", redemption_id.bytes)[:SIGNATURE_BYTES]
    return f"{REDEMPTION}.{_text(redemption_id.bytes)}.{_text(signature)}"


def redemption_in(qr: str, secret: str) -> uuid.UUID | None:
    """The redemption a QR code of ours names; None for anything else."""
    try:
        kind, shown, _signature = qr.strip().split(".")
        redemption_id = uuid.UUID(bytes=_bytes(shown))
    except (ValueError, NotBase64):
        return None
    is_ours = kind == REDEMPTION and _same(qr.strip(), qr_of(redemption_id, secret))
    return redemption_id if is_ours else None


def card_key(device_id: uuid.UUID, secret: str) -> bytes:
    """32 bytes a phone is given once, when it signs in; from then on it draws its cards without us."""
    return _signed(secret, b"member card", device_id.bytes)


def card_text(device_id: uuid.UUID, key: bytes, now: datetime) -> str:
    """What the phone draws. The same is written in JavaScript in static/pwa."""
    return _card(device_id, key, _step(now))


def reads_card(text: str, *, keys: Sequence[str], now: datetime) -> Card | None:
    """The card in a text, if it is of this half minute or a neighbour of it; None for anything else.

    Its phone got its key when it signed in, which may have been before the signing key was changed: any of `keys`.
    """
    try:
        kind, shown, step_text, _signature = text.strip().split(".")
        device_id, step = uuid.UUID(bytes=_bytes(shown)), int(step_text, 36)
    except (ValueError, NotBase64):
        return None
    if kind != CARD or abs(step - _step(now)) > 1:
        return None
    drawn = (_card(device_id, card_key(device_id, secret), step) for secret in keys)
    return Card(device_id, step) if any(_same(text.strip(), each) for each in drawn) else None


def pass_text(pass_id: uuid.UUID, secret: str) -> str:
    """What the pass in a phone's wallet shows as its QR code."""
    signature = _signed(secret, b"wallet pass", pass_id.bytes)[:SIGNATURE_BYTES]
    return f"{PASS}.{_text(pass_id.bytes)}.{_text(signature)}"


def pass_in(text: str, keys: Sequence[str]) -> uuid.UUID | None:
    """The pass a text of ours names, signed by any of `keys`; None for anything else."""
    try:
        kind, shown, _signature = text.strip().split(".")
        pass_id = uuid.UUID(bytes=_bytes(shown))
    except (ValueError, NotBase64):
        return None
    is_ours = kind == PASS and any(_same(text.strip(), pass_text(pass_id, secret)) for secret in keys)
    return pass_id if is_ours else None


def pass_token(pass_id: uuid.UUID, secret: str) -> str:
    """What a phone shows to be given its pass: 256 bits in hex, known to whoever has the pass."""
    return _signed(secret, b"wallet pass token", pass_id.bytes).hex()


def is_pass_token(token: str, pass_id: uuid.UUID, keys: Sequence[str]) -> bool:
    return any(_same(token, pass_token(pass_id, secret)) for secret in keys)


def _card(device_id: uuid.UUID, key: bytes, step: int) -> str:
    signature = hmac.digest(key, str(step).encode(), hashlib.sha256)[:SIGNATURE_BYTES]
    return f"{CARD}.{_text(device_id.bytes)}.{_base36(step)}.{_text(signature)}"


def _step(now: datetime) -> int:
    return int(now.timestamp()) // CARD_SECONDS


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = DIGITS[digit] + digits
    return digits or "0"


def _signed(secret: str, purpose: bytes, content: bytes) -> bytes:
    return hmac.digest(secret.encode(), purpose + b"\0" + content, hashlib.sha256)


def _same(shown: str, ours: str) -> bool:
    return hmac.compare_digest(shown.encode(), ours.encode())


def _text(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
