"""The hours of a day at which messages may leave, on the recipient's own clock. Plain Python."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

# A window of one hour may fall into the hour that a spring night leaves out, so two days are not always enough.
_DAYS_AHEAD = 3


@dataclass(frozen=True)
class SendWindow:
    """From `opens` o'clock until just before `closes` o'clock, each day. 0 to 24 is never closed."""

    opens: int
    closes: int

    def is_open(self, at: datetime, zone: ZoneInfo) -> bool:
        return self.opens <= at.astimezone(zone).hour < self.closes

    def next_open(self, at: datetime, zone: ZoneInfo) -> datetime:
        """`at` itself while the window is open, else when it opens next."""
        return at if self.is_open(at, zone) else self._opening(at, zone, first_day=0)

    def next_day(self, at: datetime, zone: ZoneInfo) -> datetime:
        """When the window opens on a later day than the one `at` falls on."""
        return self._opening(at, zone, first_day=1)

    def _opening(self, at: datetime, zone: ZoneInfo, *, first_day: int) -> datetime:
        """The first opening after `at`. An hour that the clocks skip opens when they have moved on."""
        today = local_day(at, zone)
        for day in range(first_day, first_day + _DAYS_AHEAD):
            opening = datetime.combine(today + timedelta(days=day), time(self.opens), zone).astimezone(at.tzinfo)
            if opening > at and self.is_open(opening, zone):
                return opening
        raise AssertionError(f"{self} never opens in {zone}")


def local_day(at: datetime, zone: ZoneInfo) -> date:
    return at.astimezone(zone).date()


def on_the_clock(hour: int) -> str:
    """`8 a.m.`, `noon`, `midnight`: 0 and 24 are both midnight."""
    if hour in (0, 24):
        return "midnight"
    if hour == 12:
        return "noon"
    return f"{hour % 12} {'a.m.' if hour < 12 else 'p.m.'}"
