"""The processes of the product that a measurement needs, on the database of the measurement."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import create_connection, create_server
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.db import connection

ROOT = Path(__file__).resolve().parent.parent.parent
FOLLOW = """
import django, time
django.setup()
from tracking.tasks import advance_projections
while True:
    time.sleep(1 - time.time() % 1)  # As the beat does.
    advance_projections()
"""


@contextmanager
def server(application: str, *options: str) -> Iterator[int]:
    """The port of `serving`."""
    with serving(application, *options) as (port, _):
        yield port


@contextmanager
def serving(application: str, *options: str) -> Iterator[tuple[int, int]]:
    """The port and the process of a web server that runs this application: ASGI, unless the options say otherwise."""
    with create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    how = f"--runtime-mode st --host 127.0.0.1 --port {port} --log-level error".split()
    interface = [] if "--interface" in options else ["--interface", "asgi"]
    with process([sys.executable, "-m", "granian", *how, *interface, *options, application]) as running:
        _wait_for(port)
        yield port, running.pid


@contextmanager
def process(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """As in production: a development server would keep every query it asked."""
    address = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}")
    env = os.environ | {
        "DATABASE_URL": urlunsplit(address),
        "LOG_LEVEL": "WARNING",
        "ENVIRONMENT": "production",
        "BASE_URL": "http://localhost",
        "SECRET_KEY": settings.SECRET_KEY,
        "API_CALLS_PER_MINUTE": "1000000",
    }
    running = subprocess.Popen(command, cwd=ROOT, env=env)
    try:
        yield running
    finally:
        running.terminate()
        running.wait(20)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with suppress(OSError):
            create_connection(("127.0.0.1", port), timeout=1).close()
            return
        time.sleep(0.1)
    raise TimeoutError(f"Nothing listens on {port}.")


def processor_seconds(process_id: int) -> float:
    """What a process and its children have worked so far, the system's work for them with it."""
    return sum(
        (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        for running, fields in _processes()
        if process_id in (running, int(fields[1]))
    )


def _processes() -> Iterator[tuple[int, list[str]]]:
    """Their numbers, and what /proc says after their names: state, parent, ... (proc(5))."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            yield int(stat.parent.name), stat.read_text().rpartition(")")[2].split()
