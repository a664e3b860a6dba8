"""Deliveries are claimed, told and noted. Whoever answers slowly holds up nobody else.

Each destination has so many calls under way and no more, all workers together, and only one while it is failing. The
calls wait in threads and know no database; rows are claimed and noted between them, in short transactions.
"""

import logging
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from requests import RequestException, Session

from config.shared.clock import Clock
from integrations import outgoing
from integrations.models import DeliveryAttempt, Destination, OutboundDelivery
from integrations.outbound.base import Answer, Kind, Notice, Verdict
from integrations.outbound.kinds import kinds
from integrations.outbound.noting import Outcome, note
from integrations.outbound.parcels import Parcel, claimed

THREADS = 32  # of one worker
PATIENCE = timedelta(seconds=20)  # then another task goes on
TURN = timedelta(seconds=2)  # then small calls make room for others
APART = timedelta(minutes=1)  # for telling events alone that were refused together
FAILED_HERE = "The call failed here. The log of this server says why."
logger = logging.getLogger(__name__)


@dataclass
class Sweep:
    clock: Clock
    under_way: dict["Future[list[Outcome]]", Parcel] = field(default_factory=dict)
    told: int = 0


def deliver(*, clock: Clock) -> int:
    """Tell what is due, as long as something is, for twenty seconds; how many were told."""
    sweep, began = Sweep(clock), clock()
    with ThreadPoolExecutor(THREADS, thread_name_prefix="outbound") as pool:
        while True:
            if clock() - began < PATIENCE:
                _take_up(sweep, pool)
            if not sweep.under_way:
                return sweep.told
            finished, _ = wait(sweep.under_way, timeout=1, return_when=FIRST_COMPLETED)
            for future in finished:
                sweep.told += note(sweep.under_way.pop(future), future.result(), clock())


def _take_up(sweep: Sweep, pool: ThreadPoolExecutor) -> None:
    """From one destination after the other, while threads are free. What cannot be told is noted at once."""
    now = sweep.clock()
    awake = Destination.objects.filter(Q(rests_until=None) | Q(rests_until__lte=now), is_enabled=True, kind__in=kinds())
    for number in awake.values_list("pk", flat=True):
        if len(sweep.under_way) >= THREADS:
            break
        for parcel in claimed(number, now):
            if parcel.notices:
                sweep.under_way[pool.submit(tell, parcel, now)] = parcel
            else:
                note(parcel, [Outcome(verdict=parcel.refused)] * len(parcel.deliveries), now)


# --- Telling: in a thread of its own, without a database ------------------------------------------------------------


def tell(parcel: Parcel, now: datetime) -> list[Outcome]:
    """Of the first deliveries of the parcel, one or more: after a failure, or some seconds, the rest waits."""
    try:
        with outgoing.untrusted() as session:
            return _told(parcel, session, now)
    except Exception:
        logger.exception("A call to destination #%s failed.", parcel.destination.pk)
        return [Outcome(verdict=Verdict(error=FAILED_HERE))] * len(parcel.deliveries)


def _told(parcel: Parcel, session: Session, now: datetime) -> list[Outcome]:
    kind, ends_at, outcomes = parcel.kind, monotonic() + TURN.total_seconds(), list[Outcome]()
    if kind is None:
        raise ValueError("A parcel with notices has its kind.")
    while len(outcomes) < len(parcel.notices):
        notices = parcel.notices[len(outcomes) : len(outcomes) + kind.at_once]
        outcomes += _told_at_once(kind, notices, session, now)
        if outcomes[-1].verdict.error or monotonic() > ends_at:
            break
    return outcomes


def _told_at_once(kind: Kind, notices: Sequence[Notice], session: Session, now: datetime) -> list[Outcome]:
    outcomes, alone = _speak(kind, notices, session, now), list[Outcome]()
    if not outcomes[0].verdict.apart:
        return outcomes
    ends_at = monotonic() + APART.total_seconds()
    for notice in notices:
        if monotonic() > ends_at:
            break
        alone += _speak(kind, [notice], session, now)
    return alone + outcomes[len(alone) :]


def _speak(kind: Kind, notices: Sequence[Notice], session: Session, now: datetime) -> list[Outcome]:
    began, call = monotonic(), kind.call(notices, now=now)
    try:
        reply = session.request(call.method, call.url, data=call.body, headers=dict(call.headers))
    except outgoing.NotConnected as error:
        return _silence(f"It cannot be reached. {error}", began) * len(notices)
    except RequestException:
        return _silence("It fell silent, or its address cannot be called.", began) * len(notices)
    answer = Answer(status=reply.status_code, body=reply.content, headers=dict(reply.headers))
    took = timedelta(seconds=monotonic() - began)
    return [Outcome(verdict=verdict, answer=answer, took=took) for verdict in kind.verdicts(answer, notices)]


def _silence(error: str, began: float) -> list[Outcome]:
    return [Outcome(verdict=Verdict(error=error), took=timedelta(seconds=monotonic() - began))]


# --- Forgetting ---------------------------------------------------------------------------------------------------


def forget_old_deliveries(*, now: datetime) -> int:
    """Drop deliveries older than OUTBOUND_RETENTION_DAYS with their attempts, batch by batch. Returns how many."""
    old = OutboundDelivery.objects.filter(created_at__lt=now - timedelta(days=settings.OUTBOUND_RETENTION_DAYS))
    return drop(old)


def drop(deliveries: QuerySet[OutboundDelivery], *, batch: int = 5_000) -> int:
    dropped = 0
    while numbers := list(deliveries.order_by("created_at").values_list("pk", flat=True)[:batch]):
        with transaction.atomic():
            DeliveryAttempt.objects.filter(delivery__in=numbers).delete()
            OutboundDelivery.objects.filter(pk__in=numbers).delete()
        dropped += len(numbers)
    return dropped
