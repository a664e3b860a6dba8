"""The hours of a day at which messages may leave, on the recipient's own clock. Plain Python."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

# A window of one hour may fall into the hour that a spring night leaves out, and that night is one before a Sunday on
# which nothing leaves: so two days are not always enough.
_DAYS_AHEAD = 4
_SUNDAY = 6


@dataclass(frozen=True)
class SendWindow:
    """From `opens` o'clock until just before `closes` o'clock, each day. 0 to 24 is never closed.

    `sunday_opens` is for laws that let people sleep longer on Sundays; from 24 on, nothing leaves on one.
    """

    opens: int
    closes: int
    sunday_opens: int | None = None

    @property
    def is_never_open(self) -> bool:
        return self.opens >= self.closes

    def within(self, other: "SendWindow") -> "SendWindow":
        """The hours that are open by both."""
        sundays = [window.sunday_opens for window in (self, other) if window.sunday_opens is not None]
        return SendWindow(
            max(self.opens, other.opens), min(self.closes, other.closes), max(sundays) if sundays else None
        )

    def is_open(self, at: datetime, zone: ZoneInfo) -> bool:
        local = at.astimezone(zone)
        return self._opens_on(local.date()) <= local.hour < self.closes

    def next_open(self, at: datetime, zone: ZoneInfo) -> datetime:
        """`at` itself while the window is open, else when it opens next. Not for a window that is never open."""
        return at if self.is_open(at, zone) else self._opening(at, zone, first_day=0)

    def next_day(self, at: datetime, zone: ZoneInfo) -> datetime:
        """When the window opens on a later day than the one `at` falls on."""
        return self._opening(at, zone, first_day=1)

    def _opening(self, at: datetime, zone: ZoneInfo, *, first_day: int) -> datetime:
        """The first opening after `at`. An hour that the clocks skip opens when they have moved on."""
        today = local_day(at, zone)
        for day in range(first_day, first_day + _DAYS_AHEAD):
            morning = today + timedelta(days=day)
            if self._opens_on(morning) >= self.closes:
                continue
            opening = datetime.combine(morning, time(self._opens_on(morning)), zone).astimezone(at.tzinfo)
            if opening > at and self.is_open(opening, zone):
                return opening
        raise AssertionError(f"{self} never opens in {zone}")

    def _opens_on(self, day: date) -> int:
        if self.sunday_opens is not None and day.weekday() == _SUNDAY:
            return max(self.opens, self.sunday_opens)
        return self.opens


def local_day(at: datetime, zone: ZoneInfo) -> date:
    return at.astimezone(zone).date()


def on_the_clock(hour: int) -> str:
    """`8:00 a.m.`, `noon`, `midnight`: 0 and 24 are both midnight."""
    if hour in (0, 24):
        return "midnight"
    if hour == 12:
        return "noon"
    return f"{hour % 12}:00 {'a.m.' if hour < 12 else 'p.m.'}"
