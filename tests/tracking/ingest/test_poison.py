"""An event nobody can read must not take its neighbours with it, and is not lost itself."""

import json
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.tracking.ingest.door import Door, Sender
from tracking.models import ReceivedEvent

NEIGHBOURS = 499
GOOD = b'{"type":"track","event":"Sold","userId":"ada","properties":{"amount":3}}'


def properties(inside: bytes) -> bytes:
    return b'{"type":"track","event":"Sold","userId":"ada","properties":{' + inside + b"}}"


# What a database, a JSON reader or a careless program chokes on, and what is said about it.
POISON = {
    "a NUL in a value": (properties(rb'"a":"x\u0000y"'), "unreadable"),
    "a NUL in a name": (properties(rb'"a\u0000":"x"'), "unreadable"),
    "a NUL in an id": (rb'{"type":"track","event":"Sold","userId":"a\u0000da"}', "unreadable"),
    "half a surrogate pair in a value": (properties(rb'"a":"\ud800"'), "unreadable"),
    "half a surrogate pair in a name": (properties(rb'"\udfff":1'), "unreadable"),
    "bytes that are no UTF-8": (properties(b'"a":"\xff\xfe\xc3"'), "unreadable"),
    "a bare control character": (properties(b'"a":"x\ny"'), "unreadable"),
    "NaN": (properties(b'"a":NaN'), "unreadable"),
    "Infinity": (properties(b'"a":Infinity'), "unreadable"),
    "minus Infinity": (properties(b'"a":-Infinity'), "unreadable"),
    "a number beyond all numbers": (properties(b'"a":1e999'), "unreadable"),
    "a number of 5,000 digits": (properties(b'"a":' + b"9" * 5_000), "unreadable"),
    "a thousand levels": (properties(b'"a":' + b"[" * 1_000 + b"]" * 1_000), "unreadable too_deep"),
    "a hundred thousand levels": (properties(b'"a":' + b"[" * 100_000 + b"]" * 100_000), "unreadable"),
    "a hundred levels": (properties(b'"a":' + b'{"a":' * 100 + b"1" + b"}" * 100), "too_deep"),
    "more than a megabyte": (properties(b'"a":"' + b"x" * 1_100_000 + b'"'), "too_large"),
    "an id of 10,000 characters": (b'{"type":"track","event":"Sold","userId":"' + b"u" * 10_000 + b'"}', "too_large"),
    "a name of 10,000 characters": (b'{"type":"track","event":"' + b"n" * 10_000 + b'","userId":"ada"}', "too_large"),
    "null": (b"null", "malformed"),
    "a number": (b"7", "malformed"),
    "a list": (b"[1,2]", "malformed"),
    "text": (b'"hello"', "malformed"),
    "properties that are a list": (b'{"type":"track","event":"Sold","userId":"ada","properties":[1]}', "malformed"),
    "an id that is an object": (b'{"type":"track","event":"Sold","userId":{"a":1},"anonymousId":"a"}', "malformed"),
    "a type that is a list": (b'{"type":["track"],"event":"Sold","userId":"ada"}', "malformed"),
    "a comma too many": (properties(b'"a":1,'), "unreadable"),
    "single quotes": (b"{'type':'track'}", "unreadable"),
    "no name": (b'{"type":"track","userId":"ada"}', "missing_name"),
    "nobody": (b'{"type":"track","event":"Sold"}', "incomplete"),
    "no type": (b'{"event":"Sold","userId":"ada"}', "incomplete"),
    "a day that never was": (
        b'{"type":"track","event":"Sold","userId":"ada","timestamp":"2100-02-29T00:00:00Z"}',
        "bad_timestamp",
    ),
    "the year 10000": (
        b'{"type":"track","event":"Sold","userId":"ada","timestamp":"10000-01-01T00:00:00Z"}',
        "bad_timestamp",
    ),
    "a time that is an object": (b'{"type":"track","event":"Sold","userId":"ada","timestamp":{}}', "bad_timestamp"),
}
HARMLESS = {
    "a name given twice": properties(b'"a":1,"a":2'),
    "a number of 19 digits": properties(b'"a":9223372036854775808'),
    "an empty name": properties(b'"":1'),
    "an emoji": properties(b'"a":"\xf0\x9f\x8d\xb7"'),
}


