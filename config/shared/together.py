"""Writes that wait share one: a web server that keeps a row for each request commits a few times a second."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from django.db import close_old_connections

Row = TypeVar("Row")
AT_MOST = 500
MOST_WAITING = 20_000


class TooMany(Exception):
    """More wait than memory should hold: the database does not keep up, or not answer."""


class Together(Generic[Row]):
    """`keep(rows)` is called in a thread, with all rows that wait, and must have committed when it returns."""

    def __init__(self, keep: Callable[[list[Row]], object], *, name: str) -> None:
        self._keep = keep
        self._waiting: list[tuple[Row, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def keep(self, row: Row) -> None:
        """Returns when `row` is durable. Raises TooMany, and what `keep` did for the rows it shared a write with."""
        if len(self._waiting) >= MOST_WAITING:
            raise TooMany
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._waiting.append((row, done))
        if self._writer is None:
            self._writer = loop.create_task(self._write())
        await done

    async def _write(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:AT_MOST], self._waiting[AT_MOST:]
                await self._store(group)
        finally:
            self._writer = None

    async def _store(self, group: list[tuple[Row, asyncio.Future[None]]]) -> None:
        fault: Exception | None = None
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._in_thread, [row for row, _ in group])
        except Exception as error:
            fault = error
        for _, done in group:
            if done.done():  # whoever hung up is not told
                continue
            if fault:
                done.set_exception(fault)
            else:
                done.set_result(None)

    def _in_thread(self, rows: list[Row]) -> None:
        close_old_connections()
        try:
            self._keep(rows)
        finally:
            close_old_connections()
