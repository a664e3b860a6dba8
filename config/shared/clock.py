from collections.abc import Callable
from datetime import datetime, timedelta
from time import monotonic

Clock = Callable[[], datetime]


def ticking(now: datetime) -> Clock:
    """A clock that shows `now` and then runs like any other: for long work, in which time is an argument too."""
    started = monotonic()
    return lambda: now + timedelta(seconds=monotonic() - started)
