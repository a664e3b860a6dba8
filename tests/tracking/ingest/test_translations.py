"""What SDKs write, in their vendors' own examples, and what it means here. No server, no database."""

from typing import Any

import pytest
from django.urls import Resolver404, get_resolver

from tracking.ingest.app import Routes
from tracking.ingest.dialects import cloudevents, customerio, dialects, jitsu, native, posthog, rudderstack, segment
from tracking.ingest.neutral import Answer, Call, Incoming, Source, Translated

SOURCE = Source(7, "0198c0de", "Website", 3, "Acme")


def call(body: Any, *, path: dict | None = None, query: dict | None = None, headers: dict | None = None) -> Call:
    return Call(path or {}, query or {}, headers or {}, body)


def only(translated: Translated) -> Incoming:
    (event,) = translated.events
    return event


def pointers(event: Incoming) -> list[tuple[str, str]]:
    return [(fault.type, fault.pointer) for fault in event.faults]


# --- Segment ------------------------------------------------------------------------------------------------------

SEGMENT = {
    "a track": (
        {
            "type": "track",
            "event": "Order Completed",
            "userId": "019mr8mf4r",
            "messageId": "ajs-next-1-a",
            "timestamp": "2026-03-29T15:30:00Z",
            "properties": {"revenue": 39.95},
            "context": {"ip": "203.0.113.7"},
        },
        Incoming(
            "track",
            "Order Completed",
            message_id="ajs-next-1-a",
            user_id="019mr8mf4r",
            timestamp="2026-03-29T15:30:00Z",
            properties={"revenue": 39.95},
            context={"ip": "203.0.113.7"},
        ),
    ),
    "an identify": (
        {"type": "identify", "userId": "7", "anonymousId": "a-1", "traits": {"plan": "gold"}},
        Incoming("identify", "identify", user_id="7", anonymous_id="a-1", properties={"plan": "gold"}),
    ),
    "an identify of RudderStack for Python": (
        {"type": "identify", "userId": "7", "context": {"traits": {"plan": "gold"}}},
        Incoming(
            "identify",
            "identify",
            user_id="7",
            properties={"plan": "gold"},
            context={"traits": {"plan": "gold"}},
        ),
    ),
    "a page with a name": (
        {"type": "page", "anonymousId": "a-1", "name": "Home", "category": "Shop", "properties": {"path": "/"}},
        Incoming("page", "Home", anonymous_id="a-1", properties={"category": "Shop", "path": "/"}),
    ),
    "a page without a name": (
        {"type": "page", "anonymousId": "a-1", "properties": {"path": "/"}},
        Incoming("page", "page", anonymous_id="a-1", properties={"path": "/"}),
    ),
    "a screen": (
        {"type": "screen", "userId": 7, "name": "Cart"},
        Incoming("screen", "Cart", user_id="7"),
    ),
    "a group": (
        {"type": "group", "userId": "7", "groupId": "acme", "traits": {"seats": 3}},
        Incoming("group", "group", user_id="7", properties={"seats": 3}, context={"groupId": "acme"}),
    ),
    "an alias": (
        {"type": "alias", "previousId": "a-1", "userId": "7"},
        Incoming("alias", "alias", user_id="7", anonymous_id="a-1", properties={"previousId": "a-1"}),
    ),
    "RudderStack's times": (
        {
            "type": "track",
            "event": "A",
            "userId": "7",
            "originalTimestamp": "2026-03-29T15:30:00Z",
            "sentAt": "2026-03-29T15:30:05Z",
        },
        Incoming("track", "A", user_id="7", timestamp="2026-03-29T15:30:00Z", sent_at="2026-03-29T15:30:05Z"),
    ),
}


@pytest.mark.parametrize(("wire", "meant"), SEGMENT.values(), ids=SEGMENT)
def test_a_segment_event_says_the_same_here(wire, meant):
    assert only(segment.batch(call({"batch": [wire]}))) == meant


@pytest.mark.parametrize("kind", segment.KINDS)
def test_a_path_that_names_the_kind_saves_the_event_from_naming_it(kind):
    event = {"userId": "7", "event": "A", "groupId": "g", "previousId": "a"}
    assert only(segment.one(kind)(call(event))).kind == kind


def test_the_context_of_a_batch_goes_for_each_of_its_events_and_their_own_counts_more():
    batch = {
        "batch": [{"type": "track", "event": "A", "userId": "7", "context": {"ip": "2"}}],
        "context": {"ip": "1", "locale": "en"},
    }
    assert only(segment.batch(call(batch))).context == {"ip": "2", "locale": "en"}


