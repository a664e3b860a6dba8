"""Months as tables: made before they are needed, dropped whole when they are too old."""

from collections.abc import Iterable
from datetime import date, datetime

from django.db import connection, transaction

from tracking.models import ReceivedEvent, ReplayVerdict, SeenMessage, TrackedEvent

# Table -> the column that says which month a row belongs to.
PARTITIONED = {ReceivedEvent._meta.db_table: "received_at", TrackedEvent._meta.db_table: "occurred_at"}
MONTHS_AHEAD = 2
_LOCK = 7_041_776  # Any number nobody else uses: two processes must not make the same month.


def make_months_ahead(*, now: datetime) -> list[str]:
    """This month and the next ones, of the log and of the read model. Returns the names of those that are new."""
    months = [_months_later(now.date().replace(day=1), ahead) for ahead in range(MONTHS_AHEAD + 1)]
    return [name for table in PARTITIONED for name in make_months(table, months)]


@transaction.atomic
def make_months(table: str, months: Iterable[date]) -> list[str]:
    """Partitions for `months` (their first days) where there are none. Readers and writers are not held up."""
    known = _partitions(table)
    missing = {f"{table}_{month:%Y_%m}": month for month in months}
    missing = {name: month for name, month in sorted(missing.items()) if name not in known}
    if missing:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        missing = {name: month for name, month in missing.items() if name not in _partitions(table)}
    for name, month in missing.items():
        _make_month(table, name, month)
    return list(missing)


def _make_month(table: str, name: str, month: date) -> None:
    """CREATE ... PARTITION OF would lock the whole table; attaching does not. What came before its month was made waits
    with the rest, and moves.
    """
    since, until = f"{month} 00:00+00", f"{_months_later(month, 1)} 00:00+00"
    column = PARTITIONED[table]
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
        cursor.execute(
            f"""
            WITH early AS (DELETE FROM {table}_rest WHERE {column} >= %s AND {column} < %s RETURNING *)
            INSERT INTO {name} SELECT * FROM early
            """,
            [since, until],
        )
        cursor.execute(f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ('{since}') TO ('{until}')")


@transaction.atomic
def drop_old_months(*, now: datetime, keep_months: int) -> list[str]:
    """Drop what is older than `keep_months` whole months; 0 keeps everything. Returns the names of what went."""
    oldest = oldest_kept(now=now, keep_months=keep_months)
    if oldest is None:
        return []
    dropped = []
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        for table in PARTITIONED:
            for name in sorted(_partitions(table)):
                if name[len(table) + 1 :] < f"{oldest:%Y_%m}":
                    cursor.execute(f"DROP TABLE {name}")
                    dropped.append(name)
    SeenMessage.objects.filter(seen_at__lt=oldest).delete()
    ReplayVerdict.objects.filter(at__lt=oldest).delete()  # What was judged by then had been received by then.
    return dropped


def oldest_kept(*, now: datetime, keep_months: int) -> datetime | None:
    """What happened before is dropped; None when everything is kept."""
    if keep_months == 0:
        return None
    month = _months_later(now.date().replace(day=1), -keep_months)
    return datetime(month.year, month.month, 1, tzinfo=now.tzinfo)


def _partitions(table: str) -> set[str]:
    """Names of the months' tables; the one for the rest is not among them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass", [table])
        return {name for (name,) in cursor.fetchall() if not name.endswith("_rest")}


def _months_later(month: date, count: int) -> date:
    years, index = divmod(month.month - 1 + count, 12)
    return date(month.year + years, index + 1, 1)
