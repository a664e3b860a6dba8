"""Months as tables, made before they are needed. tracking.actions.old_months drops them."""

from collections.abc import Iterable
from datetime import UTC, date, datetime

from django.db import connection, transaction

from tracking.models import ReceivedEvent, TrackedEvent

# Table -> the column that says which month a row belongs to.
PARTITIONED = {ReceivedEvent._meta.db_table: "received_at", TrackedEvent._meta.db_table: "occurred_at"}
MONTHS_AHEAD = 2
MONTHS_BACK = 60  # Who sends older events than that gets no tables for them: they stay with the rest.
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


def months_before(table: str, oldest: datetime) -> list[str]:
    """Names of the months' tables that hold nothing since `oldest`, the oldest of them first."""
    return sorted(name for name in _partitions(table) if name[len(table) + 1 :] < f"{oldest:%Y_%m}")


def end_of(table: str, name: str) -> datetime:
    """When the month of this table was over."""
    year, month = name[len(table) + 1 :].split("_")
    following = _months_later(date(int(year), int(month), 1), 1)
    return datetime(following.year, following.month, 1, tzinfo=UTC)


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