def test_when_a_batch_was_flushed_is_not_when_its_events_happened():
    batch = {
        "batch": [{"type": "track", "event": "A", "userId": "7", "originalTimestamp": "2026-03-29T15:30:00Z"}],
        "timestamp": "2026-03-29T16:00:00Z",
    }
    assert only(segment.batch(call(batch))).timestamp == "2026-03-29T15:30:00Z"


MISSING = {
    "nobody": ({"type": "track", "event": "A"}, [("incomplete", "/userId")]),
    "no group": ({"type": "group", "userId": "7"}, [("incomplete", "/groupId")]),
    "no former id": ({"type": "alias", "userId": "7"}, [("incomplete", "/previousId")]),
    "no type": ({"userId": "7", "event": "A"}, [("incomplete", "/type")]),
    "properties that are text": (
        {"type": "track", "event": "A", "userId": "7", "properties": "x"},
        [("malformed", "/properties")],
    ),
    "an id that is an object": (
        {"type": "track", "event": "A", "userId": {"a": 1}, "anonymousId": "b"},
        [("malformed", "/userId")],
    ),
    "no object at all": (7, [("malformed", "")]),
}


@pytest.mark.parametrize(("wire", "faults"), MISSING.values(), ids=MISSING)
def test_a_segment_event_with_something_missing_is_kept_and_says_what(wire, faults):
    assert pointers(only(segment.batch(call({"batch": [wire]})))) == faults


def test_what_has_no_place_is_not_thrown_away():
    assert only(segment.batch(call({"batch": ["hello"]}))).properties == {"unreadable": "hello"}
    odd = {"type": "track", "event": "A", "userId": "7", "properties": [1, 2]}
    assert only(segment.batch(call({"batch": [odd]}))).properties == {"unreadable": [1, 2]}


def test_the_browser_sdk_is_told_to_send_here_and_nowhere_else():
    asked = Call({"key": "wk_1"}, {}, {"host": "events.example:8000"}, {}, "http")
    destination = segment.settings(asked, SOURCE).body["integrations"]["Segment.io"]
    assert destination["apiKey"] == "wk_1"
    assert destination["apiHost"] == "events.example:8000/v1"
    assert destination["protocol"] == "http"


def test_behind_a_proxy_that_speaks_tls_the_browser_sdk_sends_by_tls():
    asked = Call({"key": "wk_1"}, {}, {"host": "events.example", "x-forwarded-proto": "https"}, {}, "http")
    assert segment.settings(asked, SOURCE).body["integrations"]["Segment.io"]["protocol"] == "https"


# --- RudderStack, Jitsu -------------------------------------------------------------------------------------------


def test_a_pixel_is_an_event_whose_names_have_dots():
    query = {"writeKey": "wk_1", "anonymousId": "a-1", "event": "Opened", "properties.mail.id": "5"}
    translated = rudderstack.pixel("track")(call({}, query=query))
    assert only(translated) == Incoming("track", "Opened", anonymous_id="a-1", properties={"mail": {"id": "5"}})
    assert translated.answer.content_type == "image/gif"
    assert translated.answer.body.startswith(b"GIF89a")


def test_rudderstacks_browser_sdk_learns_of_no_destination_and_reports_to_nobody():
    about = rudderstack.source_config(call({}, query={"writeKey": "wk_1"}), SOURCE).body["source"]
    assert about["enabled"] is True
    assert about["destinations"] == []
    assert about["config"]["statsCollection"]["errors"]["enabled"] is False


def test_jitsu_hears_of_each_event_that_is_not_as_it_should_be():
    good = {"type": "track", "event": "A", "userId": "7", "messageId": "1"}
    batch = jitsu.with_its_answer(segment.batch)
    assert batch(call({"batch": [good]})).answer == Answer({"ok": True})
    body = batch(call({"batch": [good, {"type": "track", "event": "A", "messageId": "2"}]})).answer.body
    assert (body["ok"], body["receivedEvents"], body["okEvents"]) == (False, 2, 1)
    assert body["errors"][0].startswith("Message ID: 2: ")


# --- Customer.io --------------------------------------------------------------------------------------------------

