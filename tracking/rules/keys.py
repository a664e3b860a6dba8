"""Keys and secrets: long random texts, so a plain SHA-256 keeps them as safe as a slow hash would, and is looked up."""

import hashlib
import secrets
from typing import NamedTuple

VISIBLE = 10


class Made(NamedTuple):
    """`shown` is told once; `prefix` may be seen for ever; `digest` is kept."""

    shown: str
    prefix: str
    digest: bytes


def new_write_key() -> Made:
    shown = f"wk_{secrets.token_urlsafe(24)}"
    return Made(shown, shown[:VISIBLE], digest_of(shown))


def new_pair() -> tuple[str, Made]:
    """The id, and the secret that goes with it."""
    identifier, secret = f"id_{secrets.token_hex(10)}", f"sk_{secrets.token_urlsafe(24)}"
    return identifier, Made(secret, identifier, digest_of(f"{identifier}:{secret}"))


def digest_of(credential: str) -> bytes:
    """Of a write key, or of a pair written as `id:secret`."""
    return hashlib.sha256(credential.encode("utf-8", "surrogatepass")).digest()
