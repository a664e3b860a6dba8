"""What a page about events is asked: of which systems, of which days, and who is looking."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest
from django.utils import timezone

from tracking.models import PartnerSystem
from tracking.queries import scope
from tracking.queries.places import BadPlace
from tracking.queries.shop_clock import start_of
from tracking.queries.tracked import Place

LONGEST = 200


@dataclass(frozen=True)
class Of:
    """The systems somebody may see, and the one they chose, if any."""

    systems: Sequence[PartnerSystem]
    chosen: PartnerSystem | None

    @property
    def ids(self) -> tuple[int, ...]:
        return (self.chosen.pk,) if self.chosen else tuple(system.pk for system in self.systems)

    @property
    def value(self) -> str:
        return str(self.chosen.public_id) if self.chosen else ""

    def select(self) -> dict[str, Any]:
        """For components/filters.html and its like."""
        options = [(str(system.public_id), f"{system.partner.name}: {system.name}") for system in self.systems]
        return {"name": "system", "label": "System", "value": self.value, "options": options}


@dataclass(frozen=True)
class Span:
    """Whole days of the shop's time zone, both included."""

    first: date
    last: date

    @property
    def since(self) -> datetime:
        return start_of(self.first)

    @property
    def until(self) -> datetime:
        return start_of(self.last + timedelta(days=1))

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1


def systems_of(request: HttpRequest) -> Of:
    """404 for a system that is not there, and for one of somebody else, alike."""
    systems = list(scope.systems_seen_by(request.user))
    asked = text(request, "system")
    if not asked:
        return Of(systems, None)
    found = next((system for system in systems if str(system.public_id) == asked.lower()), None)
    if found is None:
        raise Http404("There is no such system.")
    return Of(systems, found)


def span_of(request: HttpRequest, *, days: int) -> Span:
    """`first` and `last` as asked, else the last `days` days. What makes no sense is not heeded."""
    today = timezone.localdate()
    last = _day(request.GET.get("last", "")) or today
    first = _day(request.GET.get("first", "")) or last - timedelta(days=days - 1)
    return Span(min(first, last), last)


def text(request: HttpRequest, name: str) -> str:
    return request.GET.get(name, "").strip().replace("\x00", "")[:LONGEST]


def place_in(request: HttpRequest) -> Place | None:
    """Where the list goes on. A place that nobody gave out is not heeded."""
    try:
        return Place.read(request.GET["before"]) if request.GET.get("before") else None
    except BadPlace:
        return None


def may_see_people(request: HttpRequest) -> bool:
    """Whether names and addresses are shown as they are: a partner's people see their own data whole."""
    return scope.may_see_people(request.user)


def query(**values: Any) -> str:
    """`?a=1&b=2` without what is empty."""
    return "?" + urlencode({name: value for name, value in values.items() if value not in ("", None)}, doseq=True)


def _day(value: str) -> date | None:
    try:
        day = date.fromisoformat(value)
    except ValueError:
        return None
    return day if 2000 <= day.year <= 2200 else None
