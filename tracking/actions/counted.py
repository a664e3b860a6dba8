"""Properties whose values are counted as events arrive: declared, their past counted, stopped, forgotten.

The past is counted backwards, some whole days in a transaction that holds the follower: their events are counted from
the rows, and from then on the follower adds what comes late. Where it stands is a day on the row, so a worker that dies
costs one transaction, and two at once take turns.
"""

import logging
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F, Q, QuerySet

from config.shared.clock import Clock
from config.shared.errors import DomainError
from config.shared.live import announce
from config.shared.nudge import nudge
from config.shared.trail import note_change
from tracking.actions.read_model import hold_the_follower
from tracking.actions.values import LONGEST_VALUE, count_past
from tracking.models import CountedProperty, PartnerSystem, ValueCount
from tracking.queries import values as queries
from tracking.queries.shop_clock import start_of

MOST_OF_A_SYSTEM = 20
MANY_VALUES = 1_000
EVENTS_A_STEP = 50_000
CLEARED_A_STEP = 50_000
LEFT_BEHIND = timedelta(minutes=1)
Status = CountedProperty.Status
Person = Any
logger = logging.getLogger(__name__)


class CannotCount(DomainError):
    code = "cannot_count"


@transaction.atomic
def declare(*, system: PartnerSystem, event_name: str, path: str, by: Person, now: datetime) -> CountedProperty:
    """Count the values of a property from now on, and those of the past soon. Raises CannotCount."""
    PartnerSystem.objects.select_for_update(no_key=True).get(pk=system.pk)
    of_system = CountedProperty.objects.filter(system=system)
    kept_up = of_system.filter(status__in=CountedProperty.KEPT_UP)
    if kept_up.filter(event_name=event_name, path=path).exists():
        raise CannotCount(f"“{path}” of {event_name} is counted already.")
    if kept_up.count() >= MOST_OF_A_SYSTEM:
        raise CannotCount(
            f"{MOST_OF_A_SYSTEM} properties of {system.name} are counted, and that is the most. Stop one."
        )
    _refuse_boundless(system, event_name, path)
    of_system.filter(event_name=event_name, path=path, status=Status.GIVEN_UP).update(status=Status.STOPPED)
    counted = CountedProperty.objects.create(
        system=system, event_name=event_name, path=path, zone=settings.TIME_ZONE,
        declared_by_id=by and by.pk, declared_at=now,
    )  # fmt: skip
    nudge("tracking.count_values")
    return counted


def _refuse_boundless(system: PartnerSystem, event_name: str, path: str) -> None:
    """What came lately tells whether its values come again."""
    sample = queries.sample_of(system.pk, name=event_name, path=path)
    if not sample.events:
        raise CannotCount(
            f"No event “{event_name}” of {system.name} has a property “{path}” yet. Check how it is written."
        )
    if sample.longest > LONGEST_VALUE:
        raise CannotCount(
            f"“{path}” holds texts of up to {sample.longest:,} characters; {LONGEST_VALUE} are the most. "
            "It can still be asked of the events themselves."
        )
    if sample.different > MANY_VALUES and 2 * sample.different > sample.events:
        raise CannotCount(
            f"“{path}” has {sample.different:,} different values in its last {sample.events:,} events: it names "
            "each thing once, as an order's number does. It can still be asked of the events themselves."
        )


@transaction.atomic
def stop(counted: CountedProperty) -> None:
    """Its values are asked of the events again; the sums are cleared away. What was given up leaves the list."""
    before = counted.get_status_display()
    if CountedProperty.objects.filter(pk=counted.pk).exclude(status=Status.STOPPED).update(status=Status.STOPPED):
        note_change(counted, status=(before, Status.STOPPED.label))
        announce(topic(counted.system_id))
        nudge("tracking.count_values")


def topic(system_id: int) -> str:
    """Where it is announced that the counting of a system's properties went on."""
    return f"counted:{system_id}"


def work(*, clock: Clock) -> None:
    """Count the past of what waits for it, and clear away what is no longer counted."""
    for property_id in _unattended(clock()).order_by("pk").values_list("pk", flat=True):
        fill(property_id, clock=clock)
    while clear():
        pass


def fill(property_id: int, *, clock: Clock) -> bool:
    """Count its past to the end. False when that is not wanted, or another worker is at it."""
    if not _unattended(clock()).filter(pk=property_id).update(beat_at=clock()):
        return False
    counted = CountedProperty.objects.get(pk=property_id)
    CountedProperty.objects.filter(pk=property_id).update(total=counted.seen + queries.events_before(counted))
    try:
        while _count_some_days(property_id, clock()):
            pass
    except (OperationalError, InterfaceError):
        raise  # The database went away: the row stays as it is, and is taken up again.
    except Exception:
        logger.exception("Counting property %s failed", property_id)
        CountedProperty.objects.filter(pk=property_id, status=Status.FILLING).update(
            status=Status.GIVEN_UP, reason="Something went wrong on our side."
        )
    announce(topic(counted.system_id))
    return True


def _unattended(now: datetime) -> QuerySet[CountedProperty]:
    filling = CountedProperty.objects.filter(status=Status.FILLING)
    return filling.filter(Q(beat_at=None) | Q(beat_at__lt=now - LEFT_BEHIND))


@transaction.atomic
def _count_some_days(property_id: int, now: datetime) -> bool:
    """The days before those that are counted; False when there is nothing left to do."""
    hold_the_follower()
    counted = CountedProperty.objects.select_for_update().get(pk=property_id)
    if counted.status != Status.FILLING:
        return False
    until, first = queries.counted_since(counted), queries.next_days(counted, about=EVENTS_A_STEP)
    mine = CountedProperty.objects.filter(pk=counted.pk)
    mine.update(counted_from=first, status=Status.FILLING if first else Status.COUNTED)
    since = start_of(first, counted.zone) if first else None
    mine.update(seen=F("seen") + count_past(counted, since=since, until=until), beat_at=now)
    announce(topic(counted.system_id))
    return first is not None


@transaction.atomic
def clear() -> int:
    """Take away some sums of what is no longer counted; how many.

    A step of the follower that still added to them is over when we have the turn.
    """
    if not (ended := _ended_with_sums()):
        return 0
    hold_the_follower()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            DELETE FROM tracking_valuecount WHERE (property_id, day, value) IN (
                SELECT property_id, day, value FROM tracking_valuecount WHERE property_id = ANY(%s) LIMIT %s
            )
            """,
            [ended, CLEARED_A_STEP],
        )
        return cursor.rowcount


def _ended_with_sums() -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT id FROM tracking_countedproperty ended WHERE status IN ('GIVEN_UP', 'STOPPED')
            AND EXISTS (SELECT FROM tracking_valuecount WHERE property_id = ended.id)
            """
        )
        return [property_id for (property_id,) in cursor.fetchall()]


def count_again_before(oldest: datetime) -> None:
    """When the events before `oldest` went: so do their sums. Needs `hold_the_follower` in the same transaction.

    A month ends within a day of the shop's zone: that day, and what comes late before it, is past to be counted.
    """
    for counted in CountedProperty.objects.filter(status__in=CountedProperty.KEPT_UP):
        first = oldest.astimezone(ZoneInfo(counted.zone)).date() + timedelta(days=1)
        ValueCount.objects.filter(property_id=counted.pk, day__lt=first).delete()
        reaches_back = Q(status=Status.COUNTED) | Q(counted_from__lt=first)
        CountedProperty.objects.filter(reaches_back, pk=counted.pk).update(
            status=Status.FILLING, counted_from=first, beat_at=None
        )
    nudge("tracking.count_values")
