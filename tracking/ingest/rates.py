"""How much one system may send: counted here, and every few moments summed up with all other processes by Redis.

Without Redis each process counts for itself; a limit is a courtesy to the neighbours, never a reason to lose events.
"""

import asyncio
import logging
import time
from collections import Counter
from contextlib import suppress

import redis.asyncio
from redis.exceptions import RedisError

from tracking.ingest.neutral import Refused, Source

WINDOW = 10  # Seconds over which the average is taken.
SUM_UP_EVERY = 0.2
logger = logging.getLogger(__name__)


class Rates:
    def __init__(self, redis_url: str) -> None:
        self._redis = redis.asyncio.Redis.from_url(redis_url, socket_timeout=1, socket_connect_timeout=1)
        self._window = 0
        self._untold: Counter[int] = Counter()
        self._known: Counter[int] = Counter()

    def take(self, source: Source, events: int) -> None:
        """Raises Refused(429) when this system has sent its share of the present ten seconds."""
        if not source.events_per_second:
            return
        now = time.time()
        if int(now // WINDOW) != self._window:
            self._window = int(now // WINDOW)
            self._untold.clear()
            self._known.clear()
        number = source.system_id
        if self._known[number] + self._untold[number] >= source.events_per_second * WINDOW:
            wait = max(1, round(WINDOW - now % WINDOW))
            raise Refused(
                429,
                "too_many_events",
                f"{source.name} may send {source.events_per_second:,} events a second. Send again in {wait} s.",
                retry_after=wait,
            )
        self._untold[number] += events

    async def run(self) -> None:
        while True:
            await asyncio.sleep(SUM_UP_EVERY)
            if self._untold:
                with suppress(RedisError, OSError, TimeoutError):
                    await self._sum_up()

    async def close(self) -> None:
        with suppress(RedisError, OSError):
            await self._redis.aclose()

    async def _sum_up(self) -> None:
        window, told = self._window, dict(self._untold)
        async with self._redis.pipeline(transaction=False) as pipeline:
            for number, events in told.items():
                key = f"tracking:rate:{number}:{window}"
                pipeline.incrby(key, events)
                pipeline.expire(key, WINDOW * 2)
            answers = await pipeline.execute()
        if window == self._window:
            for place, (number, events) in enumerate(told.items()):
                self._known[number] = int(answers[place * 2])
                self._untold[number] -= events
