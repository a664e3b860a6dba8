"""Followers of the log that keep their place in it.

Ids are given out before transactions commit, so a reader that remembers "the last id I saw" misses rows that
commit late. The log is read by (transaction id, id) instead, and only below the oldest transaction still running:
nothing can appear there any more. A long transaction delays followers; it never makes them miss a row.
"""

import logging
from datetime import datetime

from django.db import connection, transaction

from config.shared.errors import DomainError
from config.shared.masking import masked
from config.shared.nudge import nudge
from tracking import bus
from tracking.models import Event, Projection, ReceivedEvent
from tracking.queries.log import is_ahead_of_its_server

BATCH = 5_000
RECEIVED_BATCH = 20_000
HORIZON = "pg_snapshot_xmin(pg_current_snapshot())"
logger = logging.getLogger(__name__)


class LogOfAnotherServer(DomainError):
    code = "log_of_another_server"


def advance(name: str, *, now: datetime) -> int:
    """Take the follower one batch further; how many events it passed. Zero when it is up to date or taken.

    What it writes and its new place commit together. A failure is kept on the row and leaves the place as it was.
    """
    follower = bus.follower(name)
    Projection.objects.get_or_create(name=name)
    try:
        _refuse_log_of_another_server()
        with transaction.atomic():
            projection = Projection.objects.select_for_update(skip_locked=True).filter(name=name).first()
            return 0 if projection is None else _step(follower, projection, now)
    except Exception as error:
        logger.exception("Projection %s failed", name)
        Projection.objects.filter(name=name).update(failed_at=now, last_error=masked(repr(error))[:500])
        return 0


def rebuild(name: str, *, now: datetime) -> int:
    """Forget what the follower wrote and read the log from its beginning, in one transaction.

    Readers see the old state until the new one is whole. Returns the number of events passed. Raises
    LogOfAnotherServer.
    """
    _refuse_log_of_another_server()
    follower, passed = bus.follower(name), 0
    Projection.objects.get_or_create(name=name)
    with transaction.atomic():
        projection = Projection.objects.select_for_update().get(name=name)
        projection.transaction_id, projection.event_id = 0, 0
        follower.reset()
        while step := _step(follower, projection, now):
            passed += step
        Projection.objects.filter(name=name).update(rebuilt_at=now)
    return passed


def _refuse_log_of_another_server() -> None:
    if is_ahead_of_its_server():
        raise LogOfAnotherServer(
            "The log was restored from another server, and its transactions are numbered ahead of this one. "
            "Run “manage.py renumber_after_restore”."
        )


@transaction.atomic
def read_again(name: str) -> None:
    """Put the follower back to the beginning of the log, with everything it wrote still there.

    It comes along step by step, as it does with what is new.
    """
    Projection.objects.get_or_create(name=name)
    projection = Projection.objects.select_for_update().get(name=name)
    Projection.objects.filter(pk=projection.pk).update(transaction_id=0, event_id=0)
    nudge("tracking.advance_projections")


def _step(follower: bus.Follower | bus.ReceivedFollower, projection: Projection, now: datetime) -> int:
    """Apply the next events and move the projection behind them. Returns how many there were."""
    if isinstance(follower, bus.ReceivedFollower):
        passed = _pass_received(follower, projection)
    else:
        passed = _pass_own(follower, projection)
    Projection.objects.filter(pk=projection.pk).update(
        transaction_id=projection.transaction_id,
        event_id=projection.event_id,
        advanced_at=now,
        failed_at=None,
        last_error="",
    )
    return passed


def _pass_own(follower: bus.Follower, projection: Projection) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT transaction_id, id, name FROM {Event._meta.db_table}
            WHERE (transaction_id, id) > (%s::xid8, %s) AND transaction_id < {HORIZON}
            ORDER BY transaction_id, id
            LIMIT {BATCH}
            """,
            [str(projection.transaction_id), projection.event_id],
        )
        rows = cursor.fetchall()
    if rows:
        if wanted := [event_id for _, event_id, name in rows if not follower.events or name in follower.events]:
            follower.apply(wanted)
        projection.transaction_id, projection.event_id = int(rows[-1][0]), rows[-1][1]
    return len(rows)


def _pass_received(follower: bus.ReceivedFollower, projection: Projection) -> int:
    """Whole transactions at a time, so that a place in the log is a transaction and nothing else."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT count(*), max(transaction_id)::text::bigint FROM (
                SELECT transaction_id FROM {ReceivedEvent._meta.db_table}
                WHERE transaction_id > %s::xid8 AND transaction_id < {HORIZON}
                ORDER BY transaction_id
                LIMIT {RECEIVED_BATCH}
            ) next
            """,
            [str(projection.transaction_id)],
        )
        count, upto = cursor.fetchone()
    if count:
        follower.apply(int(projection.transaction_id), upto)
        projection.transaction_id = upto
    return int(count)
