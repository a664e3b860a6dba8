"""A copy of the product as the operator has it: a real process in a folder of its own, looked at from outside."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg

from config import embedded

ROOT = Path(__file__).resolve().parents[1]
CHOSEN_BY_THE_SUITE = {"DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "VAR_DIR", "PORT", "ENVIRONMENT", "EMAIL_URL"}


def wait_for(question: Callable[[], Any], seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < deadline, f"waited {seconds} s in vain"
        time.sleep(0.05)
    return answer


class Copy:
    """One VAR_DIR and PORT, and the process that was started on them."""

    def __init__(self, var_dir: Path, **variables: str) -> None:
        self.var_dir, self.variables = var_dir, variables
        self.port, self.mailbox_port = free_port(), free_port()
        self.process: subprocess.Popen[str] | None = None

    @property
    def env(self) -> dict[str, str]:
        own = {
            "VAR_DIR": str(self.var_dir),
            "PORT": str(self.port),
            "MAILBOX_PORT": str(free_port()),
            "DEMO_SHOP": "false",
            **self.variables,
        }
        return {name: value for name, value in os.environ.items() if name not in CHOSEN_BY_THE_SUITE} | own

    def start(self, *command: str) -> "subprocess.Popen[str]":
        self.process = subprocess.Popen(
            command or (sys.executable, "-m", "config.run"),
            cwd=ROOT,
            env=self.env,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        return self.process

    def start_and_wait(self, *command: str) -> None:
        process = self.start(*command)
        wait_for(lambda: self.answers() or process.poll() is not None, seconds=120)
        assert process.poll() is None, process.communicate()[0]

    def refusal(self) -> str:
        """What a start that refuses says."""
        process = self.start()
        output = process.communicate(timeout=60)[0]
        assert process.returncode == 1, output
        return output.strip()

    def with_services(self, *command: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "config.run", "with-services", "--", *command],
            cwd=ROOT,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.process
        self.process.send_signal(number)
        self.process.communicate(timeout=60)
        return self.process.returncode

    def answers(self) -> bool:
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=2) as response:
            return bool(response.status == 200)
        return False

    def ask(self, question: str) -> str:
        with psycopg.connect(embedded.database_url(self.var_dir), autocommit=True) as connection:
            answer = connection.execute(question)
            row = answer.fetchone() if answer.description else None
        return str(row[0]) if row else ""

    def processes(self) -> dict[int, str]:
        """Every living process that was given this VAR_DIR, by its environment or its command line."""
        mark, found = os.fsencode(self.var_dir), {}
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                is_ours = mark in (folder / "environ").read_bytes() or mark in (folder / "cmdline").read_bytes()
                if is_ours and ") Z " not in (folder / "stat").read_text():
                    found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        return found


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
