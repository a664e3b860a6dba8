"""Reading what may be there, may be missing, or may be nonsense: unknown words must never cost the known ones."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from integrations.inbound.base import Unreadable


def parsed(body: bytes | str) -> Any:
    """The JSON value. Raises Unreadable."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Unreadable(f"This is not JSON: {error}.") from error


def mapping(value: Any) -> dict[str, Any]:
    """The value when it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def mappings(value: Any) -> list[dict[str, Any]]:
    """Every object of a list. Raises Unreadable when there is anything else."""
    entries = value if isinstance(value, list) else [value]
    if not all(isinstance(entry, dict) for entry in entries):
        raise Unreadable("An object was expected, or a list of them.")
    return entries


def text(data: Any, *names: str) -> str:
    """The first of these that says something, as text."""
    for name in names:
        value = mapping(data).get(name)
        if isinstance(value, str | int | float) and not isinstance(value, bool) and value != "":
            return str(value)
    return ""


def bare(message_id: str) -> str:
    """A Message-ID without its angle brackets."""
    return message_id.strip().removeprefix("<").removesuffix(">")


def moment(value: Any, received_at: datetime) -> datetime:
    """Seconds since 1970, ISO 8601 or the date of an email. What has not come yet, or cannot be read, is now."""
    with suppress(ValueError, TypeError, OverflowError, OSError):
        return min(_moment(value), received_at)
    return received_at


def _moment(value: Any) -> datetime:
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, tz=UTC)
    with suppress(ValueError):
        return datetime.fromtimestamp(float(value), tz=UTC)
    with suppress(ValueError):
        return _aware(datetime.fromisoformat(value))
    return _aware(parsedate_to_datetime(value))


def _aware(when: datetime) -> datetime:
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC)


def joined(parts: Iterable[str]) -> str:
    return " ".join(part for part in parts if part)
