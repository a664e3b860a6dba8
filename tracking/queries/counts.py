"""How many events came, from the sums that are kept for each hour."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db.models import F, Sum
from django.db.models.functions import Trunc
from django.utils import timezone

from tracking.models import HourCount, PartnerSystem
from tracking.queries.shop_clock import hour_of

CACHED_FOR = 300
USUAL_SPAN = timedelta(days=30)
NAMES_OF, MOST_NAMES = timedelta(days=92), 500
INTERVALS = ("hour", "day", "week", "month")
_SUMS = {name: Sum(name) for name in ("valid", "invalid", "duplicates")}


@dataclass(frozen=True)
class Count:
    """received = valid + invalid + duplicates."""

    valid: int
    invalid: int
    duplicates: int


@dataclass(frozen=True)
class NameCount(Count):
    name: str


@dataclass(frozen=True)
class IntervalCount(Count):
    """`at` is the beginning of the interval, in the shop's time zone."""

    at: str


@dataclass(frozen=True)
class Statistics:
    """`total` is everything that was received; `by_name` has the most frequent name first."""

    since: str
    until: str
    interval: str
    total: int
    valid: int
    invalid: int
    duplicates: int
    by_name: list[NameCount]
    series: list[IntervalCount]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class SystemCount(Count):
    """All a system ever sent."""

    partner: str
    system: str


def counts_by_system() -> list[SystemCount]:
    systems = PartnerSystem.objects.select_related("partner").in_bulk()
    rows = HourCount.objects.values("system_id").annotate(**_SUMS).order_by("system_id")
    found = rows.values_list("valid", "invalid", "duplicates", "system_id")
    return [
        SystemCount(valid, invalid, duplicates, systems[number].partner.name, systems[number].name)
        for valid, invalid, duplicates, number in found
        if number in systems
    ]


def names_of(system_ids: Sequence[int]) -> list[str]:
    """What the events of these systems are called, of the last months."""
    lately = timezone.now() - NAMES_OF
    rows = HourCount.objects.filter(system_id__in=system_ids, hour__gte=lately).order_by("name")
    return list(rows.values_list("name", flat=True).distinct()[:MOST_NAMES])


def statistics(
    system_ids: Sequence[int],
    *,
    since: datetime,
    until: datetime,
    interval: str = "day",
    name: str = "",
    is_fresh: bool = False,
) -> Statistics:
    """Events of these systems that happened from the hour of `since` up to `until`; kept for five minutes.

    `is_fresh` asks the database again.
    """
    since = hour_of(since)
    asked = (sorted(system_ids), since, int(until.timestamp()) // CACHED_FOR, interval, name)
    key = f"tracking:statistics:{hashlib.sha256(repr(asked).encode()).hexdigest()}"
    found = None if is_fresh else cache.get(key)
    if found is None:
        found = _counted(system_ids, since, until, interval, name)
        cache.set(key, found, CACHED_FOR)
    return found


def _counted(system_ids: Sequence[int], since: datetime, until: datetime, interval: str, name: str) -> Statistics:
    rows = HourCount.objects.filter(system_id__in=system_ids, hour__gte=since, hour__lt=until)
    if name:
        rows = rows.filter(name=name)
    received = F("valid") + F("invalid") + F("duplicates")
    names = rows.values("name").annotate(**_SUMS).order_by(-received, "name")
    zone = timezone.get_default_timezone()
    times = rows.annotate(at=Trunc("hour", interval, tzinfo=zone)).values("at").annotate(**_SUMS).order_by("at")
    by_name = [NameCount(*row) for row in names.values_list(*_SUMS, "name")]
    series = [
        IntervalCount(valid, invalid, duplicates, at.isoformat())
        for valid, invalid, duplicates, at in times.values_list("valid", "invalid", "duplicates", "at")
    ]
    sums = {part: sum(getattr(row, part) for row in by_name) for part in _SUMS}
    return Statistics(
        since=since.isoformat(),
        until=until.isoformat(),
        interval=interval,
        total=sum(sums.values()),
        **sums,
        by_name=by_name,
        series=series,
    )
