"""How busy partners, systems and event names are: for lists, from the sums that are kept for each hour."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, F, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from tracking.models import EventStructure, HourCount, Partner, PartnerSystem, TrackedEvent
from tracking.queries.shop_clock import hour_of

LATELY = timedelta(hours=24)
CSV_COLUMNS = ("partner", "is active", "systems", "events in 24 h", "invalid in 24 h", "last event")
_RECEIVED = F("valid") + F("invalid") + F("duplicates")


@dataclass(frozen=True)
class Traffic:
    """What came in 24 hours, and when the last event happened that ever came."""

    received: int = 0
    invalid: int = 0
    last_at: datetime | None = None

    @property
    def invalid_share(self) -> float | None:
        return self.invalid / self.received if self.received else None

    def __add__(self, other: "Traffic") -> "Traffic":
        last_at = max(filter(None, (self.last_at, other.last_at)), default=None)
        return Traffic(self.received + other.received, self.invalid + other.invalid, last_at)


@dataclass(frozen=True)
class NameTraffic:
    """An event name: how often it came in a span, and its structures' versions, where it has any."""

    name: str
    received: int
    invalid: int
    published: EventStructure | None = None
    draft: EventStructure | None = None
    newest: EventStructure | None = None

    @property
    def invalid_share(self) -> float | None:
        return self.invalid / self.received if self.received else None


def partners(seen: QuerySet[Partner], *, q: str = "", is_active: bool | None = None) -> QuerySet[Partner]:
    """Those of `seen` whose name holds `q`, with the number of their systems."""
    rows = seen.annotate(system_count=Count("systems")).order_by("name", "pk")
    if q:
        rows = rows.filter(name__icontains=q)
    return rows if is_active is None else rows.filter(is_active=is_active)


def with_traffic(rows: Iterable[Partner], *, now: datetime) -> list[tuple[Partner, Traffic]]:
    """Each with the traffic of all its systems."""
    listed = list(rows)
    systems = PartnerSystem.objects.filter(partner__in=listed)
    owners = dict(systems.values_list("pk", "partner_id"))
    sums: dict[int, Traffic] = {}
    for number, traffic in traffic_of(systems, now=now).items():
        sums[owners[number]] = sums.get(owners[number], Traffic()) + traffic
    return [(partner, sums.get(partner.pk, Traffic())) for partner in listed]


def csv_rows(rows: Sequence[tuple[Any, Traffic]]) -> Iterator[tuple[Any, ...]]:
    for partner, traffic in rows:
        yield partner.name, partner.is_active, partner.system_count, traffic.received, traffic.invalid, traffic.last_at


def traffic_of(systems: QuerySet[PartnerSystem], *, now: datetime) -> dict[int, Traffic]:
    """By the systems' own numbers; every one of them is in it."""
    newest = TrackedEvent.objects.filter(system_id=OuterRef("pk")).order_by("-occurred_at").values("occurred_at")[:1]
    last = dict(systems.annotate(last_at=Subquery(newest)).values_list("pk", "last_at"))
    counts = HourCount.objects.filter(system_id__in=list(last), hour__gte=hour_of(now - LATELY), hour__lte=now)
    sums: QuerySet[Any, Any] = counts.values("system_id").annotate(received=Sum(_RECEIVED), wrong=Sum("invalid"))
    came = {row["system_id"]: (row["received"], row["wrong"]) for row in sums.order_by()}
    return {number: Traffic(*came.get(number, (0, 0)), last_at) for number, last_at in last.items()}


def planned_names(system: PartnerSystem, *, since: datetime, until: datetime) -> list[NameTraffic]:
    """Every event name that has a structure, with what came of it."""
    versions: dict[str, list[EventStructure]] = {}
    for structure in system.structures.order_by("event_name", "version").defer("schema"):
        versions.setdefault(structure.event_name, []).append(structure)
    rows = _by_name(system, since, until).filter(name__in=list(versions))
    came = {row["name"]: (row["received"], row["wrong"]) for row in rows}
    status = EventStructure.Status
    return [
        NameTraffic(
            name,
            *came.get(name, (0, 0)),
            published=next((each for each in listed if each.status == status.PUBLISHED), None),
            draft=next((each for each in listed if each.status == status.DRAFT), None),
            newest=listed[-1],
        )
        for name, listed in versions.items()
    ]


def unplanned_names(system: PartnerSystem, *, since: datetime, until: datetime) -> QuerySet[Any, dict[str, Any]]:
    """Names that came and have no structure, as {name, received, wrong}, the most frequent first.

    What could not even be read has no name to be planned by: only names that came valid count.
    """
    structured = EventStructure.objects.filter(system=system).values("event_name")
    rows = _by_name(system, since, until).exclude(name__in=structured).exclude(name="")
    return rows.filter(readable__gt=0).order_by("-received", "name")


def _by_name(system: PartnerSystem, since: datetime, until: datetime) -> QuerySet[Any, dict[str, Any]]:
    rows: QuerySet[Any, Any] = HourCount.objects.filter(system_id=system.pk, hour__gte=hour_of(since), hour__lte=until)
    return (
        rows.order_by()
        .values("name")
        .annotate(received=Sum(_RECEIVED), wrong=Sum("invalid"), readable=Coalesce(Sum("valid"), 0))
    )
