"""One COPY for all requests that wait, committed before any of them is answered.

While it runs, the next ones gather: the busier, the larger the groups. A group that PostgreSQL cannot take goes to the
spool, and so does everything after it until the spool is empty again, so that the log keeps the order of arrival. The
spool is emptied turn by turn with what comes in, and more of it at once, so that it ends under any load.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format
from uuid_utils import UUID

from tracking.ingest.arrivals import Arrival
from tracking.ingest.neutral import Refused
from tracking.ingest.spool import Spool, SpoolFile, SpoolFull

MOST_IN_A_GROUP = 5_000
MOST_WAITING = 50_000
MOST_DRAINED = 4 * MOST_IN_A_GROUP
PATIENCE = 8.0  # Seconds; a database that takes longer for one group counts as away.
LOOK_AGAIN = 1.0
LOOK_FOR_ORPHANS = 10.0
logger = logging.getLogger(__name__)
Rows = Sequence[Arrival]

_COLUMNS = ", ".join(Arrival._fields)
_TYPES = (
    "uuid timestamptz bigint text text text text text text timestamptz jsonb jsonb jsonb bigint text text"
).split()
COPY = f"COPY tracking_receivedevent ({_COLUMNS}) FROM STDIN (FORMAT binary)"
# A third slower. For rows that may be there already, and to find the one that PostgreSQL refuses.
INSERT = f"""
    INSERT INTO tracking_receivedevent ({_COLUMNS})
    SELECT * FROM unnest({", ".join(f"%b::{each}[]" for each in _TYPES)})
    ON CONFLICT DO NOTHING
"""


class JsonDumper(Dumper):
    """Bytes that are JSON text, as PostgreSQL's binary jsonb: a version and the text."""

    format = Format.BINARY
    oid = psycopg.adapters.types["jsonb"].oid

    def dump(self, obj: Any) -> bytes:
        return b"\x01" + obj


class IdDumper(Dumper):
    """Ids as uuid-utils makes them, which psycopg does not know."""

    format = Format.BINARY
    oid = psycopg.adapters.types["uuid"].oid

    def dump(self, obj: UUID) -> bytes:
        return obj.bytes


def conninfo_of(parameters: Mapping[str, Any]) -> str:
    """A connection string from what Django would give to psycopg."""
    wanted = {name: parameters[name] for name in ("dbname", "user", "password", "host", "port") if name in parameters}
    return psycopg.conninfo.make_conninfo(**wanted, connect_timeout=5, application_name="regulars ingest")


@dataclass(slots=True)
class Parked:
    """One request's rows, and the request that waits for them."""

    rows: Rows
    done: "asyncio.Future[None]"


