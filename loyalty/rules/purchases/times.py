"""Times as shops write them, and what a local time means when the clocks change."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from functools import lru_cache

NOON = time(12)
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
STYLES = {
    "iso": "2026-03-29 15:30 (year first)",
    "mdy": "3/29/2026 3:30 PM (month first)",
    "dmy": "29.03.2026 15:30 (day first)",
    "epoch": "1774798200 (seconds or milliseconds since 1970)",
}

_DAY = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})(?:[,T]?\s*(.+))?")
_CLOCK = re.compile(r"(\d{1,2})(?::(\d{2}))?(?::(\d{2})(?:\.\d+)?)?\s*([AaPp])?\.?(?:[Mm]\.?)?")
_EPOCH = re.compile(r"\d{9,10}(?:\.\d+)?|\d{12,13}")
_ISO_DAY = re.compile(r"\d{4}-\d{1,2}-\d{1,2}|\d{8}")


class NotATime(ValueError):
    """This cannot be a time in the style the file's column is written in."""


@dataclass(frozen=True)
class Moment:
    """A point in time, with what had to be assumed: `gap`, `fold`, `no_time` or nothing."""

    at: datetime
    remark: str = ""


def style(values: Iterable[str]) -> str:
    """How a column of times is written. 03/04/2026 everywhere is read month first; a day above 12 settles it."""
    votes = dict.fromkeys(STYLES, 0)
    for value in values:
        if _EPOCH.fullmatch(value):
            votes["epoch"] += 1
        elif match := _DAY.fullmatch(value):
            first, mark, second = int(match[1]), match[2], int(match[3])
            if first > 12 or (mark == "." and second <= 12):
                votes["dmy"] += 1
            elif second > 12:
                votes["mdy"] += 1
        elif value:
            votes["iso"] += 1
    if not any(votes.values()):
        return "mdy"
    return max(votes, key=lambda name: votes[name])


@lru_cache(maxsize=8_192)
def written(text: str, how: str) -> tuple[datetime, bool]:
    """What stands there, naive unless a zone is written, and whether a time of day stands there.

    Days without a time of day are taken at noon, so that nobody becomes a night buyer by it.
    """
    try:
        if how == "epoch":
            return _epoch(text), True
        if how == "iso":
            return _iso(text)
        return _by_day(text, day_first=how == "dmy")
    except (ValueError, OverflowError, OSError):
        raise NotATime(f"“{text[:40]}” is not a time written like {STYLES[how]}.") from None


def moment(text: str, how: str, zone: tzinfo, now: datetime) -> Moment:
    """The instant a local time means. Raises NotATime, for the future and for years before 1990 too.

    A time the clocks jumped over is moved forward by the jump; of a time that came twice, the first is taken.
    """
    value, has_time = written(text, how)
    remark = "" if has_time else "no_time"
    if value.tzinfo is None:
        value = value.replace(tzinfo=zone)
        before, after = value.utcoffset(), value.replace(fold=1).utcoffset()
        if before != after:
            remark = "gap" if (before or timedelta()) < (after or timedelta()) else "fold"
    # Python's own arithmetic does both: before the jump's offset moves forward, fold=0 is the first of two.
    at = value.astimezone(UTC)
    if at > now:
        raise NotATime(f"“{text[:40]}” lies in the future.")
    if at < EARLIEST:
        raise NotATime(f"“{text[:40]}” lies before 1990.")
    return Moment(at, remark)


def is_time(text: str) -> bool:
    for how in ("iso", "mdy", "dmy"):
        try:
            written(text, how)
        except NotATime:
            continue
        return not text.isdigit()
    return False


def _epoch(text: str) -> datetime:
    if not _EPOCH.fullmatch(text):
        raise ValueError
    return datetime.fromtimestamp(float(text) / (1000 if len(text) >= 12 and "." not in text else 1), UTC)


def _iso(text: str) -> tuple[datetime, bool]:
    value = datetime.fromisoformat(text.removesuffix(" UTC"))
    if _ISO_DAY.fullmatch(text):
        return datetime.combine(value, NOON), False
    return value, True


def _by_day(text: str, *, day_first: bool) -> tuple[datetime, bool]:
    match = _DAY.fullmatch(text)
    if match is None:
        raise ValueError
    first, second, year = int(match[1]), int(match[3]), int(match[4])
    day, month = (first, second) if day_first else (second, first)
    clock = match[5]
    at = _clock(clock) if clock else NOON
    return datetime.combine(datetime(year + 2000 if year < 100 else year, month, day), at), bool(clock)  # noqa: DTZ001


def _clock(text: str) -> time:
    match = _CLOCK.fullmatch(text.strip())
    if match is None:
        raise ValueError
    hour = int(match[1])
    if match[4]:
        if not 1 <= hour <= 12:
            raise ValueError
        hour = hour % 12 + (12 if match[4] in "pP" else 0)
    return time(hour, int(match[2] or 0), int(match[3] or 0))
