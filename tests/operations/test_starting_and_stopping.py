"""What an operator does to a running copy, on purpose and by accident."""

import os
import re
import shutil
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from config import embedded
from tests.copies import ROOT, Copy, wait_for

pytestmark = pytest.mark.fault


def process_of(copy: Copy, pattern: str) -> int:
    return next((pid for pid, command in copy.processes().items() if re.search(pattern, command)), 0)


def test_an_empty_folder_becomes_a_running_copy_that_stops_without_a_trace(copy: Copy) -> None:
    copy.start_and_wait()
    assert {"postgres", "valkey-server", "granian", "beat", "run_mailbox"} <= {
        word for command in copy.processes().values() for word in re.findall(r"[\w-]+", command)
    }
    assert copy.stop(signal.SIGTERM) == 0
    assert copy.processes() == {}


def test_ctrl_c_is_an_orderly_end_too(copy: Copy) -> None:
    copy.start_and_wait()
    assert copy.stop(signal.SIGINT) == 0
    assert copy.processes() == {}


def test_a_signal_in_the_middle_of_the_start_leaves_nothing_behind(copy: Copy) -> None:
    copy.start()
    wait_for(lambda: process_of(copy, "manage.py migrate"))
    assert copy.stop(signal.SIGTERM) == 0
    assert copy.processes() == {}


def test_make_passes_an_end_on(copy: Copy) -> None:
    if not (ROOT / ".venv/.runtime").exists():
        pytest.skip("not installed by make")
    copy.start_and_wait("make", "run")
    copy.stop(signal.SIGTERM)
    assert wait_for(lambda: not copy.processes())


def test_after_kill_9_everything_ends_and_the_next_start_finds_its_data(copy: Copy) -> None:
    copy.start_and_wait()
    copy.ask("CREATE TABLE keepsake AS SELECT 'still here' AS word")
    before = process_of(copy, "postgres -D")
    copy.stop(signal.SIGKILL)
    copy.start_and_wait()
    wait_for(lambda: process_of(copy, "postgres -D") not in {0, before})  # What is dying may answer a moment longer.
    assert wait_for(lambda: _kept(copy)) == "still here"
    copy.stop(signal.SIGKILL)
    wait_for(lambda: not copy.processes())


def _kept(copy: Copy) -> str:
    with suppress(psycopg.OperationalError):
        return copy.ask("SELECT word FROM keepsake")
    return ""


def test_a_killed_program_or_server_comes_back(copy: Copy) -> None:
    copy.start_and_wait()
    wait_for(lambda: process_of(copy, "celery .*worker"))
    for pattern in ("granian", "valkey-server", "postgres -D"):
        victim = process_of(copy, pattern)
        os.kill(victim, signal.SIGKILL)
        wait_for(lambda pattern=pattern, victim=victim: process_of(copy, pattern) not in {0, victim})
    wait_for(copy.answers)
    wait_for(lambda: _database_answers(copy))
    assert copy.stop() == 0
    assert copy.processes() == {}


def _database_answers(copy: Copy) -> bool:
    with suppress(psycopg.OperationalError):
        return copy.ask("SELECT 1") == "1"
    return False


def test_a_first_start_cut_short_is_made_good_by_the_next(copy: Copy) -> None:
    process = copy.start()
    wait_for(lambda: list(copy.var_dir.glob("postgres.unfinished.*/PG_VERSION")))
    process.kill()
    process.communicate()
    assert not (copy.var_dir / "postgres").exists()
    copy.start_and_wait()
    assert copy.ask("SELECT count(*) > 0 FROM django_migrations") == "True"
    assert not list(copy.var_dir.glob("postgres.unfinished.*"))


def test_a_second_start_on_the_same_folder_is_refused(copy: Copy, new_copy: Callable[..., Copy]) -> None:
    copy.start_and_wait()
    refusal = new_copy().refusal()
    assert len(refusal.splitlines()) == 1
    assert f"VAR_DIR={copy.var_dir}" in refusal
    assert f"PORT={copy.port}" in refusal
    assert copy.answers()


def test_a_taken_port_is_refused_before_anything_starts(copy: Copy) -> None:
    with socket.create_server(("127.0.0.1", copy.port)):
        refusal = copy.refusal()
    assert len(refusal.splitlines()) == 1
    assert f"PORT={copy.port}" in refusal
    assert not (copy.var_dir / "postgres").exists()


def test_two_copies_side_by_side_keep_to_themselves(new_copy: Callable[..., Copy]) -> None:
    here, there = new_copy("here"), new_copy("there")
    here.start_and_wait()
    there.start_and_wait()
    here.ask("CREATE TABLE mine ()")
    assert there.ask("SELECT to_regclass('mine') IS NULL") == "True"
    assert here.stop() == 0
    assert there.answers()


def test_a_command_runs_beside_the_copy_on_servers_of_its_own(copy: Copy) -> None:
    copy.start_and_wait()
    copy.ask("CREATE TABLE mine ()")
    question = "import os, psycopg; print(psycopg.connect(os.environ['DATABASE_URL']).execute(%r).fetchone()[0])"
    finished = copy.with_services(sys.executable, "-c", question % "SELECT to_regclass('mine') IS NULL")
    assert (finished.returncode, finished.stdout) == (0, "True\n")
    assert copy.answers()


def test_a_commands_output_and_exit_status_are_its_own(copy: Copy) -> None:
    finished = copy.with_services("sh", "-c", "echo out; echo err >&2; exit 7")
    assert (finished.returncode, finished.stdout, finished.stderr) == (7, "out\n", "err\n")
    assert copy.processes() == {}


def test_a_folder_too_deep_for_sockets_and_with_odd_letters_works(new_copy: Callable[..., Copy]) -> None:
    copy = new_copy(Path("Ada's shop, 100%", *["deep" * 6] * 5))
    script = (
        "import os, kombu, psycopg, redis;"
        "psycopg.connect(os.environ['DATABASE_URL']);"
        "redis.from_url(os.environ['REDIS_URL']).ping();"
        "kombu.Connection(os.environ['CELERY_BROKER_URL']).connect();"
        "print('all three')"
    )
    finished = copy.with_services(sys.executable, "-c", script)
    assert (finished.stdout, finished.returncode) == ("all three\n", 0), finished.stderr
    shutil.rmtree(embedded.socket_dir(copy.var_dir / "test"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as another user")
def test_roots_own_folder_stays_closed_and_the_data_go_where_postgresql_can_reach_them(
    new_copy: Callable[..., Copy], open_folder: Path
) -> None:
    (open_folder / "private").mkdir(mode=0o700)
    copy = new_copy("private/var")
    copy.start_and_wait()
    copy.ask("CREATE TABLE keepsake ()")
    assert copy.stop() == 0
    copy.start_and_wait()
    assert copy.ask("SELECT to_regclass('keepsake') IS NOT NULL") == "True"
    assert copy.stop() == 0
    assert (open_folder / "private").stat().st_mode & 0o777 == 0o700
    shutil.rmtree((copy.var_dir / "postgres").readlink().parent)
