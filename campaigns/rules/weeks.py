"""When the next week of a campaign that repeats begins. Plain Python."""

from datetime import date, timedelta

# So many days before its first, a week is drafted: time enough to read, change and approve it.
LEAD = 3


def next_week(today: date, weekday: int, *, after: date) -> date:
    """The next day after `today` and `after`, the last day of the week before, that is a `weekday` (0 is Monday)."""
    first = max(today, after) + timedelta(days=1)
    return first + timedelta(days=(weekday - first.weekday()) % 7)


def is_time(today: date, first: date) -> bool:
    """Whether the week that begins on `first` is to be drafted now."""
    return today >= drafted_on(first)


def drafted_on(first: date) -> date:
    """The day from which the week that begins on `first` is drafted."""
    return first - timedelta(days=LEAD)
