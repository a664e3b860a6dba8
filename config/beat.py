"""A beat that only ticks while it holds the one lock: a second copy waits and takes over."""

import logging
from typing import Any

import psycopg
from django.db import connection
from django_celery_beat.schedulers import DatabaseScheduler

LOCK = 7_330_001
logger = logging.getLogger(__name__)


class GuardedScheduler(DatabaseScheduler):  # type: ignore[misc]  # ships no types
    """The schedule of config.celery, ticked by whoever holds the advisory lock.

    The lock lives as long as its database session, so a session of its own guards it: when this process or the
    connection dies, another copy takes over at its next tick.
    """

    waiting_interval = 5.0
    _guard: psycopg.Connection | None = None

    def tick(self, *args: Any, **kwargs: Any) -> float:
        if not self._holds_lock():
            return self.waiting_interval
        return min(super().tick(*args, **kwargs), self.waiting_interval)

    def _holds_lock(self) -> bool:
        try:
            if self._guard is not None:
                self._guard.execute("SELECT 1")
                return True
            guard = psycopg.connect(autocommit=True, **_address())
            if guard.execute("SELECT pg_try_advisory_lock(%s)", [LOCK]).fetchone() == (True,):
                self._guard = guard
                return True
            guard.close()
        except psycopg.Error:
            logger.warning("The database does not answer; beat waits for it.")
            self._guard = None
        return False


def _address() -> dict[str, Any]:
    known = {"dbname", "user", "password", "host", "port", "connect_timeout", "sslmode", "sslrootcert"}
    return {name: value for name, value in connection.get_connection_params().items() if name in known}