class Committer:
    """`store()` returns when the rows are durable: in PostgreSQL, or in the spool while that is away."""

    def __init__(self, conninfo: str, spool: Spool) -> None:
        self._conninfo, self._spool = conninfo, spool
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._parked: deque[Parked] = deque()
        self._waiting_rows = 0
        self._has_work = asyncio.Event()
        self._away_until = self._orphans_at = 0.0
        self._orphans: deque[SpoolFile] = deque()

    async def store(self, rows: Rows) -> None:
        """Raises Refused(503) when too much waits already, or nothing can be stored at all."""
        if not rows:
            return
        if self._waiting_rows + len(rows) > MOST_WAITING:
            raise Refused(503, "busy", "Too many events wait to be stored. Send again in a second.", retry_after=1)
        parked = Parked(rows, asyncio.get_running_loop().create_future())
        self._parked.append(parked)
        self._waiting_rows += len(rows)
        self._has_work.set()
        await parked.done

    async def run(self) -> None:
        """Store what is parked, and empty the spool in between, for as long as the process lives."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_AGAIN):
                    await self._has_work.wait()
            self._has_work.clear()
            try:
                await self._take_turns()
            except Exception:  # Whoever waits for this task would wait for ever.
                logger.exception("The committer stumbled and goes on")

    async def close(self) -> None:
        while self._parked:
            await self._store_group(self._take_group())
        self._spool.release()
        for orphan in self._orphans:
            orphan.release()
        if self._connection is not None:
            await self._connection.close()

    async def _take_turns(self) -> None:
        """Who waits, and what was spooled: neither is held up by any amount of the other."""
        while True:
            if self._parked:
                await self._store_group(self._take_group())
            await self._look_for_orphans()
            if source := self._to_drain():
                await self._drain(source)
            elif not self._parked:
                return

    def _to_drain(self) -> Spool | SpoolFile | None:
        """Our own spool before those of the dead; none while the database is away."""
        if asyncio.get_running_loop().time() < self._away_until:
            return None
        if self._spool.waiting_bytes:
            return self._spool
        return self._orphans[0] if self._orphans else None

    async def _drain(self, source: Spool | SpoolFile) -> None:
        """The oldest of what it holds."""
        rows = await asyncio.to_thread(source.next_rows, MOST_DRAINED)
        if rows and not await self._taken(self._insert, rows):
            return
        source.forget()
        if isinstance(source, SpoolFile) and not source.waiting_bytes:
            self._orphans.popleft().remove()

    async def _look_for_orphans(self) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self._orphans_at:
            self._orphans_at = now + LOOK_FOR_ORPHANS
            self._orphans += await asyncio.to_thread(self._spool.orphans)

    def _take_group(self) -> list[Parked]:
        group = [self._parked.popleft()]
        size = len(group[0].rows)
        while self._parked and size + len(self._parked[0].rows) <= MOST_IN_A_GROUP:
            group.append(self._parked.popleft())
            size += len(group[-1].rows)
        self._waiting_rows -= size
        return group

    async def _store_group(self, group: list[Parked]) -> None:
        rows = [row for parked in group for row in parked.rows]
        try:
            if self._spool.waiting_bytes or not await self._taken(self._copy, rows):
                await asyncio.to_thread(self._spool.append, rows)
        except SpoolFull as fault:
            logger.error("Events are refused: PostgreSQL is away and the spool is full: %s", fault)
            refusal = Refused(503, "cannot_store", "Events cannot be stored now. Send again later.", retry_after=10)
            _settle(group, refusal)
        except Exception as fault:
            logger.exception("Events could not be stored")
            _settle(group, fault)
        else:
            _settle(group, None)

    async def _taken(self, store: Callable[[Rows], Awaitable[None]], rows: Rows) -> bool:
        """False when the database does not take rows."""
        loop = asyncio.get_running_loop()
        if loop.time() < self._away_until:
            return False
        try:
            async with asyncio.timeout(PATIENCE):
                await store(rows)
        except (psycopg.Error, TimeoutError) as fault:  # Away, read-only since a failover, or between two migrations.
            told = f"{type(fault).__name__} {str(fault).strip()}"
            logger.warning("PostgreSQL takes no events, they go to the spool: %s", told)
            await self._hang_up()
            self._away_until = loop.time() + LOOK_AGAIN
            return False
        return True

    async def _copy(self, rows: Rows) -> None:
        connection = await self._connected()
        try:
            async with connection.cursor() as cursor, cursor.copy(COPY) as copy:
                copy.set_types(_TYPES)
                await copy.write(b"".join([copy.formatter.write_row(row) for row in rows]))
        except psycopg.DataError:
            await self._insert(rows)

    async def _insert(self, rows: Rows) -> None:
        """Rows that are there already stay as they are; one that is refused is stored without what was refused."""
        connection = await self._connected()
        try:
            await connection.execute(INSERT, [list(column) for column in zip(*rows, strict=True)])
        except psycopg.DataError as fault:
            if len(rows) > 1:
                middle = len(rows) // 2
                await self._insert(rows[:middle])
                await self._insert(rows[middle:])
            else:
                logger.warning("Event %s cannot be stored as it is: %s", rows[0].id, fault)
                await connection.execute(INSERT, [[value] for value in _harmless(rows[0])])

    async def _connected(self) -> psycopg.AsyncConnection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = await psycopg.AsyncConnection.connect(
                self._conninfo, autocommit=True, prepare_threshold=0
            )
            self._connection.adapters.register_dumper(bytes, JsonDumper)
            self._connection.adapters.register_dumper(UUID, IdDumper)
        return self._connection

    async def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg.Error, TimeoutError):
                async with asyncio.timeout(1):
                    await connection.close()


def _settle(group: list[Parked], fault: BaseException | None) -> None:
    for parked in group:
        if not parked.done.done():
            parked.done.set_exception(fault) if fault else parked.done.set_result(None)


def _harmless(row: Arrival) -> Arrival:
    """What is left of a row when the database will not have its content."""
    error = b'[{"type":"unreadable","pointer":"","message":"The database cannot hold this event\'s content."}]'
    return row._replace(properties=b"{}", context=b"{}", errors=error)
