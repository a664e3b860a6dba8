"""A structure was wrong, is mended, and the events it called invalid are judged anew."""

import datetime as dt

import pytest
from django.db.models import Sum

from tests.tracking.received import a_system, receive, said
from tests.tracking.test_read_model import NAME, follow, state
from tracking.actions import rebuild, replays, structures
from tracking.models import (
    EventStructure,
    HourCount,
    PersonActivity,
    ReceivedEvent,
    Replay,
    ReplayVerdict,
    TrackedEvent,
)
from tracking.queries import replays as queries

DAY = dt.timedelta(days=1)
WRONG = {"type": "object", "properties": {"amount": {"type": "integer"}}, "required": ["sku"]}
MENDED = {"type": "object", "properties": {"amount": {"type": "number"}}}


def publish(system, schema, now) -> EventStructure:
    made = structures.draft(system=system, event_name="Sold", schema=schema, by=None)
    structures.publish(made, now=now)
    made.refresh_from_db()
    return made


@pytest.fixture
def system(db, now):
    """Four sales, of which the structure in force then took one; one of the others has a time nobody can read."""
    system = a_system()
    wrong = publish(system, WRONG, now)
    events = (
        said("Sold", "ada", properties={"sku": "A", "amount": 1}),
        said("Sold", "bob", properties={"amount": 1.5}),
        said("Sold", "cy", properties={"sku": "A", "amount": "much"}),
        said("Sold", "dan", properties={"amount": 2.5}, timestamp="soon"),
    )
    receive(system, *events, at=now - DAY, structures=[wrong])
    return system


def ask(system, now, **more) -> Replay:
    return replays.start(system=system, by=None, now=now, **more)


def run(replay, now) -> Replay:
    assert replays.run(replay.pk, clock=lambda: now)
    replay.refresh_from_db()
    return replay


def sums() -> tuple[int, int]:
    found = HourCount.objects.aggregate(valid=Sum("valid"), invalid=Sum("invalid"))
    return found["valid"], found["invalid"]


def faults() -> dict[str, list[str]]:
    return {event.person: [error["type"] for error in event.errors] for event in TrackedEvent.objects.all()}


def test_what_the_mended_structure_allows_becomes_valid_and_the_rest_keeps_its_faults(system, now, follow_events):
    follow_events()
    before = list(ReceivedEvent.objects.order_by("id").values())
    assert sums() == (1, 3)
    publish(system, MENDED, now)
    done = run(ask(system, now), now)
    assert (done.status, done.total, done.seen, done.mended) == (Replay.Status.DONE, 3, 3, 1)
    assert faults() == {"ada": [], "bob": [], "cy": ["wrong_type"], "dan": ["bad_timestamp"]}
    assert sums() == (2, 2)
    assert PersonActivity.objects.filter(person="bob").exists(), "a mended event counts as activity"
    assert list(ReceivedEvent.objects.order_by("id").values()) == before, "the log is never touched"


def test_a_preview_says_what_would_happen_and_changes_nothing(system, now, follow_events):
    follow_events()
    publish(system, MENDED, now)
    found = queries.preview(Replay(system=system))
    assert (found.total, found.judged, found.mended) == (3, 3, 1)
    assert found.remaining == {"bad_timestamp": 1, "wrong_type": 1}
    assert found.examples[0].event.person == "bob"
    assert sums() == (1, 3)


def test_without_a_structure_an_event_is_unplanned_and_nothing_in_it_is_wrong(system, now, follow_events):
    follow_events()
    structures.retire(EventStructure.objects.get(status="PUBLISHED"), now=now)
    assert run(ask(system, now), now).mended == 2
    assert faults()["cy"] == []
    assert faults()["dan"] == ["bad_timestamp"]


def test_only_what_was_asked_for_is_judged(system, now, follow_events):
    follow_events()
    publish(system, MENDED, now)
    assert run(ask(system, now, error_type="bad_timestamp"), now).total == 1
    with pytest.raises(replays.NothingToReplay):
        ask(system, now, event_name="Viewed")
    with pytest.raises(replays.NothingToReplay):
        ask(system, now, since=now)
    with pytest.raises(replays.NothingToReplay):
        ask(a_system("Rival", "Website"), now)


def test_doing_it_again_changes_nothing(system, now, follow_events):
    follow_events()
    publish(system, MENDED, now)
    run(ask(system, now), now)
    after = state()
    again = run(ask(system, now), now)
    assert (again.total, again.mended) == (2, 0)
    assert state() == after
    assert not replays.run(again.pk, clock=lambda: now), "what is over is not taken up"


def test_two_replays_at_once_mend_each_event_once(system, now, follow_events, monkeypatch):
    follow_events()
    publish(system, MENDED, now)
    monkeypatch.setattr(replays, "BATCH", 1)
    one, two = ask(system, now), ask(system, now)
    turns = iter([lambda: replays.run(two.pk, clock=lambda: now)])

    def clock() -> dt.datetime:
        next(turns, lambda: None)()
        return now

    replays.run(one.pk, clock=clock)
    assert sum(Replay.objects.values_list("mended", flat=True)) == 1
    assert sums() == (2, 2)


def test_a_cancelled_replay_stops_before_its_next_batch(system, now, follow_events, monkeypatch):
    follow_events()
    publish(system, MENDED, now)
    monkeypatch.setattr(replays, "BATCH", 1)
    replay, beats = ask(system, now), iter(range(10))

    def clock() -> dt.datetime:
        if next(beats) == 2:
            replays.cancel(replay, now=now)
        return now

    assert not replays.run(replay.pk, clock=clock)
    replay.refresh_from_db()
    assert (replay.status, replay.seen) == (Replay.Status.CANCELLED, 1)
    assert ReplayVerdict.objects.count() == 1
    with pytest.raises(replays.WrongState):
        replays.cancel(replay, now=now)


def test_a_replay_whose_worker_died_is_taken_up_again(system, now, follow_events):
    follow_events()
    publish(system, MENDED, now)
    replay = ask(system, now)
    Replay.objects.filter(pk=replay.pk).update(status=Replay.Status.RUNNING, beat_at=now)
    assert replays.waiting(now) == []
    assert replays.waiting(now + 2 * replays.LEFT_BEHIND) == [replay.pk]
    assert run(replay, now + 2 * replays.LEFT_BEHIND).mended == 1


def test_a_collision_of_ids_outlives_every_structure(system, now, follow_events):
    structure = EventStructure.objects.get(status="PUBLISHED")
    receive(system, said("Sold", "eve", message_id="1", properties={"sku": "A"}), at=now)
    receive(system, said("Sold", "fay", message_id="1", properties={"amount": 2}), at=now, structures=[structure])
    follow_events()
    assert faults()["fay"] == ["required_missing", "id_collision"]
    publish(system, MENDED, now)
    run(ask(system, now), now)
    assert faults()["fay"] == ["id_collision"]


@pytest.mark.alone
@pytest.mark.django_db(transaction=True)
def test_a_rebuild_keeps_the_verdicts(now):
    system = a_system()
    wrong = publish(system, WRONG, now)
    for number in range(30):
        properties = {"amount": number / 2} | ({"sku": "A"} if number % 3 else {})
        event = said("Sold", f"p{number % 4}", properties=properties, message_id=str(number % 25))
        receive(system, event, at=now - number * DAY, structures=[wrong])
    follow(now)
    publish(system, MENDED, now)
    assert run(ask(system, now), now).mended > 5
    after = state()
    assert rebuild(NAME, now=now) == 30
    assert state() == after
