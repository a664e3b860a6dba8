"""API tokens: 256 random bits behind a beginning that tells them from a system's key."""

import secrets

from tracking.rules.keys import VISIBLE, Made, digest_of

BEGINNING = "rg_"
BYTES = 32
DAYS = (30, 90, 365)
USUAL_DAYS = 90


def new_token() -> Made:
    shown = BEGINNING + secrets.token_urlsafe(BYTES)
    return Made(shown, shown[:VISIBLE], digest_of(shown))


def is_token(credential: str) -> bool:
    """Whether it means to be one; anything else is a system's key."""
    return credential.startswith(BEGINNING)
