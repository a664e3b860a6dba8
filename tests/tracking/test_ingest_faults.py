"""Servers die while events come in. Counted from outside: what was answered 200 is there, once."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from config import embedded
from tests.copies import ROOT, Copy, wait_for

pytestmark = pytest.mark.fault
SENDERS, BATCH = 4, 5


class Sender(threading.Thread):
    """An SDK at work: each batch again and again, with the same ids, until it is answered 200."""

    def __init__(self, copy: Copy, key: str) -> None:
        super().__init__(daemon=True)
        self.address, self.key = f"http://127.0.0.1:{copy.port}/api/events/ingest", key
        self.accepted: list[str] = []
        self.answers: dict[int, int] = {}
        self.is_wanted = True

    def run(self) -> None:
        while self.is_wanted:
            ids = [str(uuid4()) for _ in range(BATCH)]
            body = json.dumps([{"name": "Order Completed", "id": each, "user_id": "ada"} for each in ids]).encode()
            while not self.sent(body):
                pass
            self.accepted += ids

    def sent(self, body: bytes) -> bool:
        request = urllib.request.Request(self.address, body, {"X-Write-Key": self.key})
        status = 0
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                status = response.status
        except urllib.error.HTTPError as refusal:
            status = refusal.code
        except OSError:
            threading.Event().wait(0.02)
        self.answers[status] = self.answers.get(status, 0) + 1
        return status == 200


@contextmanager
def a_copy(var_dir: Path) -> Iterator[Copy]:
    copy = Copy(var_dir)
    try:
        yield copy
    finally:
        if copy.process and copy.process.poll() is None:
            copy.stop()
        for pid in copy.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Copy]:
    with a_copy(tmp_path / "var") as copy:
        yield copy


def manage(copy: Copy, *arguments: str) -> str:
    env = copy.env | {"DATABASE_URL": embedded.database_url(copy.var_dir)}
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True).stdout


def kill(copy: Copy, pattern: str) -> None:
    for pid, command in copy.processes().items():
        if re.search(pattern, command):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            return


def database_processes(copy: Copy) -> list[int]:
    """The postmaster and its children, which rewrite their own names and environments."""
    postmaster = next(pid for pid, command in copy.processes().items() if "postgres -D" in command)
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    return [postmaster, *map(int, children)]


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk of 600 MB, which is soon full. Where any user may go: PostgreSQL does not run as root."""
    disk = Path(tempfile.mkdtemp())
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=600m,mode=755", "tmpfs", disk], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"A disk of its own needs the right to mount one: {mounted.stderr}")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)
    disk.rmdir()


def fill_up(disk: Path) -> Path:
    """The file that leaves no room for another byte."""
    ballast = disk / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(bytes(65_536)):
            pass
    return ballast


@contextmanager
def frozen(processes: list[int]) -> Iterator[None]:
    """Alive, and deaf: connections open and nothing answers."""
    for pid in processes:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in processes:
            os.kill(pid, signal.SIGCONT)


def fill_the_spool(sender: Sender) -> int:
    """Large events until one is refused; how many were taken."""
    big, number = {"name": "A", "user_id": "ada", "properties": {"text": "x" * 50_000}}, 0
    while sender.answers.get(503, 0) == 0:
        number += 1
        assert number < 100, "the spool has no end"
        sender.sent(json.dumps(big | {"id": f"during-{number}"}).encode())
    return number - 1


def assert_each_is_there_once(copy: Copy, senders: list[Sender]) -> None:
    """Once the read side has caught up; and received = valid + invalid + duplicates."""
    ids = {each for sender in senders for each in sender.accepted}

    def entered() -> int:
        found = asked(copy, "SELECT count(*) FROM tracking_trackedevent")
        return int(str(found[0][0])) if found else 0

    wait_for(lambda: entered() >= len(ids), seconds=120)
    stored = [row[0] for row in asked(copy, "SELECT message_id FROM tracking_trackedevent")]
    assert len(stored) == len(set(stored)), "nothing is there twice"
    assert set(stored) == ids, "nothing is lost, and nothing is there that was never accepted"
    sums = asked(copy, "SELECT sum(valid + invalid + duplicates) FROM tracking_hourcount")
    assert sums == asked(copy, "SELECT count(*) FROM tracking_receivedevent")


