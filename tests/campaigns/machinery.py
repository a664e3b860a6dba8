"""Beat, workers and broker as production starts them, on the test's own database; killed as the kernel would."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import redis
from celery import Celery
from django.db import connection
from django.db.models import F

from campaigns.models import Send
from campaigns.sending import dispatch
from config import embedded
from config.processes import dies_with_parent
from tests.copies import CHOSEN_BY_THE_SUITE, ROOT, wait_for

Process = subprocess.Popen[bytes]
_BUSY = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
      AND state <> 'idle'
"""


@dataclass
class Machinery:
    """`variables` are the operator's: EMAIL_URL and the like."""

    folder: Path
    variables: dict[str, str]
    processes: list[Process] = field(default_factory=list)

    def start(self, program: str, **variables: str) -> Process:
        """`worker` or `beat`, in a process group of its own."""
        with (self.folder / f"{program}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "config.run", "only", program],
                cwd=ROOT,
                env=self._env | variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=dies_with_parent(signal.SIGKILL),  # noqa: PLW1509  # it takes no lock
            )
        self.processes.append(process)
        return process

    def kill(self, process: Process) -> None:
        """The whole group at once. PostgreSQL may be busy with its last words a moment longer."""
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self.processes.remove(process)

    def flush_redis(self) -> None:
        """Queues, their bindings, what was given out and not acknowledged: all of it."""
        assert redis.from_url(embedded.redis_url(self.folder)).flushall()

    def nudge(self, task: str, **arguments: Any) -> None:
        """What config.shared.nudge does once a transaction has committed."""
        with Celery(broker=embedded.broker_url(self.folder)) as app:
            app.send_task(task, **arguments)

    @property
    def _env(self) -> dict[str, str]:
        database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
        own = {
            "VAR_DIR": str(self.folder),
            "DATABASE_URL": database,
            "REDIS_URL": embedded.redis_url(self.folder),
            "CELERY_BROKER_URL": embedded.broker_url(self.folder),
            "LOG_LEVEL": "WARNING",
            **self.variables,
        }
        return {name: value for name, value in os.environ.items() if name not in CHOSEN_BY_THE_SUITE} | own


@contextmanager
def machinery(folder: Path, **variables: str) -> Iterator[Machinery]:
    broker = embedded.Valkey(folder)
    broker.start()
    running = Machinery(folder, variables)
    try:
        yield running
    finally:
        for process in list(running.processes):
            running.kill(process)
        broker.stop()


def leases_lapse() -> None:
    """Five minutes pass for whatever a killed worker held."""
    wait_for(_nobody_is_busy)
    held = Send.objects.filter(claimed_until__isnull=False)
    held.update(claimed_until=F("claimed_until") - dispatch.LEASE - timedelta(seconds=1))


def _nobody_is_busy() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_BUSY)
        return cursor.fetchone() == (0,)
