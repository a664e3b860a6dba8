"""When points can be used and when they expire, as the programme's terms stand on the day they come in."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

AT_ONCE, DAYS, DELIVERY, EVENT = "at_once", "days", "delivery", "event"
NEVER, ROLLING, FIXED, SLIDING = "never", "rolling", "fixed", "sliding"
DELIVERED = "order.delivered"


@dataclass(frozen=True)
class Terms:
    """The part of the programme that lots are made by. `expires_on` is month and day, such as 12-31."""

    pending: str = AT_ONCE
    pending_days: int = 0
    pending_event: str = ""
    expiry: str = NEVER
    expiry_days: int = 365
    expires_on: str = "12-31"
    zone: str = "UTC"


@dataclass(frozen=True)
class LotTerms:
    """Of one lot: it waits for a day or for an event, or for neither; it ends at a time, or slides, or stays."""

    pending_until: datetime | None = None
    pending_event: str = ""
    expires_at: datetime | None = None
    is_sliding: bool = False

    @property
    def is_pending(self) -> bool:
        return self.pending_until is not None or bool(self.pending_event)


def lot_terms(
    terms: Terms, *, earned_at: datetime, now: datetime, is_bought: bool, is_delivered: bool = False
) -> LotTerms:
    """Only points of a purchase (`is_bought`) wait. Days end at midnight where the shop is, after the last one."""
    until, event = _waits_for(terms, earned_at) if is_bought else (None, "")
    if until is not None and until <= now:
        until = None
    if is_delivered and event == DELIVERED:
        event = ""
    return LotTerms(until, event, _expires_at(terms, earned_at), terms.expiry == SLIDING)


def _waits_for(terms: Terms, earned_at: datetime) -> tuple[datetime | None, str]:
    match terms.pending:
        case "days":
            return _end_of_day(_day(terms, earned_at) + timedelta(days=terms.pending_days - 1), terms), ""
        case "delivery":
            return None, DELIVERED
        case "event":
            return None, terms.pending_event
        case _:
            return None, ""


def _expires_at(terms: Terms, earned_at: datetime) -> datetime | None:
    earned = _day(terms, earned_at)
    if terms.expiry == ROLLING:
        return _end_of_day(earned + timedelta(days=terms.expiry_days), terms)
    if terms.expiry == FIXED:
        return _end_of_day(_next(terms.expires_on, earned), terms)
    return None


def _next(month_and_day: str, after: date) -> date:
    """That day of this year, or of the next when it is behind. 29 February is the 28th in other years."""
    return next(day for year in (after.year, after.year + 1) if (day := _in_year(month_and_day, year)) >= after)


def _in_year(month_and_day: str, year: int) -> date:
    month, day = map(int, month_and_day.split("-"))
    while True:
        try:
            return date(year, month, day)
        except ValueError:
            day -= 1


def _day(terms: Terms, at: datetime) -> date:
    return at.astimezone(ZoneInfo(terms.zone)).date()


def _end_of_day(day: date, terms: Terms) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), ZoneInfo(terms.zone))
