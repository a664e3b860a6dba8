"""When an event happened, and that it happened once, though clocks are wrong and networks repeat themselves."""

import datetime as dt
import random

import pytest
from django.db.models import Sum
from django.utils import timezone

from tests.copies import wait_for
from tests.tracking.ingest.door import Sender
from tracking.models import HourCount, TrackedEvent
from tracking.rules import clocks

UTC = dt.UTC


def event(number: object = 1, **more: object) -> dict:
    return {"type": "track", "event": "Sold", "userId": "ada", "messageId": f"m-{number}"} | more


SAID = {
    "2024-02-29T12:00:00Z": dt.datetime(2024, 2, 29, 12, tzinfo=UTC),
    "2024-03-29T15:30:00": dt.datetime(2024, 3, 29, 15, 30, tzinfo=UTC),
    "2024-03-29T15:30:00+02:00": dt.datetime(2024, 3, 29, 13, 30, tzinfo=UTC),
    "2016-12-31T23:59:60Z": dt.datetime(2016, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    1774798200: dt.datetime(2026, 3, 29, 15, 30, tzinfo=UTC),
    1774798200123: dt.datetime(2026, 3, 29, 15, 30, 0, 123_000, tzinfo=UTC),
    "1774798200": dt.datetime(2026, 3, 29, 15, 30, tzinfo=UTC),
}


def test_a_time_may_be_written_in_many_ways(door, sender):
    door.post("/v1/batch", {"batch": [event(said, timestamp=said) for said in SAID]}, key=sender.key)
    assert {row.message_id: row.occurred_at for row in sender.stored()} == {
        f"m-{said}": meant for said, meant in SAID.items()
    }
    assert sender.invalid() == []


def test_five_years_ago_is_believed(door, sender):
    long_ago = timezone.now() - dt.timedelta(days=5 * 365)
    door.post("/v1/track", event(timestamp=long_ago.isoformat()), key=sender.key)
    (row,) = sender.stored()
    assert (row.occurred_at, row.errors) == (long_ago, [])


def test_nothing_happened_in_the_future(door, sender):
    for ahead in (dt.timedelta(hours=25), dt.timedelta(days=365 * 70)):
        door.post("/v1/track", event(timestamp=(timezone.now() + ahead).isoformat()), key=sender.key)
    assert [row.received_at - row.occurred_at for row in sender.stored()] == [dt.timedelta(0)] * 2


IMPOSSIBLE = ["1970-01-01T00:00:00Z", "1999-12-31T23:59:59Z", "2100-02-29T00:00:00Z", "soon", [], True]


def test_a_time_that_cannot_be_is_flagged_and_the_event_kept_at_its_arrival(door, sender):
    door.post("/v1/batch", {"batch": [event(timestamp=said) for said in IMPOSSIBLE]}, key=sender.key)
    rows = sender.stored()
    assert [[error["type"] for error in row.errors] for row in rows] == [["bad_timestamp"]] * len(IMPOSSIBLE)
    assert all(row.occurred_at == row.received_at for row in rows)


def test_a_senders_wrong_clock_is_taken_out(door, sender):
    for wrong_by in (dt.timedelta(hours=-3), dt.timedelta(days=400)):
        its_now = timezone.now() + wrong_by
        happened = its_now - dt.timedelta(seconds=90)
        batch = {"batch": [event(timestamp=happened.isoformat())], "sentAt": its_now.isoformat()}
        door.post("/v1/batch", batch, key=sender.key)
    assert [row.received_at - row.occurred_at for row in sender.stored()] == [dt.timedelta(seconds=90)] * 2


def test_an_event_that_says_itself_when_it_was_sent_is_believed_before_its_batch(door, sender):
    now = timezone.now()
    own = event(originalTimestamp=(now - dt.timedelta(hours=1, seconds=7)).isoformat())
    own["sentAt"] = (now - dt.timedelta(hours=1)).isoformat()
    door.post("/v1/batch", {"batch": [own], "sentAt": now.isoformat()}, key=sender.key)
    (row,) = sender.stored()
    assert row.received_at - row.occurred_at == dt.timedelta(seconds=7)


def test_an_offset_counts_back_from_the_arrival(door, sender):
    door.post("/e/", {"event": "Sold", "distinct_id": "ada", "offset": 1_500}, key=sender.key)
    (row,) = sender.stored()
    assert row.received_at - row.occurred_at == dt.timedelta(milliseconds=1_500)


# --- Repetitions --------------------------------------------------------------------------------------------------


def test_a_tenth_of_the_batches_sent_three_times_more_in_any_order_count_once(door, sender, follow_events):
    batches = [[event(f"{number}-{place}") for place in range(10)] for number in range(50)]
    order = batches + [again for again in batches[::10] for _ in range(3)]
    random.Random(7).shuffle(order)
    for batch in order:
        assert door.post("/v1/batch", {"batch": batch}, key=sender.key).status_code == 200
    follow_events()
    assert len(sender.stored()) == 650
    ours = TrackedEvent.objects.filter(system_id=sender.system.pk)
    assert set(ours.values_list("message_id", flat=True)) == {each["messageId"] for batch in batches for each in batch}
    assert ours.count() == 500
    counted = HourCount.objects.filter(system_id=sender.system.pk)
    assert counted.aggregate(Sum("valid"), Sum("invalid"), Sum("duplicates")) == {
        "valid__sum": 500,
        "invalid__sum": 0,
        "duplicates__sum": 150,
    }


def test_two_systems_may_use_the_same_message_id(door, sender, follow_events):
    other = Sender("Bevco", "Till")
    wait_for(lambda: door.post("/v1/batch", {"batch": []}, key=other.key).status_code == 200, seconds=5)
    for each in (sender, other, other):
        assert door.post("/v1/track", event("same"), key=each.key).status_code == 200
    follow_events()
    assert (len(sender.stored()), len(other.stored())) == (1, 2)
    for each in (sender, other):
        assert TrackedEvent.objects.filter(system_id=each.system.pk).count() == 1


def test_an_event_without_an_id_is_given_one(door, sender):
    door.post("/v1/batch", {"batch": [event() | {"messageId": None}, event() | {"messageId": ""}]}, key=sender.key)
    first, second = sender.stored()
    assert first.message_id != second.message_id


@pytest.mark.parametrize("said", ["yesterday", 10**30, {}])
def test_what_is_no_time_is_told_in_words_and_with_an_example(said):
    with pytest.raises(clocks.BadTimestamp, match="is not a time; send ISO 8601 such as 2026") as told:
        clocks.parsed(said)
    assert "isoformat" not in str(told.value)
