"""Who every email is from."""

from email.utils import parseaddr, quote

from django.conf import settings


def sender_under(name: str) -> str:
    """EMAIL_FROM; where it is a bare address, under `name`: `"Harbor Wines" <shop@example.com>`."""
    own, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    said = " ".join(name.split())
    return settings.DEFAULT_FROM_EMAIL if own or not said else f'"{quote(said)}" <{address}>'
