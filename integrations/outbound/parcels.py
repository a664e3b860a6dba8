"""Deliveries are claimed, and made into parcels: what one call tells, or several small ones over one connection."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet

from config.shared.sealing import SealBroken, unseal
from integrations.models import Destination, OutboundDelivery
from integrations.outbound.base import TOLD, CannotBeTold, Kind, Notice, Verdict
from integrations.outbound.kinds import kinds
from integrations.outbound.notices import gone_of, notice_of, people_in

Status = OutboundDelivery.Status
CALLS_AT_ONCE = 5  # to one destination
SMALL_CALLS = 10  # one after the other, over one connection
LEASE = timedelta(minutes=3)  # no turn takes as long
FAILED_HERE = "The call failed here. The log of this server says why."
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Parcel:
    """Claimed deliveries that are told by one call, or by small ones after each other, over one connection.

    Without notices there is no call, and `refused` says why.
    """

    destination: Destination
    deliveries: Sequence[OutboundDelivery]
    kind: Kind | None = None
    notices: Sequence[Notice] = ()
    refused: Verdict = TOLD


def due(now: datetime) -> QuerySet[OutboundDelivery]:
    """In nobody's hands: a worker's lease lapses when it dies."""
    free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    return OutboundDelivery.objects.filter(free, status=Status.WAITING, due_at__lte=now)


def with_work(now: datetime) -> QuerySet[Destination]:
    """Those for whom something is due and who do not rest. Who was taken least recently comes first."""
    awake = Destination.objects.filter(Q(rests_until=None) | Q(rests_until__lte=now), is_enabled=True, kind__in=kinds())
    return awake.filter(Exists(due(now).filter(destination=OuterRef("pk")))).order_by(
        F("taken_at").asc(nulls_first=True), "pk"
    )


def claimed(number: int, now: datetime, *, calls: int = CALLS_AT_ONCE) -> list[Parcel]:
    """As many parcels as that, and no more than the destination has room for."""
    if not due(now).filter(destination=number).exists():
        return []
    with transaction.atomic():
        # One worker at a time counts what is under way, so that all of them together keep to the limit.
        locked = Destination.objects.select_for_update(skip_locked=True, no_key=True).filter(pk=number, is_enabled=True)
        destination = locked.first()
        return [] if destination is None else _parcels(destination, _claim(destination, now, calls), now)


def _claim(destination: Destination, now: datetime, calls: int) -> list[OutboundDelivery]:
    at_once = _together(destination.kind)
    held = destination.deliveries.filter(status=Status.WAITING, claimed_until__gte=now).values("claimed_until")
    under_way = sum(-(-each["rows"] // at_once) for each in held.annotate(rows=Count("pk")).order_by())
    most = 1 if destination.failing_since else CALLS_AT_ONCE
    room = max(min(most - under_way, calls), 0) * at_once
    free = due(now).filter(destination=destination).select_for_update(skip_locked=True, of=("self",))
    rows = list(free.select_related("event").order_by("due_at", "pk")[:room])
    Destination.objects.filter(pk=destination.pk).update(taken_at=now)
    lease, ids = now + LEASE, [row.pk for row in rows]
    OutboundDelivery.objects.filter(pk__in=ids).update(claimed_until=lease, attempts=F("attempts") + 1)
    for row in rows:
        row.claimed_until, row.attempts = lease, row.attempts + 1
    return rows


def _together(kind: str) -> int:
    """How many deliveries a parcel holds: those of one call, or of several small ones after each other."""
    return max(kinds()[kind].at_once, SMALL_CALLS)


def opened(destination: Destination, *, now: datetime) -> Kind:
    """The adapter of this destination, with its secrets. Raises SealBroken."""
    secrets = [unseal(destination.secret)]
    if destination.old_secret and destination.old_secret_until and destination.old_secret_until > now:
        secrets.append(unseal(destination.old_secret))
    return kinds()[destination.kind](destination.options, secrets)


def _parcels(destination: Destination, rows: Sequence[OutboundDelivery], now: datetime) -> list[Parcel]:
    """A broken seal can be mended; an event that cannot be told now never will be."""
    try:
        kind = opened(destination, now=now)
    except SealBroken as error:
        return [Parcel(destination, rows, refused=Verdict(error=str(error)))] if rows else []
    people, gone = people_in(rows) if destination.tells_people else {}, gone_of(rows)
    parcels, told = [], []
    for row in rows:
        try:
            notice = notice_of(row, people, gone)
            kind.check(notice)
            told.append((row, notice))
        except CannotBeTold as error:
            parcels.append(Parcel(destination, [row], refused=Verdict(error=str(error), is_final=True)))
        except Exception:
            logger.exception("Delivery #%s to destination #%s cannot be made up.", row.pk, destination.pk)
            parcels.append(Parcel(destination, [row], refused=Verdict(error=FAILED_HERE)))
    size = _together(destination.kind)
    for first in range(0, len(told), size):
        some = told[first : first + size]
        parcels.append(Parcel(destination, [row for row, _ in some], kind, [notice for _, notice in some]))
    return parcels