PERSON = {"id": "ada@shop.example"}
CUSTOMERIO = {
    "attributes": (
        customerio.identify,
        {"email": "ada@shop.example", "plan": "gold", "anonymous_id": "a-1", "_update": True},
        Incoming(
            "identify",
            "identify",
            user_id="ada@shop.example",
            anonymous_id="a-1",
            properties={"email": "ada@shop.example", "plan": "gold"},
        ),
    ),
    "a deletion": (customerio.delete, {}, Incoming("delete", "delete", user_id="ada@shop.example")),
    "an event": (
        customerio.event,
        {"name": "purchased", "data": {"price": 23.45}, "id": "01E4C4CT6YDC7Y5M7FE1GWWPQJ", "timestamp": 1774798200},
        Incoming(
            "track",
            "purchased",
            message_id="01E4C4CT6YDC7Y5M7FE1GWWPQJ",
            user_id="ada@shop.example",
            timestamp=1774798200,
            properties={"price": 23.45},
        ),
    ),
    "a page": (
        customerio.event,
        {"type": "page", "name": "https://shop.example/"},
        Incoming("page", "https://shop.example/", user_id="ada@shop.example"),
    ),
    "a device": (
        customerio.add_device,
        {"device": {"id": "tok", "platform": "ios"}},
        Incoming("track", "add_device", user_id="ada@shop.example", properties={"id": "tok", "platform": "ios"}),
    ),
    "a suppression": (
        customerio.deed("suppress"),
        {},
        Incoming("track", "suppress", user_id="ada@shop.example"),
    ),
}


@pytest.mark.parametrize(("translate", "body", "meant"), CUSTOMERIO.values(), ids=CUSTOMERIO)
def test_a_deed_of_customer_io_says_the_same_here(translate, body, meant):
    assert only(translate(call(body, path=PERSON))) == meant


def test_a_device_is_forgotten_by_its_path():
    event = only(customerio.delete_device(call({}, path={"id": "ada", "device": "tok/1"})))
    assert (event.name, event.user_id, event.properties) == ("delete_device", "ada", {"id": "tok/1"})


def test_merging_two_people_says_so_and_links_no_anonymous_visitor():
    body = {"primary": {"id": "ada"}, "secondary": {"email": "ada@old.example"}}
    event = only(customerio.merge(call(body)))
    assert (event.kind, event.user_id, event.anonymous_id) == ("alias", "ada", "")
    assert event.properties == body


def test_each_person_of_a_segment_gets_an_event():
    translated = customerio.membership("add_to_segment")(call({"ids": ["ada", 7]}, path={"segment": "3"}))
    assert [(event.user_id, event.properties) for event in translated.events] == [
        ("ada", {"segment_id": "3"}),
        ("7", {"segment_id": "3"}),
    ]


ENTITIES = {
    "a person": (
        {"type": "person", "identifiers": {"id": "ada"}, "action": "identify", "attributes": {"plan": "gold"}},
        Incoming("identify", "identify", user_id="ada", properties={"plan": "gold"}),
    ),
    "a deletion": (
        {"type": "person", "identifiers": {"email": "ada@shop.example"}, "action": "delete"},
        Incoming("delete", "delete", user_id="ada@shop.example"),
    ),
    "an event": (
        {
            "type": "person",
            "identifiers": {"cio_id": "a3000001"},
            "action": "event",
            "name": "purchased",
            "id": "01E4",
            "timestamp": 1774798200,
            "attributes": {"price": 2},
        },
        Incoming(
            "track",
            "purchased",
            message_id="01E4",
            user_id="a3000001",
            timestamp=1774798200,
            properties={"price": 2},
        ),
    ),
    "an anonymous screen": (
        {"type": "person", "identifiers": {"anonymous_id": "a-1"}, "action": "screen", "name": "Cart"},
        Incoming("screen", "Cart", anonymous_id="a-1"),
    ),
    "a device": (
        {"type": "person", "identifiers": {"id": "ada"}, "action": "add_device", "device": {"token": "t"}},
        Incoming("track", "add_device", user_id="ada", properties={"device": {"token": "t"}}),
    ),
    "a company": (
        {
            "type": "object",
            "identifiers": {"object_type_id": "1", "object_id": "acme"},
            "action": "identify",
            "attributes": {"seats": 3},
        },
        Incoming("group", "group", properties={"seats": 3}, context={"groupId": "acme", "groupType": "1"}),
    ),
}


