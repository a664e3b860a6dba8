"""Times as shops write them, and what a local time means when the clocks change."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
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
_CLOCK = re.compile(
    r"(\d{1,2})(?:[:.](\d{2}))?(?:[:.](\d{2})(?:\.\d+)?)?\s*(?:(?:Uhr|hrs?\.?|h\.?)|([AaPp])\.?\s*(?:[Mm]\.?)?)?"
)
_EPOCH = re.compile(r"\d{9,10}(?:\.\d+)?|\d{12,13}")
_ISO_DAY = re.compile(r"\d{4}-\d{1,2}-\d{1,2}|\d{8}")


OLDEST = 120  # years


class NotATime(ValueError):
    """This cannot be a time in the style the file's column is written in."""


@dataclass(frozen=True)
class Moment:
    """A point in time, with what had to be assumed: `gap`, `fold`, `no_time` or nothing."""

    at: datetime
    remark: str = ""


def style(values: Iterable[str], *, day_first: bool = False) -> str:
    """How a column of times is written. A day above 12 settles 03/04/2026; without one, `day_first` does."""
    votes = dict.fromkeys(STYLES, 0)
    for value in values:
        if _EPOCH.fullmatch(value):
            votes["epoch"] += 1
        elif match := _DAY.fullmatch(value):
            if order := _only_order(match):
                votes[order] += 1
        elif value:
            votes["iso"] += 1
    if not any(votes.values()):
        return "dmy" if day_first else "mdy"
    return max(votes, key=lambda name: votes[name])


def order_is_open(values: Iterable[str]) -> bool:
    """Whether there are days like 03/04/2026, and every one of them could be read both ways."""
    days = [match for value in values if (match := _DAY.fullmatch(value))]
    return bool(days) and not any(map(_only_order, days))


def _only_order(day: re.Match[str]) -> str:
    """The order this day must be written in, or nothing when it could be either. With dots, the day comes first."""
    first, mark, second = int(day[1]), day[2], int(day[3])
    if first > 12 or (mark == "." and second <= 12):
        return "dmy"
    return "mdy" if second > 12 else ""


def birth_date(text: str, how: str, today: date) -> date:
    """Raises NotATime, also for a date that could be two days in a file whose times do not say which.

    Of two digits for a year, the later century is taken that is not the future: nobody grows older by it.
    """
    match = _DAY.fullmatch(text)
    if match is None:
        born = written(text, "iso")[0].date()
    else:
        order = _only_order(match) or how
        if order not in ("dmy", "mdy"):
            raise NotATime(f"“{text[:40]}” could be two days.")
        born = written(text, order)[0].date()
        if len(match[4]) == 2 and born > today:
            born = _century_before(born)
    if born > today or today.year - born.year > OLDEST:
        raise NotATime(f"“{text[:40]}” is nobody's birth date.")
    return born


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


def _century_before(day: date) -> date:
    try:
        return day.replace(year=day.year - 100)
    except ValueError:  # 29 February of a century that has none
        return day.replace(year=day.year - 100, day=28)


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
