"""What actions make for hundreds of tests is made once by each worker, and put back for the others.

The first test that asks makes it as always; its rows are kept, as PostgreSQL copies them. A later test begins with the
same rows in its own transaction, which is rolled back like any other. Where a test has written something else before it
asks (but for people who sign in), the actions might make another thing: then they are run.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

Made = TypeVar("Made")
# Nothing that is kept depends on people who sign in, or on the trail of what was changed.
_BESIDES = {"loyalty_user", "loyalty_user_groups", "auditlog_logentry"}
_TABLES = """
    SELECT c.relname,
           string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FILTER (WHERE a.attgenerated = ''),
           string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FILTER (WHERE a.attnum = ANY(i.indkey))
    FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
    WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
    GROUP BY c.relname
"""


@dataclass(frozen=True)
class _Table:
    name: str
    columns: str
    key: str


@dataclass(frozen=True)
class _Rows:
    """`data` as COPY writes them, in place of what has the same `keys`."""

    table: _Table
    keys: list[str]
    data: bytes


_kept: dict[object, tuple[Any, list[_Rows]]] = {}


def kept(name: object, make: Callable[[], Made]) -> Made:
    """What `make` returns, with its rows in the database. `name` tells it from everything else that is kept."""
    with connection.cursor() as cursor:
        if not connection.in_atomic_block or _has_written(cursor):
            return make()
        if name in _kept:
            made, rows = _kept[name]
            _put_back(cursor, rows)
            return made
        with transaction.atomic():
            since = _own_number(cursor)
            made = make()
            _kept[name] = made, [_read(cursor, table, since) for table in _written(cursor, since)]
        return made


def _own_number(cursor: CursorWrapper) -> int:
    """Of the savepoint we are in: rows written from now on have this one, or a greater."""
    cursor.execute("CREATE TEMPORARY TABLE IF NOT EXISTS mark (is_here bool) ON COMMIT DELETE ROWS")
    cursor.execute("INSERT INTO mark VALUES (true) RETURNING xmin::text::bigint")
    return int(cursor.fetchone()[0])


def _has_written(cursor: CursorWrapper) -> bool:
    cursor.execute("SELECT pg_current_xact_id_if_assigned()::text::bigint & 4294967295")
    (since,) = cursor.fetchone()
    return since is not None and any(table.name not in _BESIDES for table in _written(cursor, since))


def _written(cursor: CursorWrapper, since: int) -> list[_Table]:
    """The tables with rows of that number or a greater."""
    tables = _tables()
    asked = (
        f"SELECT {place} WHERE EXISTS (SELECT FROM {table.name} WHERE xmin::text::bigint >= {since})"
        for place, table in enumerate(tables)
    )
    cursor.execute(" UNION ALL ".join(asked))
    return [tables[place] for (place,) in cursor.fetchall()]


@cache
def _tables() -> list[_Table]:
    with connection.cursor() as cursor:
        cursor.execute(_TABLES)
        return [_Table(*row) for row in cursor.fetchall()]


def _read(cursor: CursorWrapper, table: _Table, since: int) -> _Rows:
    rows = f"FROM {table.name} WHERE xmin::text::bigint >= {since}"
    cursor.execute(f"SELECT ROW({table.key})::text {rows}")
    keys = [key for (key,) in cursor.fetchall()]
    with cursor.copy(f"COPY (SELECT {table.columns} {rows}) TO STDOUT") as copy:
        return _Rows(table, keys, b"".join(copy))


def _put_back(cursor: CursorWrapper, kept: list[_Rows]) -> None:
    """Rows alone: what a trigger would make of them is among them."""
    cursor.execute("SET LOCAL session_replication_role = replica")
    for rows in kept:
        table = rows.table
        cursor.execute(f"DELETE FROM {table.name} WHERE ROW({table.key})::text = ANY(%s)", [rows.keys])
        with cursor.copy(f"COPY {table.name} ({table.columns}) FROM STDIN") as copy:
            copy.write(rows.data)
    cursor.execute("SET LOCAL session_replication_role = origin")
