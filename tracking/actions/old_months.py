"""Months that nobody wants to keep any more, each dropped in a transaction of its own.

To drop a month its table must be nobody else's for a moment, and whoever asks for the table after us, the ingest among
them, waits behind us. So we wait shortly: a month that is in use now is dropped an hour later.
"""

import logging
from datetime import datetime

from django.db import OperationalError, connection, transaction
from django.db.models.functions import Greatest
from psycopg.errors import LockNotAvailable

from tracking.actions.counted import count_again_before
from tracking.actions.partitions import PARTITIONED, end_of, months_before, oldest_kept
from tracking.actions.read_model import hold_the_follower
from tracking.models import Projection, ReceivedEvent, ReplayVerdict, SeenMessage, TrackedEvent

PATIENCE = "2s"
ROWS_A_STEP = 20_000
logger = logging.getLogger(__name__)


def drop_old_months(*, now: datetime, keep_months: int) -> list[str]:
    """Drop what is older than `keep_months` whole months; 0 keeps everything. Returns the names of what went."""
    oldest = oldest_kept(now=now, keep_months=keep_months)
    if oldest is None:
        return []
    dropped = [name for table in PARTITIONED for name in _drop_months_of(table, oldest)]
    if dropped:
        _delete_before(oldest, SeenMessage._meta.db_table, "seen_at")
        _delete_before(oldest, ReplayVerdict._meta.db_table, "at")  # What was judged by then had been received by then.
    return dropped


def _drop_months_of(table: str, oldest: datetime) -> list[str]:
    dropped: list[str] = []
    try:
        for name in months_before(table, oldest):
            _drop_month(table, name)
            dropped.append(name)
        while _is_any_before(oldest, f"{table}_rest", PARTITIONED[table]):
            _clear_rest(table, oldest)
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
        logger.warning("Old months of %s are in use; they are dropped when nobody reads them.", table)
    return dropped


@transaction.atomic
def _drop_month(table: str, name: str) -> None:
    _hold_shortly()
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {name}")  # Another worker may have been first.
    _settle(table, end_of(table, name))


@transaction.atomic
def _clear_rest(table: str, oldest: datetime) -> None:
    """What is so old that it never got a month of its own."""
    _hold_shortly()
    _delete_some_before(oldest, f"{table}_rest", PARTITIONED[table])
    _settle(table, oldest)


def _hold_shortly() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{PATIENCE}'")
    hold_the_follower()


def _settle(table: str, oldest: datetime) -> None:
    """What is known of the events that went, in the transaction that took them."""
    if table == TrackedEvent._meta.db_table:
        count_again_before(oldest)
    if table == ReceivedEvent._meta.db_table:
        # GREATEST passes over the null of a log that is whole.
        Projection.objects.filter(name=Projection.READ_MODEL).update(log_begins_at=Greatest("log_begins_at", oldest))


def _delete_before(oldest: datetime, table: str, column: str) -> None:
    while _delete_some_before(oldest, table, column):
        pass


def _delete_some_before(oldest: datetime, table: str, column: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM {table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM {table} WHERE {column} < %s LIMIT %s))",
            [oldest, ROWS_A_STEP],
        )
        return cursor.rowcount


def _is_any_before(oldest: datetime, table: str, column: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT EXISTS (SELECT FROM {table} WHERE {column} < %s)", [oldest])
        return bool(cursor.fetchone()[0])
