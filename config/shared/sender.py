"""Who every email is from."""

from email.utils import parseaddr, quote
from functools import lru_cache

from django.conf import settings


def sender_under(name: str) -> str:
    """EMAIL_FROM; where it is a bare address, under `name`: `"Harbor Wines" <shop@example.com>`."""
    return _under(name, settings.DEFAULT_FROM_EMAIL)


@lru_cache(maxsize=8)
def _under(name: str, sender: str) -> str:
    own, address = parseaddr(sender)
    said = " ".join(name.split())
    return sender if own or not said else f'"{quote(said)}" <{address}>'
