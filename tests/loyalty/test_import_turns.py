"""Two imports at once, on real connections: one enters at a time, and only who has a row writes on it."""

import datetime as dt
import io
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.db import OperationalError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from loyalty.actions import imports, members
from loyalty.models import Consent, Order, PurchaseImport
from loyalty.tasks import sweep_imports
from tests.campaigns.world import somebody_waits_for_me
from tests.loyalty.conftest import HEADER
from tracking.models import Event

pytestmark = [pytest.mark.alone, pytest.mark.django_db(transaction=True)]

BEER = "O1,2026-03-01 18:30,BEER,Copper Beer,Beer,2,19.98,C1,S1"
WINE = "O1,2026-03-01 18:30,WINE,Red Wine,Wine,1,12.50,C1,S1"
Status = PurchaseImport.Status


class SlowClock:
    """A clock that stops a run while it compares, as a statement of many minutes would."""

    def __init__(self, now: dt.datetime) -> None:
        self.now, self.looks = now, 0
        self.has_stopped, self.may_go_on = threading.Event(), threading.Event()

    def __call__(self) -> dt.datetime:
        self.looks += 1
        if self.looks == 4:  # to claim the row, to begin, after reading, and now between two sets
            self.before_it_stops()
            self.has_stopped.set()
            assert self.may_go_on.wait(20)
        return self.now

    def before_it_stops(self) -> None:
        pass


