"""The processes of one running copy: started in order, watched, started again when they die, stopped in order."""

import fcntl
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import FrameType
from typing import NoReturn

from config.embedded import Postgres, Valkey
from config.environment import ROOT, Environment
from config.processes import CannotStart, Child, dies_with_parent, say, stop_all

FIRST_ANSWER_PATIENCE = 90.0
LONG_LIFE, LONGEST_PAUSE, QUIET_FOR = 60.0, 30.0, 60.0  # Seconds.
TROUBLE = re.compile(r"\b(ERROR|CRITICAL|FATAL|PANIC)\b|^[\w.]+(Error|Exception)\b")


class Stop(BaseException):
    """The operator asked for the end, wherever the main thread was at that moment."""


class Watched:
    """A child, how often in a row it died young, and how far its log has been read."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.early_deaths = 0
        self.started_at = 0.0
        self.restart_at: float | None = None
        self.log_offset = 0
        self.told_at: dict[str, float] = {}

    def start(self) -> None:
        self.started_at, self.restart_at = time.monotonic(), None
        self.child.start()

    def look(self) -> None:
        """Show what went wrong since the last look, and bring a dead child back after a pause that grows."""
        self._show_trouble()
        if self.child.is_alive:
            return
        now = time.monotonic()
        if self.restart_at is None:
            self.early_deaths = 0 if now - self.started_at > LONG_LIFE else self.early_deaths + 1
            pause = min(LONGEST_PAUSE, 2.0**self.early_deaths)
            self.restart_at = now + pause
            name, ending, log = self.child.name, self.child.ending, self.child.log
            say(f"{name} ended with {ending} and starts again in {pause:.0f} s; see {log}")
        elif now >= self.restart_at:
            self.child.stop()
            try:
                self.start()
            except (CannotStart, OSError) as refusal:  # A full disk, for one, may have room again later.
                say(f"{self.child.name} | {refusal}")
                self.child.stop()

    def skip_old_log(self) -> None:
        self.log_offset = self.child.log.stat().st_size if self.child.log.exists() else 0

    def _show_trouble(self) -> None:
        if self.child.trim_log():
            self.log_offset = 0
        news = b""
        with suppress(FileNotFoundError), self.child.log.open("rb") as log:
            log.seek(self.log_offset)
            news = log.read()
        whole_lines = news[: news.rfind(b"\n") + 1]
        self.log_offset += len(whole_lines)
        for line in whole_lines.decode(errors="replace").splitlines():
            if TROUBLE.search(line) and self._is_news(line):
                say(f"{self.child.name} | {line}")

    def _is_news(self, line: str) -> bool:
        """Not what was shown a minute ago with another time or number in it."""
        now, gist = time.monotonic(), re.sub(r"\d+", "", line)
        self.told_at = {text: at for text, at in self.told_at.items() if now - at < QUIET_FOR}
        return self.told_at.setdefault(gist, now) == now


class Supervisor:
    """`make run`: from an empty folder to an address that answers, until told to stop."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.var_dir = environment.var.resolve()
        self.env = os.environ | {"VAR_DIR": str(self.var_dir), "PYTHONUNBUFFERED": "1"}
        self.servers = [Watched(server) for server in self._servers()]
        self.programs = [Watched(program) for program in self._programs()]

    def run(self) -> int:
        """Returns 0 after an orderly end by SIGINT, SIGTERM or SIGHUP."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._stop)
        try:
            with sole_use(self.var_dir, port=self.environment.port):
                try:
                    self._start()
                    self._watch()
                finally:
                    self._end()
        except Stop:
            say("Stopped; everything is kept for the next start.")
        return 0

    def program(self, name: str) -> Child:
        for watched in self.programs:
            if watched.child.name == name:
                return watched.child
        raise CannotStart(f"There is no {name} with these settings: EMAIL_URL names another mail server.")

    def _start(self) -> None:
        for watched in (*self.programs, *self.servers):
            watched.child.stop_leftover()
            watched.skip_old_log()
        refuse_taken_port("PORT", self.environment.host, self.environment.port)
        if self.environment.uses_mailbox:
            refuse_taken_port("MAILBOX_PORT", "127.0.0.1", self.environment.mailbox)
        say(f"Starting Regulars in {self.var_dir} ...")
        for server in self.servers:
            server.start()
        self._manage("migrate", "--verbosity", "0")
        if self.environment.is_production:
            self._manage("collectstatic", "--no-input", "--verbosity", "0")
        elif self.environment.demo_shop:
            self._manage("load_demo", "--if-empty")
        for program in self.programs:
            program.start()

    def _watch(self) -> None:
        began, is_told = time.monotonic(), False
        while True:
            for watched in (*self.servers, *self.programs):
                watched.look()
            if not is_told and (answers(self.environment) or time.monotonic() - began > FIRST_ANSWER_PATIENCE):
                self._tell()
                is_told = True
            time.sleep(0.3)

    def _end(self) -> None:
        """The programs first, while their servers still answer. A second signal makes the programs go at once."""
        stop_all([watched.child for watched in self.programs])
        stop_all([watched.child for watched in self.servers])

    def _stop(self, number: int, frame: FrameType | None) -> NoReturn:
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, self._hurry)
        say("\nStopping ... (once more to hurry)")
        raise Stop

    def _hurry(self, number: int, frame: FrameType | None) -> None:
        for program in self.programs:
            program.child.kill()

    def _tell(self) -> None:
        logins = self.var_dir / "demo-logins.txt"
        say("")
        say(f"  Regulars is ready:  {self.environment.public_url}/staff/")
        say(f"  The shoppers' app:  {self.environment.public_url}/")
        if logins.exists():
            say("\n" + "\n".join(f"  {line}" for line in logins.read_text().rstrip().splitlines()))
        say(f"\n  Trouble is shown here, everything else is in {self.var_dir / 'log'}. Ctrl-C stops it all.\n")

    def _manage(self, *arguments: str) -> None:
        """One step of the start. In a session of its own: a Ctrl-C is told once, by us."""
        finished = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.env,
            check=False,
            start_new_session=True,
            preexec_fn=dies_with_parent(signal.SIGKILL),
        )
        if finished.returncode:
            raise CannotStart(f"`manage.py {arguments[0]}` failed with exit status {finished.returncode}; see above.")

    def _servers(self) -> Iterator[Child]:
        if not self.environment.database_url:
            yield Postgres(self.var_dir)
        if not self.environment.redis_url:
            yield Valkey(self.var_dir)

    def _programs(self) -> Iterator[Child]:
        environment, python = self.environment, [sys.executable, "-m"]
        listen = ["--host", environment.host, "--port", str(environment.port)]
        web = [
            "--interface",
            "asgi",
            "--runtime-mode",
            "st",
            "--workers",
            str(environment.web_workers),
            "--workers-kill-timeout",
            "5",
        ]
        worker = ["worker", "--concurrency", str(environment.workers), "--without-gossip", "--without-mingle"]
        beat = ["beat", "--scheduler", "config.beat:GuardedScheduler", "--pidfile="]
        log_level = ["--loglevel", environment.log_level]
        yield self._program("web", [*python, "granian", *web, *listen, "config.asgi:application"])
        celery = [*python, "celery", "-A", "config"]
        yield self._worker([*celery, *worker, *log_level])
        yield self._beat([*celery, *beat, *log_level])
        if self.environment.uses_mailbox:
            yield self._program("mailbox", [sys.executable, "manage.py", "run_mailbox"])

    def _program(self, name: str, command: list[str]) -> Child:
        return Child(name, command, folder=self.var_dir, cwd=ROOT, env=self.env, patience=10)

    def _beat(self, command: list[str]) -> Child:
        """At its end it writes to the database, and waits for one that died with the parent."""
        beat = self._program("beat", command)
        beat.orphan_signal = signal.SIGKILL
        return beat

    def _worker(self, command: list[str]) -> Child:
        """On SIGQUIT it gives its tasks some time and hands the rest back; on SIGTERM it would wait for ever.

        Celery's own shutdown hangs when its broker dies at the same moment, as it does with a killed parent.
        """
        worker = self._program("worker", command)
        worker.stop_signal, worker.orphan_signal, worker.patience = signal.SIGQUIT, signal.SIGKILL, 30
        return worker


@contextmanager
def sole_use(var_dir: Path, port: int | None = None) -> Iterator[None]:
    """Hold VAR_DIR for this process alone; the lock ends with the process, however that dies."""
    var_dir.mkdir(parents=True, exist_ok=True)
    with (var_dir / "run.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip()
            raise CannotStart(
                f"VAR_DIR={var_dir} is in use by {holder}: stop that first, or set another VAR_DIR and PORT."
            ) from None
        lock.truncate(0)
        lock.write(f"process {os.getpid()}" + (f" (PORT={port})" if port else ""))
        lock.flush()
        yield


def refuse_taken_port(variable: str, host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        reason = f"{variable}={port} cannot be used on {host} ({error.strerror})"
        raise CannotStart(f"{reason}: set another {variable}.") from None


def answers(environment: Environment) -> bool:
    """Whether the web server of this copy lives."""
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # where to knock, not where to listen
    connection = HTTPConnection(everywhere.get(environment.host, environment.host), environment.port, timeout=2)
    names = [name.lstrip(".") for name in environment.allowed_hosts if name != "*"]
    with suppress(OSError, HTTPException), closing(connection):
        connection.request("GET", "/healthz", headers={"Host": next(iter(names), "localhost")})
        return connection.getresponse().status == HTTPStatus.OK
    return False
