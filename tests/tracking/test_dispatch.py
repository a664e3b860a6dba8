"""Who must hear of an event hears of it, once, whatever breaks on the way."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from loyalty.events import MemberJoined
from loyalty.models import Segment
from tracking import bus, tasks
from tracking.actions import record, run_dispatch
from tracking.models import Dispatch
from tracking.queries import failing_dispatches, owed_dispatches

pytestmark = pytest.mark.django_db(transaction=True)
JOINED = MemberJoined(subject="ada", source="till")


def write_row(event: MemberJoined) -> None:
    """A handler with an effect that shows when it happened twice."""
    now = dt.datetime.now(dt.UTC)
    name = f"{event.subject} {Segment.objects.count()}"
    Segment.objects.create(name=name, rule={}, created_at=now, changed_at=now)


def break_down(event: MemberJoined) -> None:
    Segment.objects.all().delete()
    raise ConnectionError("no such neighbour")


@pytest.fixture
def handlers(monkeypatch):
    def register(**functions) -> None:
        Segment.objects.all().delete()
        subscriptions = {name: bus.Subscription(MemberJoined, handler) for name, handler in functions.items()}
        monkeypatch.setattr(bus, "_subscriptions", subscriptions)

    return register


def join(now) -> None:
    with transaction.atomic():
        record(JOINED, key="1", at=now)


def test_a_dead_broker_delays_the_work_and_loses_nothing(handlers, now, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise ConnectionError("no broker")

    monkeypatch.setattr("config.shared.nudge.current_app.send_task", refuse)
    handlers(greet=write_row)
    join(now)
    assert not Segment.objects.exists()
    tasks.sweep_dispatches()
    assert Segment.objects.count() == 1
    tasks.sweep_dispatches()
    assert Segment.objects.count() == 1


def test_one_failing_handler_holds_up_no_other_and_is_asked_again_later(handlers, now, monkeypatch):
    handlers(broken=break_down, greet=write_row)
    join(now)
    tasks.sweep_dispatches()
    assert Segment.objects.count() == 1, "what the broken handler deleted was taken back with it"
    owed = failing_dispatches().get()
    assert (owed.handler, owed.attempts) == ("broken", 1)
    assert "no such neighbour" in owed.last_error
    assert owed.due_at > dt.datetime.now(dt.UTC)
    handlers(broken=write_row, greet=write_row)
    assert run_dispatch(owed.pk, now=now)
    assert not owed_dispatches(now + dt.timedelta(days=1)).exists()


def test_a_handler_that_keeps_failing_is_asked_ever_more_seldom(handlers, now):
    handlers(broken=break_down)
    join(now)
    waits = []
    for _ in range(14):
        dispatch = Dispatch.objects.get()
        run_dispatch(dispatch.pk, now=now)
        waits.append(Dispatch.objects.get().due_at - now)
    assert waits == sorted(waits)
    assert waits[-1] == dt.timedelta(hours=6)


def test_eight_workers_at_once_run_a_dispatch_once(handlers, now):
    handlers(greet=write_row)
    join(now)
    dispatch_id = Dispatch.objects.get().pk

    def work(_: int) -> bool:
        try:
            return run_dispatch(dispatch_id, now=now)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as workers:
        assert sum(workers.map(work, range(8))) == 1
    assert Segment.objects.count() == 1
