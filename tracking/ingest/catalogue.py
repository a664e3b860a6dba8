"""Who may send, and what their events should look like: all of it in memory.

A change is told by PostgreSQL itself (NOTIFY, at the commit that made it), so a revoked key stops in every process at
once, Redis or not; a reload every half minute is the safety net. The last state also lies in a file, for a process
that starts while PostgreSQL is away. Keys are held as digests everywhere.
"""

import asyncio
import base64
import json
import logging
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from tracking.ingest.arrivals import Published
from tracking.ingest.neutral import Source
from tracking.rules.structures import BadStructure, Structure

CHANNEL = "tracking_catalogue"
RELOAD_EVERY = 30.0
RETRY_AFTER = 1.0
LOOK_AGAIN = 0.5
logger = logging.getLogger(__name__)

KEYS = """
    SELECT key.digest, key.expires_at, system.id, system.public_id::text, system.name, partner.id, partner.name,
           system.events_per_second
    FROM tracking_systemkey key
    JOIN tracking_partnersystem system ON system.id = key.system_id
    JOIN tracking_partner partner ON partner.id = system.partner_id
    WHERE key.revoked_at IS NULL AND system.is_active AND partner.is_active
"""
STRUCTURES = "SELECT id, system_id, event_name, schema FROM tracking_eventstructure WHERE status = 'PUBLISHED'"


class Key(NamedTuple):
    source: Source
    expires_at: datetime | None


@dataclass(frozen=True)
class Snapshot:
    """One state of the catalogue. `schemas` is what the structures were compiled from."""

    keys: Mapping[bytes, Key] = field(default_factory=dict)
    structures: Mapping[tuple[int, str], Published] = field(default_factory=dict)
    schemas: tuple[tuple[int, int, str, Any], ...] = ()

    @classmethod
    def of(
        cls, keys: Iterable[tuple[Any, ...]], schemas: Iterable[tuple[int, int, str, Any]], old: "Snapshot"
    ) -> "Snapshot":
        """From the rows of KEYS and STRUCTURES. A structure that has not changed is not compiled again."""
        compiled = {published.id: published for published in old.structures.values()}
        kept = tuple(schemas)
        structures = {}
        for number, system_id, name, schema in kept:
            published = compiled.get(number) or _compiled(number, schema)
            if published is not None:
                structures[system_id, name] = published
        return cls({bytes(row[0]): Key(Source(*row[2:]), row[1]) for row in keys}, structures, kept)

    def source(self, digest: bytes, *, now: datetime) -> Source | None:
        """Whose key has this digest."""
        key = self.keys.get(digest)
        return None if key is None or (key.expires_at is not None and key.expires_at <= now) else key.source


class Catalogue:
    """The newest snapshot, kept new by `run()`."""

    def __init__(self, conninfo: str, file: Path) -> None:
        self._conninfo, self._file = conninfo, file
        self.snapshot = Snapshot()
        self.is_current = False  # Whether the database was reached the last time it was asked.
        self.has_tried = asyncio.Event()
        self._looking = asyncio.Lock()
        self._looked_at = 0.0

    def load_file(self) -> None:
        """The state another process left, until the database has answered."""
        try:
            kept = json.loads(self._file.read_text())
        except (OSError, ValueError):
            return
        self.snapshot = Snapshot.of(map(_key_row, kept["keys"]), map(tuple, kept["schemas"]), self.snapshot)

    async def run(self) -> None:
        """Listen and reload for as long as the process lives."""
        while True:
            try:
                await self._follow()
            except (psycopg.Error, OSError) as fault:
                self.is_current = False
                self.has_tried.set()
                logger.warning("The catalogue of keys cannot be read, the last one stands: %s", fault)
                await asyncio.sleep(RETRY_AFTER)

    async def look_again(self) -> None:
        """For a key nobody knows: it may be a moment old. Strangers who guess share two reloads a second."""
        loop = asyncio.get_running_loop()
        came_at = loop.time()
        async with self._looking:
            if self._looked_at > came_at:
                return
            await asyncio.sleep(max(0.0, self._looked_at + LOOK_AGAIN - came_at))
            self._looked_at = loop.time()
            with suppress(psycopg.Error, OSError):
                connection = await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True)
                async with connection:
                    await self.reload(connection)

    async def _follow(self) -> None:
        connection = await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True)
        async with connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            while True:
                await self.reload(connection)
                await self._next_change(connection)

    async def reload(self, connection: psycopg.AsyncConnection[Any]) -> None:
        keys = await (await connection.execute(KEYS)).fetchall()
        schemas = await (await connection.execute(STRUCTURES)).fetchall()
        fresh = Snapshot.of(keys, schemas, self.snapshot)
        has_changed = fresh.keys != self.snapshot.keys or fresh.schemas != self.snapshot.schemas
        self.snapshot, self.is_current = fresh, True
        self.has_tried.set()
        if has_changed:
            await asyncio.to_thread(_write, self._file, fresh)

    async def _next_change(self, connection: psycopg.AsyncConnection[Any]) -> None:
        async for _ in connection.notifies(timeout=RELOAD_EVERY, stop_after=1):
            return


def _compiled(number: int, schema: Any) -> Published | None:
    try:
        return Published(number, Structure(schema))
    except BadStructure:
        logger.exception("Structure %s was published but cannot be compiled; its events pass unchecked", number)
        return None


def _write(file: Path, snapshot: Snapshot) -> None:
    rows = [
        {"digest": base64.b64encode(digest).decode(), "expires_at": key.expires_at and key.expires_at.isoformat()}
        | asdict(key.source)
        for digest, key in snapshot.keys.items()
    ]
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(f".{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        json.dump({"keys": rows, "schemas": snapshot.schemas}, opened)
    fresh.replace(file)


def _key_row(row: dict[str, Any]) -> tuple[Any, ...]:
    expires_at = row.pop("expires_at")
    digest = base64.b64decode(row.pop("digest"))
    return (digest, expires_at and datetime.fromisoformat(expires_at), *Source(**row).__dict__.values())