@pytest.mark.parametrize(("raw", "meant"), ENTITIES.values(), ids=ENTITIES)
def test_an_entity_of_customer_ios_second_version_says_the_same_here(raw, meant):
    translated = customerio.entity(call(raw))
    assert only(translated) == meant
    assert translated.answer == Answer({})


def test_an_entity_without_an_identifier_is_answered_400_and_kept():
    translated = customerio.entity(call({"type": "person", "identifiers": {}, "action": "event", "name": "A"}))
    assert pointers(only(translated)) == [("incomplete", "/identifiers")]
    assert translated.answer.status == 400
    error = translated.answer.body["errors"][0]
    assert (error["reason"], error["field"]) == ("required", "identifiers")
    assert set(translated.answer.body) >= {"code", "message", "detail", "meta"}


def test_a_batch_says_which_of_its_entities_are_wrong():
    good = {"type": "person", "identifiers": {"id": "ada"}, "action": "event", "name": "A"}
    translated = customerio.batch(call({"batch": [good, {"type": "ghost", "action": "event"}, good]}))
    assert [bool(event.faults) for event in translated.events] == [False, True, False]
    assert translated.answer.status == 207
    assert [error["batch_index"] for error in translated.answer.body["errors"]] == [1]


# --- PostHog ------------------------------------------------------------------------------------------------------

POSTHOG = {
    "an event": (
        {
            "event": "Product Viewed",
            "distinct_id": "ada",
            "uuid": "0198c0de-1",
            "timestamp": "2026-03-29T15:30:00Z",
            "properties": {"sku": "SKU-1", "$lib": "posthog-python", "$lib_version": "7.91.1", "$os": "Linux"},
        },
        Incoming(
            "track",
            "Product Viewed",
            message_id="0198c0de-1",
            user_id="ada",
            timestamp="2026-03-29T15:30:00Z",
            properties={"sku": "SKU-1"},
            context={"library": {"name": "posthog-python", "version": "7.91.1"}, "$os": "Linux"},
        ),
    ),
    "a page view": (
        {"event": "$pageview", "distinct_id": "ada", "properties": {"$current_url": "/", "token": "wk_1"}},
        Incoming("page", "$pageview", user_id="ada", properties={"$current_url": "/"}),
    ),
    "a visitor not yet known": (
        {"event": "A", "properties": {"distinct_id": "d-1", "$device_id": "d-1"}},
        Incoming("track", "A", anonymous_id="d-1", context={"$device_id": "d-1"}),
    ),
    "an identify": (
        {
            "event": "$identify",
            "distinct_id": "ada",
            "properties": {"$anon_distinct_id": "d-1"},
            "$set": {"plan": "gold"},
            "$set_once": {"source": "till", "plan": "none"},
        },
        Incoming(
            "identify",
            "identify",
            user_id="ada",
            anonymous_id="d-1",
            properties={"source": "till", "plan": "gold"},
        ),
    ),
    "new attributes": (
        {"event": "$set", "distinct_id": "ada", "properties": {"$set": {"plan": "gold"}}},
        Incoming("identify", "identify", user_id="ada", properties={"plan": "gold"}),
    ),
    "an alias": (
        {"event": "$create_alias", "distinct_id": "ada", "properties": {"alias": "d-1"}},
        Incoming("alias", "alias", user_id="ada", anonymous_id="d-1", properties={"alias": "d-1"}),
    ),
    "a group of nobody": (
        {
            "event": "$groupidentify",
            "distinct_id": "$company_acme",
            "properties": {"$group_type": "company", "$group_key": "acme", "$group_set": {"seats": 3}},
        },
        Incoming("group", "group", properties={"seats": 3}, context={"groupId": "acme", "groupType": "company"}),
    ),
    "an event some time ago": (
        {"event": "A", "distinct_id": "ada", "offset": 1500},
        Incoming("track", "A", user_id="ada", timestamp=-1.5, sent_at=0),
    ),
}


@pytest.mark.parametrize(("wire", "meant"), POSTHOG.values(), ids=POSTHOG)
def test_a_posthog_event_says_the_same_here(wire, meant):
    assert only(posthog.capture(call({"batch": [wire]}))) == meant
    assert only(posthog.capture(call([wire]))) == meant
    assert only(posthog.capture(call(wire))) == meant


