"""What shoppers and tills get in by: one-time codes, refresh tokens, keys of tills. How each is made and kept."""

import hashlib
import hmac
import secrets
from datetime import timedelta
from uuid import UUID

from tracking.rules.keys import VISIBLE, Made, digest_of

CODE_DIGITS = 6
CODE_LASTS = timedelta(minutes=10)
MOST_TRIES = 5

# A courteous rate: what a person needs, and too little to guess by or to fill somebody's mailbox with.
CODES_AN_HOUR = 5
BETWEEN_CODES = timedelta(seconds=30)
CODES_AN_HOUR_BY_ADDRESS = 30  # everybody in the shop's own Wi-Fi has one address

DEVICE_LASTS = timedelta(days=90)  # without being used
# Two tabs may refresh at the same moment, and an answer may be lost on its way.
LEEWAY = timedelta(seconds=30)

REFRESH_BEGINNING, TILL_BEGINNING = "rt_", "tk_"
SECRET_BYTES = 32


def new_code() -> str:
    return f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"


def code_digest(code: str, *, asked: UUID, secret: str) -> bytes:
    """Six digits are found from a plain hash in a second: whoever reads the table must lack the secret."""
    return hmac.new(secret.encode(), f"login code:{asked.hex}:{code}".encode(), hashlib.sha256).digest()


def is_code(code: str, digest: bytes, *, asked: UUID, secret: str) -> bool:
    return hmac.compare_digest(code_digest(code, asked=asked, secret=secret), digest)


def new_refresh_token() -> Made:
    return _made(REFRESH_BEGINNING)


def new_till_key() -> Made:
    return _made(TILL_BEGINNING)


def new_mark() -> str:
    """Stays with a browser, whoever signs in on it."""
    return secrets.token_urlsafe(SECRET_BYTES)


def _made(beginning: str) -> Made:
    shown = beginning + secrets.token_urlsafe(SECRET_BYTES)
    return Made(shown, shown[:VISIBLE], digest_of(shown))