def batch(poison: bytes) -> bytes:
    half = [GOOD] * (NEIGHBOURS // 2)
    return b'{"batch":[' + b",".join([*half, poison, *half, GOOD]) + b"]}"


def sent_among_others(door: Door, sender: Sender, poison: bytes) -> list:
    """The stored rows of a batch of 500 in whose middle this event stood."""
    name = uuid4().hex
    answer = door.post("/v1/batch", batch(poison), key=sender.key, headers={"x-correlation-id": name})
    assert answer.status_code == 200, answer.text
    return list(ReceivedEvent.objects.filter(correlation_id=name))


@pytest.mark.timeout(120)
def test_one_bad_event_of_500_is_flagged_and_its_499_neighbours_are_as_good_as_ever(door, sender):
    for kind, (poison, reasons) in POISON.items():
        rows = sent_among_others(door, sender, poison)
        assert len(rows) == NEIGHBOURS + 1, kind
        bad = [row for row in rows if row.errors]
        assert len(bad) == 1, kind
        flagged = bad[0]
        assert flagged.errors[0]["type"] in reasons.split(), f"{kind}: {flagged.errors}"
        assert all(row.properties == {"amount": 3} for row in rows if row is not flagged), kind


def test_an_event_that_is_only_unusual_is_not_flagged(door, sender):
    for kind, unusual in HARMLESS.items():
        rows = sent_among_others(door, sender, unusual)
        assert (len(rows), [row.errors for row in rows if row.errors]) == (NEIGHBOURS + 1, []), kind


def test_what_can_be_read_of_a_bad_event_is_kept(door, sender):
    door.post("/v1/batch", b'{"batch":[' + properties(b'"amount":3,"rate":NaN') + b"]}", key=sender.key)
    (event,) = sender.stored()
    assert (event.name, event.user_id, event.properties) == ("Sold", "ada", {"amount": 3, "rate": None})


def test_our_own_list_of_events_is_as_robust(door, sender):
    body = b'{"events":[{"name":"A","properties":{"a":NaN}},{"name":"B"},{"name":,},{"name":"C"}]}'
    told = door.post("/api/events/ingest", body, key=sender.key).json()
    assert (told["accepted"], told["invalid"]) == (4, 2)
    assert [(event.name, bool(event.errors)) for event in sender.stored()] == [
        ("A", True),
        ("B", False),
        ("", True),
        ("C", False),
    ]


MANY = 1_000_000
TIRING = {
    "quotation marks that end nothing": b'{"batch":[{"a":' + b'\\"' * MANY,
    "a list of nothing": b"[" + b"," * (2 * MANY - 2),
    "objects that never end": b'{"batch":[' + b'{"a":' * (MANY // 3),
    "more events than any batch has": b'{"batch":[' + b"0," * (2 * MANY) + b"0]}",
    "more bad events than any batch has": b'{"batch":[' + b'{"a":NaN},' * (MANY // 6) + b"0]}",
}


@pytest.mark.timeout(20)
def test_a_body_made_to_keep_the_server_busy_is_refused_in_no_time(door, sender):
    for kind, body in TIRING.items():
        answer = door.post("/v1/batch", body, key=sender.key)
        assert answer.status_code in (400, 413), kind
    assert {event.name for event in sender.stored()} <= {"(unreadable request)"}


def count(sender: Sender) -> int:
    return ReceivedEvent.objects.filter(system_id=sender.system.pk).count()


# --- Whatever is sent ---------------------------------------------------------------------------------------------

LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(st.characters(), max_size=8)
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
)
FIELDS = (
    "type event name kind action userId user_id anonymousId distinct_id messageId id uuid timestamp sentAt properties"
)
WORDS = st.sampled_from(
    ["track", "identify", "group", "alias", "merge", "person", "object", "$identify", "$set", "ada"]
)
EVENTS = st.dictionaries(
    st.sampled_from([*FIELDS.split(), "context", "traits", "attributes", "identifiers", "offset", "$set"]),
    WORDS | VALUES,
    max_size=8,
)
PLACES = st.sampled_from(["/v1/batch", "/batch/", "/api/v2/batch", "/api/s/s2s/batch", "/api/events/ingest"])


SLIPS = st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=4), st.integers(0, 4)), min_size=1, max_size=4)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(slips=SLIPS)
def test_whatever_happens_to_a_batch_on_its_way_something_of_it_is_kept(door, sender, slips):
    body = b'{"batch":[' + b",".join([GOOD] * 5) + b"]}"
    for place, inserted, lost in slips:
        body = body[:place] + inserted + body[place + lost :]
    before = count(sender)
    answer = door.post("/v1/batch", body, key=sender.key)
    assert answer.status_code in (200, 400), answer.text
    assert count(sender) > before


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=PLACES, events=st.lists(EVENTS | VALUES, max_size=5))
def test_as_many_rows_are_stored_as_events_were_accepted_whatever_they_are(door, sender, place, events):
    before = count(sender)
    body = json.dumps({"batch": events}).encode("utf-8", "surrogatepass")
    answer = door.post(place, body, key=sender.key)
    assert answer.status_code in (200, 207), answer.text
    assert count(sender) - before == len(events)