def test_the_newest_posthog_sdks_hear_of_each_event_by_its_uuid():
    batch = {"batch": [{"event": "A", "uuid": "u-1", "distinct_id": "ada"}, {"event": "B", "uuid": "u-2"}]}
    headers = {"posthog-sdk-info": "posthog-python/7.91.1", "posthog-request-timestamp": "2026-03-29T15:30:00Z"}
    translated = posthog.capture_v1(call(batch, headers=headers))
    results = translated.answer.body["results"]
    assert (results["u-1"]["result"], results["u-2"]["result"]) == ("ok", "warning")
    assert translated.sent_at == "2026-03-29T15:30:00Z"
    assert translated.events[0].context == {"library": {"name": "posthog-python", "version": "7.91.1"}}


def test_an_sdk_that_asks_for_flags_hears_that_there_are_none():
    answer = posthog.no_flags(call({"token": "wk_1", "distinct_id": "ada"}), SOURCE).body
    assert (answer["flags"], answer["errorsWhileComputingFlags"]) == ({}, False)
    script = posthog.remote_config_script(call({}, path={"token": "wk_1"}), SOURCE).body
    assert script.startswith(b"window._POSTHOG_REMOTE_CONFIG")


# --- CloudEvents --------------------------------------------------------------------------------------------------

CLOUD_EVENT = {
    "specversion": "1.0",
    "id": "A234",
    "source": "/shop/till",
    "type": "example.shop.sold",
    "time": "2026-03-29T15:30:00Z",
    "subject": "ada",
    "data": {"amount": 3},
}
SOLD = Incoming(
    "track",
    "example.shop.sold",
    message_id="/shop/till A234",
    user_id="ada",
    timestamp="2026-03-29T15:30:00Z",
    properties={"amount": 3},
    context={"cloudevent": {name: value for name, value in CLOUD_EVENT.items() if name != "data"}},
)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (CLOUD_EVENT, {"content-type": "application/cloudevents+json; charset=utf-8"}),
        ([CLOUD_EVENT], {"content-type": "application/cloudevents-batch+json"}),
        (
            {"amount": 3},
            {
                "content-type": "application/json",
                "ce-specversion": "1.0",
                "ce-id": "A234",
                "ce-source": "/shop%2Ftill",
                "ce-type": "example.shop.sold",
                "ce-time": "2026-03-29T15:30:00Z",
                "ce-subject": "ada",
            },
        ),
    ],
    ids=["structured", "batched", "binary"],
)
def test_a_cloud_event_says_the_same_in_each_of_its_modes(body, headers):
    event = only(cloudevents.ingest(call(body, headers=headers)))
    assert event._replace(context={}) == SOLD._replace(context={})
    assert event.context["cloudevent"]["source"] == "/shop/till"


def test_a_cloud_event_without_its_required_attributes_is_kept_and_says_so():
    headers = {"content-type": "application/cloudevents+json"}
    event = only(cloudevents.ingest(call({"type": "sold", "data": "text"}, headers=headers)))
    assert pointers(event) == [("incomplete", f"/{name}") for name in ("id", "source", "specversion")]
    assert event.properties == {"data": "text"}


# --- Our own ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shape", [lambda e: e, lambda e: [e], lambda e: {"events": [e]}], ids=["one", "list", "object"]
)
def test_our_own_events_come_one_or_many(shape):
    wire = {"name": "Sold", "id": "1", "user_id": 7, "properties": {"amount": 3}, "context": None}
    event = only(native.ingest(call(shape(wire))))
    assert event == Incoming("track", "Sold", message_id="1", user_id="7", properties={"amount": 3})


@pytest.mark.parametrize("kind", ["purchase", ["track"], 5])
def test_an_unknown_kind_is_a_track_that_says_so(kind):
    event = only(native.ingest(call({"name": "A", "kind": kind})))
    assert event.kind == "track"
    assert [pointer for _, pointer in pointers(event)] == ["/kind"]


# --- All of them --------------------------------------------------------------------------------------------------


def test_no_path_of_a_dialect_hides_a_page_and_none_is_taken_twice():
    seen: set[tuple[str, str]] = set()
    for name, route in Routes():
        assert (route.method, route.pattern) not in seen, f"{route.pattern} of {name} is taken"
        seen.add((route.method, route.pattern))
        assert not route.pattern.endswith("/")
        path = route.pattern.replace("{", "").replace("}", "")
        for page in (path, f"{path}/"):
            with pytest.raises(Resolver404):
                get_resolver().resolve(page)


def test_every_dialect_has_a_name_of_its_own():
    names = [dialect.name for dialect in dialects()]
    assert names == sorted(set(names))