def asked(copy: Copy, question: str) -> list[tuple[object, ...]]:
    with suppress(psycopg.Error), psycopg.connect(embedded.database_url(copy.var_dir)) as connection:
        return connection.execute(question).fetchall()
    return []


@pytest.mark.timeout(600)
def test_what_was_accepted_survives_the_death_of_every_server_again_and_again(copy):
    copy.start_and_wait()
    key = json.loads(manage(copy, "create_write_key", "Acme", "Website", "--json"))["write_key"]
    senders = [Sender(copy, key) for _ in range(SENDERS)]
    for sender in senders:
        sender.start()

    def accepted() -> int:
        return sum(len(sender.accepted) for sender in senders)

    for victim in ("postgres -D", "granian", "postgres -D", "valkey-server", "postgres -D", "granian", "postgres -D"):
        goal = accepted() + 500
        wait_for(lambda goal=goal: accepted() > goal, seconds=120)
        kill(copy, victim)
    goal = accepted() + 500
    wait_for(lambda: accepted() > goal, seconds=120)
    for sender in senders:
        sender.is_wanted = False
    for sender in senders:
        sender.join(60)
    answers = {status for sender in senders for status in sender.answers}
    assert answers <= {0, 200}, "while PostgreSQL is away events are still taken"
    assert_each_is_there_once(copy, senders)


@pytest.mark.timeout(300)
def test_while_the_database_hangs_events_are_taken_until_the_spool_is_full_and_then_refused(copy):
    copy.variables["INGEST_SPOOL_MB"] = "1"
    copy.start_and_wait()
    key = json.loads(manage(copy, "create_write_key", "Acme", "Website", "--json"))["write_key"]
    first = Sender(copy, key)
    assert wait_for(lambda: first.sent(b'{"name": "A", "id": "before", "user_id": "ada"}'))
    with frozen(database_processes(copy)):
        taken = fill_the_spool(first)
    assert taken > 10
    expected = {"before"} | {f"during-{each}" for each in range(1, taken + 1)}

    def stored() -> set[object]:
        return {row[0] for row in asked(copy, "SELECT message_id FROM tracking_trackedevent")}

    wait_for(lambda: stored() >= expected, seconds=120)
    assert stored() == expected
    assert asked(copy, "SELECT count(*) FROM tracking_receivedevent") == [(len(expected),)]
    assert wait_for(lambda: first.sent(b'{"name": "A", "id": "after", "user_id": "ada"}'))


@pytest.mark.timeout(600)
def test_a_full_disk_refuses_events_loses_none_and_recovers_by_itself(small_disk):
    with a_copy(small_disk / "var") as copy:
        copy.start_and_wait()
        key = json.loads(manage(copy, "create_write_key", "Acme", "Website", "--json"))["write_key"]
        senders = [Sender(copy, key) for _ in range(SENDERS)]
        for sender in senders:
            sender.start()

        def counted(status: int) -> int:
            return sum(sender.answers.get(status, 0) for sender in senders)

        assert wait_for(lambda: counted(200) > 100, seconds=120)
        ballast = fill_up(small_disk)
        assert wait_for(lambda: counted(503) > 10_000, seconds=240), "where nothing can be kept, that is said"
        ballast.unlink()
        goal = counted(200) + 100
        assert wait_for(lambda: counted(200) > goal, seconds=120), "nobody had to help"
        for sender in senders:
            sender.is_wanted = False
        for sender in senders:
            sender.join(60)
        assert {status for sender in senders for status in sender.answers} <= {0, 200, 503}
        assert_each_is_there_once(copy, senders)
