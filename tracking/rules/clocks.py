"""When something happened, though senders' clocks are wrong and write time in many ways."""

from datetime import UTC, datetime, timedelta
from typing import Any

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_MILLISECONDS_FROM = 100_000_000_000  # As seconds that is the year 5138, as milliseconds 1973.


class BadTimestamp(ValueError):
    pass


def parsed(value: Any) -> datetime | None:
    """An aware UTC time from ISO 8601 (no zone means UTC) or seconds or milliseconds since 1970; None from nothing.

    A leap second is the last moment of its minute. Raises BadTimestamp.
    """
    if value is None or value == "":
        return None
    try:
        if isinstance(value, str):
            return _from_text(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            seconds = value / 1000 if abs(value) >= _MILLISECONDS_FROM else value
            return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        pass  # Said below, without the words of Python.
    raise BadTimestamp(f"“{str(value)[:40]}” is not a time; send ISO 8601 such as 2026-03-29T15:30:00Z.")


def corrected(original: datetime | None, *, sent_at: datetime | None, received_at: datetime) -> datetime:
    """When it happened by our clock: received - (sent - original), which takes out the sender's wrong clock.

    Never later than `received_at`. Without `sent_at` the sender is believed; without `original` it happened now.
    The formula is the one Segment documents for its own `timestamp`.
    """
    if original is None:
        return received_at
    happened = original if sent_at is None else received_at - (sent_at - original)
    return min(happened, received_at)


def is_plausible(happened: datetime) -> bool:
    return happened >= EARLIEST


def _from_text(value: str) -> datetime:
    if value.isdecimal():
        return datetime.fromtimestamp(int(value) / (1000 if len(value) > 11 else 1), UTC)
    try:
        when = datetime.fromisoformat(value)
    except ValueError:
        if ":60" not in value:
            raise
        when = datetime.fromisoformat(value.replace(":60", ":59", 1)) + timedelta(microseconds=999_999)
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
