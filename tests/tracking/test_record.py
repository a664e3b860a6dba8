"""What happened is written down with the change itself, once."""

import pytest
from django.db import transaction

from loyalty.events import MemberJoined
from tracking import bus
from tracking.actions import record, record_all
from tracking.actions.record import Occurrence
from tracking.models import Dispatch, Event

JOINED = MemberJoined(subject="ada", source="till")


@pytest.fixture
def greet(monkeypatch):
    """A handler of MemberJoined that takes notes, for one test."""
    heard: list[str] = []

    def note(event: MemberJoined) -> None:
        heard.append(event.subject)

    monkeypatch.setattr(bus, "_subscriptions", {"greet": bus.Subscription(MemberJoined, note)})
    return heard


def test_people_read_what_happened_in_words(db, client_of, viewer, now):
    with transaction.atomic():
        record(JOINED, key="1", at=now)
    (event,) = Event.objects.all()
    about_ada = client_of(viewer).get("/staff/tracking/of/ada/").text
    assert "Member joined" in about_ada
    assert "member.joined" not in about_ada
    for page in ("/staff/tracking/", f"/staff/tracking/{event.pk}/"):  # whoever programs finds the name there
        said = client_of(viewer).get(page).text
        assert "Member joined" in said
        assert "member.joined" in said


@pytest.mark.django_db(transaction=True)
def test_recording_outside_a_transaction_is_refused(now):
    with pytest.raises(RuntimeError):
        record(JOINED, key="1", at=now)
    assert not Event.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_change_taken_back_leaves_no_event_and_owes_nothing(greet, now):
    with transaction.atomic():
        assert record(JOINED, key="1", at=now)
        transaction.set_rollback(True)
    assert not Event.objects.exists()
    assert not Dispatch.objects.exists()


def test_telling_the_same_twice_is_one_event_and_one_dispatch(db, greet, now):
    assert record(JOINED, key="1", at=now)
    assert not record(JOINED, key="1", at=now)
    assert record_all([Occurrence(JOINED, key, now) for key in ("1", "2", "2")]) == 1
    assert Event.objects.count() == Dispatch.objects.count() == 2


def test_an_event_says_what_when_and_about_whom(db, now):
    record(JOINED, key="1", at=now)
    event = Event.objects.get()
    assert (event.name, event.subject, event.occurred_at) == ("member.joined", "ada", now)
    assert event.properties == {"source": "till"}


def test_events_of_two_classes_are_told_apart(db, now):
    from loyalty.events import MembersExported

    exported = MembersExported(subject="boss", filters={}, is_masked=True)
    with pytest.raises(TypeError):
        record_all([Occurrence(JOINED, "1", now), Occurrence(exported, "2", now)])
