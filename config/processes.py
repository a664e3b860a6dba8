"""Child processes that never outlive their parent.

On Linux the kernel ends a child when its parent dies, however it dies. Everywhere, a pid file with the time of birth
lets the next start find and end what a killed parent left behind, and never anything else.
"""

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

PR_SET_PDEATHSIG = 1
LARGE_LOG = 10 * 2**20
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class CannotStart(Exception):
    """The message is one line that tells the operator what to change."""


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


def dies_with_parent(signal_number: signal.Signals) -> Callable[[], None]:
    """A `preexec_fn`: the kernel sends `signal_number` to the child when this process is gone."""
    parent = os.getpid()

    def prepare() -> None:
        if _libc:
            _libc.prctl(PR_SET_PDEATHSIG, signal_number)
            if os.getppid() != parent:
                os.kill(os.getpid(), signal.SIGKILL)

    return prepare


def as_user(account: pwd.struct_passwd | None) -> dict[str, Any]:
    """Arguments for `subprocess` that make the child run as `account`; None is the present user."""
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}


@dataclass
class Child:
    """One long-running process in a session of its own, so that a Ctrl-C in the terminal reaches only the parent."""

    name: str
    command: Sequence[str]
    folder: Path
    """Where pid files (`run/`) and logs (`log/`) are kept."""
    cwd: Path | None = None
    env: Mapping[str, str] | None = None
    account: pwd.struct_passwd | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals | None = None
    """What the kernel sends when this process is gone; None is `stop_signal`."""
    patience: float = 20
    """Seconds between the polite signal and SIGKILL."""
    process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    @property
    def log(self) -> Path:
        return self.folder / "log" / f"{self.name}.log"

    @property
    def pid_file(self) -> Path:
        return self.folder / "run" / f"{self.name}.pid"

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def ending(self) -> str:
        """How it ended, in words."""
        status = self.process.returncode if self.process else None
        return f"signal {-status}" if status and status < 0 else f"exit status {status}"

    def start(self) -> None:
        self.stop_leftover()
        with self._open_log() as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.cwd,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=dies_with_parent(self.orphan_signal or self.stop_signal),  # noqa: PLW1509  # no thread runs here
                **as_user(self.account),
            )
        self.pid_file.parent.mkdir(exist_ok=True)
        self.pid_file.write_text(f"{self.process.pid} {_born(self.process.pid)}")

    def ask_to_stop(self) -> None:
        if self.process and self.is_alive:
            self.process.send_signal(self.stop_signal)

    def stop(self, patience: float | None = None) -> None:
        """Ask, wait, then insist; whatever the child itself started goes with it."""
        if not self.process:
            return
        self.ask_to_stop()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(self.patience if patience is None else patience)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.pid_file.unlink(missing_ok=True)

    def kill(self) -> None:
        if self.process and self.is_alive:
            os.killpg(self.process.pid, signal.SIGKILL)

    def stop_leftover(self) -> None:
        """End the process that a killed parent left behind, if it still is the very one that was started."""
        try:
            pid_text, _, birth = self.pid_file.read_text().partition(" ")
            pid = int(pid_text)
        except (FileNotFoundError, ValueError):
            return
        for signal_number in (self.stop_signal, signal.SIGKILL):
            if birth and _born(pid) == birth:
                os.kill(pid, signal_number)
                wait_until(lambda: _born(pid) != birth, seconds=self.patience)
        self.pid_file.unlink(missing_ok=True)

    def last_words(self, lines: int = 5) -> str:
        """The end of the log, for a message about a start that failed."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(f"  {line}" for line in text.splitlines()[-lines:])

    def trim_log(self) -> bool:
        """Begin a log anew when it has grown large; the one before is kept. True when that happened."""
        if not self.log.exists() or self.log.stat().st_size < LARGE_LOG:
            return False
        with suppress(OSError):  # On a full disk room is worth more than old lines.
            shutil.copyfile(self.log, self.log.with_suffix(".log.1"))
        os.truncate(self.log, 0)  # The child has it open for appending and goes on at the new end.
        return True

    def _open_log(self) -> IO[bytes]:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.trim_log()
        return self.log.open("ab")


def stop_all(children: Sequence[Child]) -> None:
    """Ask all at once, then wait for each: the slowest sets the pace, not the sum."""
    asked_at = time.monotonic()
    for child in children:
        child.ask_to_stop()
    for child in children:
        child.stop(patience=max(0.0, asked_at + child.patience - time.monotonic()))


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not (done := condition()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return done


def _born(pid: int) -> str | None:
    """When the process began: with its id, a name that is never given twice. None when there is none (or a zombie)."""
    if sys.platform == "linux":
        try:
            state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        return None if state == "Z" else rest[18]
    shown = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return shown.stdout.strip() or None
