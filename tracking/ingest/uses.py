"""When each key was last used: noted in memory, and told to the database by itself, for all keys at once.

Never on the way of a request, and a minute apart for each key. It wakes nobody: the catalogue's trigger does not look
at this column.
"""

import asyncio
import logging
from datetime import datetime, timedelta
from typing import Any

import psycopg

TOLD_EVERY = timedelta(minutes=1)
LOOK_EVERY = 5.0
logger = logging.getLogger(__name__)

# Another process may have told of the same key, or be telling now: then its word stands.
TELL = """
    WITH used AS (SELECT * FROM unnest(%s::bytea[], %s::timestamptz[]) AS used (digest, at)),
    stale AS (
        SELECT key.id, used.at FROM tracking_systemkey key JOIN used ON used.digest = key.digest
        WHERE key.last_used_at IS NULL OR key.last_used_at < used.at - %s
        FOR UPDATE OF key SKIP LOCKED
    )
    UPDATE tracking_systemkey key SET last_used_at = stale.at FROM stale WHERE stale.id = key.id
"""


class Uses:
    """Of keys, by their digests."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._noted: dict[bytes, datetime] = {}
        self._told: dict[bytes, datetime] = {}

    def note(self, digest: bytes, *, now: datetime) -> None:
        self._noted[digest] = now

    async def run(self) -> None:
        """Tell what was noted, for as long as the process lives."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            await self.tell()

    async def tell(self) -> None:
        """What cannot be told now is told later."""
        due = {digest: at for digest, at in self._noted.items() if self._is_due(digest, at)}
        if not due:
            return
        try:
            await self._write(due)
        except (psycopg.Error, OSError) as fault:
            logger.debug("When keys were used is told later: %s", fault)
        else:
            self._told.update(due)

    def _is_due(self, digest: bytes, at: datetime) -> bool:
        told = self._told.get(digest)
        return told is None or at - told >= TOLD_EVERY

    async def _write(self, due: dict[bytes, datetime]) -> None:
        connection: psycopg.AsyncConnection[Any] = await psycopg.AsyncConnection.connect(self._conninfo)
        async with connection:
            await connection.execute(TELL, [list(due), list(due.values()), TOLD_EVERY])
