"""Followers of the log: they miss nothing, repeat nothing, and can begin again."""

import threading

import pytest
from django.db import connection, transaction

from loyalty.events import MemberJoined
from tracking import bus
from tracking.actions import advance, rebuild, record
from tracking.models import Event, Projection
from tracking.queries import follower_states

# The horizon is the oldest transaction of the whole server, also of a test that runs beside this one.
pytestmark = [pytest.mark.alone, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def seen(monkeypatch) -> list[int]:
    """What the follower "notes" was handed, in order."""
    ids: list[int] = []
    follower = bus.Follower("notes", ("member.joined",), ids.extend, ids.clear)
    monkeypatch.setattr(bus, "_followers", {"notes": follower})
    return ids


def tell(key: str, now) -> None:
    with transaction.atomic():
        record(MemberJoined(subject=key, source="till"), key=key, at=now)


class SlowWriter(threading.Thread):
    """A transaction of its own connection that records first and commits last."""

    def __init__(self, now) -> None:
        super().__init__()
        self.now, self.has_written, self.may_commit = now, threading.Event(), threading.Event()

    def run(self) -> None:
        try:
            with transaction.atomic():
                record(MemberJoined(subject="slow", source="till"), key="slow", at=self.now)
                self.has_written.set()
                self.may_commit.wait(10)
        finally:
            connection.close()


def test_a_row_that_commits_late_is_never_missed_and_never_repeated(seen, now):
    slow = SlowWriter(now)
    slow.start()
    assert slow.has_written.wait(10)
    tell("quick", now)
    quick = Event.objects.get(key="member.joined:quick").pk
    assert advance("notes", now=now) == 0, "nothing may be passed that a slower transaction could still precede"
    assert seen == []
    slow.may_commit.set()
    slow.join()
    assert advance("notes", now=now) == 2
    late = Event.objects.get(key="member.joined:slow").pk
    assert late < quick
    assert seen == [late, quick]
    assert advance("notes", now=now) == 0
    assert seen == [late, quick]


def test_a_follower_that_fails_keeps_its_place_and_shows_why(seen, now, monkeypatch):
    def refuse(_: object) -> None:
        raise ValueError("cannot read this")

    tell("1", now)
    advance("notes", now=now)
    place = Projection.objects.values("transaction_id", "event_id").get()
    tell("2", now)
    healthy = bus.follower("notes")
    monkeypatch.setattr(bus, "_followers", {"notes": bus.Follower("notes", healthy.events, refuse, healthy.reset)})
    assert advance("notes", now=now) == 0
    assert Projection.objects.values("transaction_id", "event_id").get() == place
    state = follower_states()[0]
    assert "cannot read this" in state.last_error
    assert state.failed_at == now
    monkeypatch.setattr(bus, "_followers", {"notes": healthy})
    assert advance("notes", now=now) == 1
    assert len(seen) == 2
    assert follower_states()[0].last_error == ""


def test_rebuilding_from_zero_gives_what_following_gave(seen, now):
    for number in range(5):
        tell(str(number), now)
        advance("notes", now=now)
    followed = list(seen)
    assert len(followed) == 5
    assert rebuild("notes", now=now) == 5
    assert seen == followed
    assert advance("notes", now=now) == 0


def test_events_it_does_not_follow_are_passed_over(seen, now, monkeypatch):
    follower = bus.follower("notes")
    monkeypatch.setattr(
        bus, "_followers", {"notes": bus.Follower("notes", ("order.paid",), follower.apply, follower.reset)}
    )
    tell("1", now)
    assert advance("notes", now=now) == 1
    assert seen == []
    assert follower_states()[0].behind_seconds == 0