class ClockOfALostLock(SlowClock):
    """The same on a connection whose locks are lost, as a pooler may lose them."""

    def before_it_stops(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock_all()")


class Worker(threading.Thread):
    """Runs one import on a connection of its own."""

    def __init__(self, row: PurchaseImport, clock: SlowClock) -> None:
        super().__init__()
        self.row, self.clock, self.has_done_it = row, clock, False

    def run(self) -> None:
        with suppress(OperationalError), closing(connection):
            self.has_done_it = imports.run(self.row.pk, clock=self.clock)

    def finish(self) -> bool:
        self.clock.may_go_on.set()
        self.join()
        return self.has_done_it


@pytest.fixture
def uploaded(settings, tmp_path: Path, now: dt.datetime) -> Callable[..., PurchaseImport]:
    """A file that somebody wants imported."""
    settings.MEDIA_ROOT = tmp_path

    def upload(*lines: str, status: str = Status.IMPORTING) -> PurchaseImport:
        file = ContentFile("\n".join([HEADER, *lines, ""]).encode(), name="till.csv")
        row = imports.take_in(file=file, name="till.csv", time_zone="America/New_York", by=None, now=now)
        PurchaseImport.objects.filter(pk=row.pk).update(status=status)
        return row

    return upload


@pytest.fixture
def busy(now: dt.datetime) -> Iterator[Callable[..., Worker]]:
    """A worker in the middle of an import."""
    workers = []

    def begin(row: PurchaseImport, kind: type[SlowClock] = SlowClock, at: dt.datetime = now) -> Worker:
        worker = Worker(row, kind(at))
        workers.append(worker)
        worker.start()
        assert worker.clock.has_stopped.wait(20)
        return worker

    yield begin
    for worker in workers:
        worker.finish()


def state(row: PurchaseImport) -> str:
    row.refresh_from_db()
    return row.status


def test_the_second_of_two_imports_waits_and_tells_that_it_amended_the_order(uploaded, busy, client_of, marketer, now):
    first, second = uploaded(BEER), uploaded(WINE)
    worker = busy(first)
    assert not imports.run(second.pk, clock=lambda: now)
    assert (state(second), second.pk in imports.waiting(now)) == (Status.IMPORTING, True)
    page = client_of(marketer).get(reverse("loyalty:import", args=[second.public_id])).content.decode()
    assert "Waiting for another import to finish" in page
    assert worker.finish()
    assert second.pk in imports.waiting(now)
    assert imports.run(second.pk, clock=lambda: now)
    assert (state(first), state(second)) == (Status.DONE, Status.DONE)
    assert Order.objects.get().lines.count() == 2
    assert list(Event.objects.filter(name__startswith="order.").order_by("pk").values_list("name", flat=True)) == [
        "order.paid",
        "order.amended",
    ]


def test_a_check_needs_nobody_to_wait(uploaded, busy, now):
    busy(uploaded(BEER))
    other = uploaded(WINE, status=Status.CHECKING)
    assert imports.run(other.pk, clock=lambda: now)
    assert state(other) == Status.CHECKED


def test_the_command_says_what_it_waits_for_and_imports_then(uploaded, busy, tmp_path):
    worker = busy(uploaded(BEER))
    path = tmp_path / "wine.csv"
    path.write_text(f"{HEADER}\n{WINE}\n")

    class Ear(io.StringIO):
        def write(self, text: str) -> int:
            worker.finish()
            return super().write(text)

    heard = Ear()
    call_command("import_purchases", str(path), stdout=io.StringIO(), stderr=heard)
    assert heard.getvalue().count("imported from another file") == 1
    assert Event.objects.filter(name="order.amended").count() == 1


def test_an_import_whose_statement_takes_long_is_not_taken_from_its_worker(uploaded, busy, now):
    row = uploaded(BEER)
    worker = busy(row)
    later = now + 2 * imports.runs.LEFT_BEHIND
    assert imports.waiting(later) == [row.pk]
    assert not imports.run(row.pk, clock=lambda: later)
    assert worker.finish()
    assert state(row) == Status.DONE


def test_a_worker_who_lost_the_row_writes_on_it_no_more(uploaded, busy, now):
    row = uploaded(BEER)
    first = busy(row, ClockOfALostLock)
    second = busy(row, at=now + 2 * imports.runs.LEFT_BEHIND)
    claimed = PurchaseImport.objects.values_list("run_token", "beat_at", "progress").get()
    assert not first.finish()
    assert PurchaseImport.objects.values_list("run_token", "beat_at", "progress").get() == claimed
    assert second.finish()
    assert state(row) == Status.DONE


def test_an_import_that_lost_its_turn_enters_no_batch(uploaded, busy, now):
    row = uploaded(BEER)
    first = busy(row, ClockOfALostLock)
    busy(uploaded(WINE))
    assert first.finish()
    assert state(row) == Status.FAILED
    assert "session" in row.error
    assert not Order.objects.exists()


def test_a_worker_who_died_leaves_the_row_to_the_next(uploaded, busy, now):
    row = uploaded(BEER)
    worker = busy(row)
    with connection.cursor() as cursor:
        cursor.execute("""
            SELECT pg_terminate_backend(pid, 10000)
            FROM (
                SELECT DISTINCT pid FROM pg_locks JOIN pg_database base ON base.oid = pg_locks.database
                WHERE locktype = 'advisory' AND datname = current_database()
            ) holding
        """)
    assert imports.run(row.pk, clock=timezone.now)
    assert state(row) == Status.DONE
    assert not worker.finish()
    assert Event.objects.filter(name="order.paid").count() == 1


def test_the_sweep_asks_a_worker_for_each_file_that_waits(uploaded, monkeypatch):
    asked = []
    monkeypatch.setattr("config.shared.nudge.current_app.send_task", lambda name, kwargs: asked.append((name, kwargs)))
    rows = [uploaded(BEER), uploaded(WINE)]
    sweep_imports()
    assert asked == [("loyalty.run_import", {"import_id": row.pk}) for row in rows]
    assert not Order.objects.exists()


def test_a_member_opts_out_while_a_file_withdraws_the_same_consent(write, bring_in, now):
    member = members.join(name="Ada", external_id="C1", source="till", now=now)
    allowed = dt.datetime(2026, 2, 1, tzinfo=dt.UTC)
    yes = {"member": member, "channel": "email", "is_granted": True, "wording": "Yes!", "source": "till"}
    members.set_consent(**yes, now=allowed)
    answers = []

    def opt_out() -> None:
        with closing(connection):
            answers.append(members.set_consent(**yes | {"is_granted": False, "source": "link"}, now=now))

    at_the_till = threading.Thread(target=opt_out)
    with transaction.atomic():
        bring_in(write(f"{BEER},no", header=f"{HEADER},email opt-in"))
        at_the_till.start()
        while not somebody_waits_for_me():
            assert at_the_till.is_alive()
    at_the_till.join()
    assert len(answers) == 1
    assert Order.objects.get().member == member
    assert not Consent.objects.get(member=member).is_granted
