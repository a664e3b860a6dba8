"""Deliveries are claimed, told and noted. Whoever answers slowly holds up nobody else.

Each destination has so many calls under way and no more, all workers together, and only one while it is failing. The
calls wait in threads and know no database; rows are claimed and noted between them, in short transactions.
"""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from time import monotonic

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from requests import RequestException, Session

from config.shared.clock import Clock
from integrations import outgoing
from integrations.models import DeliveryAttempt, Destination, OutboundDelivery
from integrations.outbound.base import Answer, Kind, Notice, Verdict
from integrations.outbound.noting import Outcome, note
from integrations.outbound.parcels import FAILED_HERE, Parcel, claimed, with_work

THREADS = 32  # of one worker
PATIENCE = timedelta(seconds=20)  # then another task goes on
TURN = timedelta(seconds=2)  # then small calls make room for others
BATCH = 5_000  # deliveries dropped in one transaction
APART = timedelta(minutes=1)  # for telling events alone that were refused together
logger = logging.getLogger(__name__)


@dataclass
class Sweep:
    clock: Clock
    under_way: dict["Future[list[Outcome]]", Parcel] = field(default_factory=dict)
    told: int = 0

    def calls_to(self, number: int) -> int:
        return sum(parcel.destination.pk == number for parcel in self.under_way.values())


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
                sweep.told += _noted(sweep.under_way.pop(future), future.result, clock())


def _take_up(sweep: Sweep, pool: ThreadPoolExecutor) -> None:
    """From one destination after the other, each its share of the threads. What cannot be told is noted at once."""
    now = sweep.clock()
    waiting = list(with_work(now).values_list("pk", flat=True))
    share = max(1, THREADS // max(1, len(waiting)))
    for number in waiting:
        free = min(THREADS - len(sweep.under_way), share - sweep.calls_to(number))
        for parcel in _claimed(number, now, free):
            if parcel.notices:
                sweep.under_way[pool.submit(tell, parcel, now)] = parcel
            else:
                _noted(parcel, partial(_refused, parcel), now)


def _claimed(number: int, now: datetime, calls: int) -> list[Parcel]:
    try:
        return claimed(number, now, calls=calls) if calls > 0 else []
    except Exception:
        logger.exception("Nothing could be claimed for destination #%s.", number)
        return []


def _refused(parcel: Parcel) -> list[Outcome]:
    return [Outcome(verdict=parcel.refused)] * len(parcel.deliveries)


def _noted(parcel: Parcel, outcomes: Callable[[], list[Outcome]], now: datetime) -> int:
    """How many were told. What cannot be noted is an attempt that failed, and costs no other parcel anything."""
    try:
        return note(parcel, outcomes(), now)
    except Exception:
        logger.exception("What came of a call to destination #%s cannot be noted.", parcel.destination.pk)
    with suppress(Exception):  # Then its lease lapses.
        note(parcel, _failed_here(len(parcel.deliveries)), now)
    return 0


# --- Telling: in a thread of its own, without a database ------------------------------------------------------------


def tell(parcel: Parcel, now: datetime) -> list[Outcome]:
    """Of the first deliveries of the parcel, one or more: after a failure, or some seconds, the rest waits."""
    with outgoing.untrusted() as session:
        return _told(parcel, session, now)


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
    """Whatever goes wrong here, what was told before it stays told."""
    try:
        return _called(kind, notices, session, now)
    except Exception:
        logger.exception("A call of kind %s failed.", kind.name)
        return _failed_here(len(notices))


def _called(kind: Kind, notices: Sequence[Notice], session: Session, now: datetime) -> list[Outcome]:
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


def _failed_here(count: int) -> list[Outcome]:
    return [Outcome(verdict=Verdict(error=FAILED_HERE))] * count


# --- Forgetting ---------------------------------------------------------------------------------------------------


def forget_old_deliveries(*, now: datetime) -> int:
    """Drop deliveries older than OUTBOUND_RETENTION_DAYS with their attempts, batch by batch. Returns how many."""
    old = OutboundDelivery.objects.filter(created_at__lt=now - timedelta(days=settings.OUTBOUND_RETENTION_DAYS))
    dropped = 0
    while count := _drop(old.order_by("created_at")):
        dropped += count
    return dropped


def finish_deletions(*, clock: Clock) -> int:
    """Drop the deliveries of deleted destinations batch by batch, and then them. What takes long goes on next time."""
    began, dropped = clock(), 0
    for destination in Destination.objects.exclude(going_since=None).order_by("going_since"):
        while count := _drop(destination.deliveries.order_by("pk")):
            dropped += count
            if clock() - began > PATIENCE:
                return dropped
        destination.delete()
    return dropped


@transaction.atomic
def _drop(deliveries: QuerySet[OutboundDelivery]) -> int:
    """The first of them. They are locked as `note` locks them, so that no attempt is noted in between."""
    first = list(deliveries.values_list("pk", flat=True)[:BATCH])
    there = OutboundDelivery.objects.select_for_update().filter(pk__in=first)
    numbers = list(there.order_by("pk").values_list("pk", flat=True))
    DeliveryAttempt.objects.filter(delivery__in=numbers).delete()
    OutboundDelivery.objects.filter(pk__in=numbers).delete()
    return len(first)
