"""However many copies of the beat run, one ticks."""

import datetime as dt

import pytest
from celery import Celery
from django.db import connection
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from config.beat import LOCK, GuardedScheduler

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def broker() -> Celery:
    """A queue in memory, empty at first."""
    app = Celery("shop", broker="memory://", set_as_current=False)
    with app.connection() as link:
        link.default_channel.queue_declare("celery")
        link.default_channel.queue_purge("celery")
    return app


@pytest.fixture
def overdue() -> PeriodicTask:
    hourly = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.HOURS)
    return PeriodicTask.objects.create(
        name="Sweep", task="shop.sweep", interval=hourly, last_run_at=timezone.now() - dt.timedelta(days=1)
    )


def sent(app: Celery) -> int:
    with app.connection() as link:
        return link.default_channel.queue_declare("celery", passive=True).message_count


def test_a_second_beat_waits_and_takes_over_when_the_first_is_gone(broker, overdue):
    first, second = (GuardedScheduler(app=broker, lazy=True) for _ in range(2))
    first.tick()
    assert sent(broker) == 1
    second.tick()
    assert sent(broker) == 1
    assert not waits_for_its_turn(first)
    assert waits_for_its_turn(second)

    end_session_that_holds_the_lock()
    PeriodicTask.objects.update(last_run_at=overdue.last_run_at)
    second.tick()
    assert sent(broker) == 2
    assert waits_for_its_turn(first)
    end_session_that_holds_the_lock()


def waits_for_its_turn(scheduler: GuardedScheduler) -> bool:
    """One that holds the lock may sleep until its next task, but never longer than one that waits."""
    assert scheduler.tick() <= scheduler.waiting_interval
    return scheduler._guard is None


def end_session_that_holds_the_lock() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = %s", [LOCK]
        )
        assert cursor.fetchall() == [(True,)]
