"""What the pages show of destinations and deliveries."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Min, Q, QuerySet

from config.shared.sealing import SealBroken
from integrations.models import DeliveryAttempt, Destination, OutboundDelivery
from integrations.outbound.base import CannotBeTold, Kind
from integrations.outbound.kinds import kinds
from integrations.outbound.notices import gone_of, notice_of, people_in
from integrations.outbound.parcels import opened
from tracking.rules.privacy import shown

Status = OutboundDelivery.Status
DAY = timedelta(days=1)


@dataclass(frozen=True)
class DestinationState:
    """One destination, how it is, and what became of the deliveries of the last 24 hours."""

    destination: Destination
    kind: type[Kind]
    place: str
    delivered: int
    failed: int
    waiting: int
    oldest_waits_since: datetime | None
    rests: bool

    @property
    def health(self) -> tuple[str, str]:
        """In a word or two, and its tone."""
        row = self.destination
        if row.going_since:
            return "Being deleted", "neutral"
        if not row.is_enabled:
            return ("Switched off by itself", "danger") if row.disabled_because else ("Off", "neutral")
        if row.failing_since:
            return "Failing", "danger"
        if row.delivered_at:
            return "Works", "success"
        return "Nothing told yet", "neutral"


def states(now: datetime) -> list[DestinationState]:
    """Of those whose kind this version knows."""
    rows = list(Destination.objects.filter(kind__in=kinds()).select_related("created_by"))
    counts = _counts([row.pk for row in rows], now)
    return [_state(row, counts.get(row.pk, {}), now) for row in rows]


def state(destination: Destination, now: datetime) -> DestinationState:
    return _state(destination, _counts([destination.pk], now).get(destination.pk, {}), now)


def _counts(numbers: Sequence[int], now: datetime) -> dict[int, dict[str, Any]]:
    of = OutboundDelivery.objects.filter(destination__in=numbers).order_by().values("destination")
    lately = of.filter(created_at__gte=now - DAY).annotate(
        delivered=Count("pk", filter=Q(status=Status.DELIVERED)), failed=Count("pk", filter=Q(status=Status.FAILED))
    )
    waiting = of.filter(status=Status.WAITING).annotate(waiting=Count("pk"), oldest=Min("created_at"))
    found: dict[int, dict[str, Any]] = {}
    for row in (*lately, *waiting):
        found.setdefault(row["destination"], {}).update(row)
    return found


def _state(row: Destination, counts: dict[str, Any], now: datetime) -> DestinationState:
    kind = kinds()[row.kind]
    return DestinationState(
        destination=row,
        kind=kind,
        place=kind(row.options, ()).place,
        delivered=counts.get("delivered", 0),
        failed=counts.get("failed", 0),
        waiting=counts.get("waiting", 0),
        oldest_waits_since=counts.get("oldest"),
        rests=row.rests_until is not None and row.rests_until > now,
    )


def deliveries(
    destination: Destination, *, status: str = "", event: str = "", before: int | None = None
) -> QuerySet[OutboundDelivery]:
    """The newest first; `before` is the number of the last one already seen."""
    rows = destination.deliveries.order_by("-pk")
    if status:
        rows = rows.filter(status=status)
    if event:
        rows = rows.filter(event_name=event)
    return rows if before is None else rows.filter(pk__lt=before)


def attempts(delivery: OutboundDelivery) -> QuerySet[DeliveryAttempt]:
    return delivery.tries.order_by("-number")


def waiting_deliveries() -> int:
    """Of destinations that are switched on."""
    return OutboundDelivery.objects.filter(status=Status.WAITING, destination__is_enabled=True).count()


def failing_destinations() -> int:
    return Destination.objects.filter(is_enabled=True, failing_since__isnull=False).count()


@dataclass(frozen=True)
class Told:
    """What is told with this delivery, made anew as each attempt makes it: nothing personal is kept with deliveries.

    Without a body, `refusal` says why nothing can be told.
    """

    id: str = ""
    method: str = ""
    url: str = ""
    body: str = ""
    refusal: str = ""


def told_with(delivery: OutboundDelivery, *, may_see_people: bool, now: datetime) -> Told:
    """`delivery` comes with its event and destination."""
    destination = delivery.destination
    people = people_in([delivery]) if destination.tells_people and may_see_people else {}
    try:
        kind, notice = opened(destination, now=now), notice_of(delivery, people, gone_of([delivery]))
        kind.check(notice)
        call = kind.call([notice], now=now)
    except (CannotBeTold, SealBroken) as error:
        return Told(refusal=str(error))
    body = shown(json.loads(call.body), may_see=may_see_people)
    return Told(id=notice.id, method=call.method, url=call.url, body=json.dumps(body, indent=2, ensure_ascii=False))
