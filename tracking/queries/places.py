"""Places in lists that have the newest first, as texts that go from one page to the next."""

import base64
import binascii
from datetime import datetime

from config.shared.errors import DomainError


class BadPlace(DomainError):
    code = "bad_cursor"

    def __init__(self) -> None:
        super().__init__("This is no place in the list. Begin without one.")


def written(at: datetime, which: str) -> str:
    """When the last one shown was, and which one of those of that moment."""
    return base64.urlsafe_b64encode(f"{at.isoformat()} {which}".encode()).decode().rstrip("=")


def read(text: str) -> tuple[datetime, str]:
    """Raises BadPlace for anything but what `written()` gave."""
    try:
        at, _, which = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().partition(" ")
        moment = datetime.fromisoformat(at)
    except (binascii.Error, ValueError):
        raise BadPlace from None
    if moment.tzinfo is None or "\x00" in which:
        raise BadPlace
    return moment, which
