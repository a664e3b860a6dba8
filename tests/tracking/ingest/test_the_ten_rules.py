"""What clients in the field need from a server that takes their events; each rule was broken for one of them once."""

import base64
import gzip
import json
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.copies import wait_for
from tests.tracking.ingest.door import Door, Sender
from tracking.ingest.app import Routes
from tracking.ingest.bodies import LARGEST_BODY, LARGEST_INFLATED
from tracking.ingest.neutral import Courtesy, Ingest, Lookup, Route

SEGMENT = {"type": "track", "event": "Sold", "userId": "ada", "groupId": "acme", "previousId": "a-1"}
CLOUD = {"specversion": "1.0", "id": "1", "source": "/till", "type": "sold", "data": {}}
BODIES = {
    "native": {"name": "Sold", "user_id": "ada"},
    "segment": SEGMENT | {"batch": [SEGMENT]},
    "rudderstack": {"batch": [SEGMENT]},
    "jitsu": SEGMENT | {"batch": [SEGMENT]},
    "customerio": {
        "name": "sold",
        "anonymous_id": "a-1",
        "ids": ["ada"],
        "primary": {"id": "a"},
        "secondary": {"id": "b"},
    },
    "posthog": {"event": "Sold", "distinct_id": "ada", "uuid": "u-1"},
    "cloudevents": CLOUD,
}
ENTITY = {"type": "person", "identifiers": {"id": "ada"}, "action": "event", "name": "sold"}
OWN_BODIES = {"/api/v2/entity": ENTITY, "/api/v2/batch": {"batch": [ENTITY]}}
QUERY = {"event": "Sold", "userId": "ada", "name": "Home"}


def ingest_routes() -> list[tuple[str, Ingest]]:
    return [(name, route) for name, route in Routes() if isinstance(route, Ingest)]


def ask(door: Door, sender: Sender, dialect: str, route: Route, slash: str):
    """Go to this route as its SDK would, with a slash at the end or without."""
    path = route.pattern
    for name, value in {
        "id": "ada%2Flovelace",
        "device": "tok",
        "segment": "3",
        "key": sender.key,
        "token": sender.key,
    }.items():
        path = path.replace(f"{{{name}}}", value)
    headers = {"x-write-key": sender.key}
    if dialect == "cloudevents":
        headers["content-type"] = "application/cloudevents+json"
    body = None if route.method == "GET" else json.dumps(OWN_BODIES.get(path, BODIES[dialect])).encode()
    return door.send(route.method, path + slash, content=body, headers=headers, params=QUERY if body is None else None)


@pytest.mark.parametrize("slash", ["", "/"], ids=["without a slash", "with a slash"])
def test_every_path_answers_exactly_200_with_a_json_object_and_never_redirects(door, sender, slash):
    for dialect, route in Routes():
        answer = ask(door, sender, dialect, route, slash)
        assert answer.status_code == 200, f"{route.method} {route.pattern}{slash}: {answer.text}"
        if answer.headers["content-type"] == "application/json":
            assert isinstance(answer.json(), dict), route.pattern
        else:
            assert answer.headers["content-type"] in ("image/gif", "text/javascript")
    stored = sender.stored()
    assert len(stored) == len(ingest_routes()), "what was answered 200 is there, one event for each path"
    assert [event.errors for event in sender.invalid()] == []


def test_a_slash_in_a_persons_id_stays_in_the_id(door, sender):
    door.send("PUT", "/api/v1/customers/a%2Fb%40c", json={"plan": "gold"}, auth=(sender.id, sender.secret))
    assert [event.user_id for event in sender.stored()] == ["a/b@c"]


def test_every_refusal_can_be_read_by_every_sdk(door, sender):
    stranger = Sender.__new__(Sender)
    stranger.key = "wk_unknown"
    asked = [(dialect, route) for dialect, route in Routes() if not isinstance(route, Courtesy)]
    with ThreadPoolExecutor(len(asked)) as strangers:
        answers = list(strangers.map(lambda each: ask(door, stranger, *each, ""), asked))
    for (_, route), answer in zip(asked, answers, strict=True):
        body = answer.json()
        assert answer.status_code == (404 if isinstance(route, Lookup) and route.key_in_path else 401), route.pattern
        assert body["code"] == "unknown_key"
        assert body["message"] == body["detail"] == body["meta"]["error"]
    assert sender.stored() == []


def test_a_wrong_method_is_refused_without_a_redirect(door):
    answer = door.send("GET", "/v1/batch")
    assert (answer.status_code, answer.json()["code"]) == (405, "wrong_method")


BATCH = json.dumps({"batch": [SEGMENT], "sentAt": "2026-03-29T15:30:00Z"}).encode()
RAW_DEFLATE = zlib.compressobj(wbits=-15)
PACKED = {
    "no content type": (BATCH, {}, ""),
    "text/plain, as browsers send it": (BATCH, {"content-type": "text/plain"}, ""),
    "a content type that is wrong": (BATCH, {"content-type": "multipart/form-data; boundary=x"}, ""),
    "gzip": (gzip.compress(BATCH), {"content-encoding": "gzip", "content-type": "application/json"}, ""),
    "gzip called a form, as RudderStack for node does": (
        gzip.compress(BATCH),
        {"content-encoding": "gzip", "content-type": "application/x-www-form-urlencoded"},
        "",
    ),
    "gzip that does not say so": (gzip.compress(BATCH), {"content-type": "text/plain"}, ""),
    "gzip-js": (gzip.compress(BATCH), {"content-type": "text/plain"}, "?compression=gzip-js"),
    "deflate": (zlib.compress(BATCH), {"content-encoding": "deflate"}, ""),
    "deflate without a head": (RAW_DEFLATE.compress(BATCH) + RAW_DEFLATE.flush(), {"content-encoding": "deflate"}, ""),
    "a form with base64": (
        b"data=" + base64.b64encode(BATCH).replace(b"+", b"%2B").replace(b"/", b"%2F").replace(b"=", b"%3D"),
        {"content-type": "application/x-www-form-urlencoded"},
        "?compression=base64",
    ),
    "a form with JSON": (
        b"data=" + BATCH.replace(b" ", b"+"),
        {"content-type": "application/x-www-form-urlencoded"},
        "",
    ),
    "a byte order mark": (b"\xef\xbb\xbf" + BATCH, {"content-type": "application/json"}, ""),
}


def test_a_body_is_read_by_what_it_is_whatever_its_headers_say(door, sender):
    for said, (body, headers, query) in PACKED.items():
        answer = door.post(f"/v1/batch{query}", body, key=sender.key, headers=headers)
        assert answer.status_code == 200, f"{said}: {answer.text}"
    assert [event.name for event in sender.stored()] == ["Sold"] * len(PACKED)
    assert sender.invalid() == []


def test_large_batches_pass_and_larger_ones_are_refused(door, sender):
    large = {"batch": [SEGMENT | {"properties": {"text": "x" * 500_000}} for _ in range(10)]}
    assert door.post("/v1/batch", large, key=sender.key).status_code == 200
    assert len(sender.stored()) == 10
    too_large = door.post("/v1/batch", b"x" * (LARGEST_BODY + 1), key=sender.key)
    assert (too_large.status_code, too_large.json()["code"]) == (413, "body_too_large")


def test_a_body_that_swells_without_end_is_refused(door, sender):
    bomb = gzip.compress(b"[" + b" " * (LARGEST_INFLATED + 1))
    assert len(bomb) < 100_000
    answer = door.post("/v1/batch", bomb, key=sender.key)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


EMPTY = [
    b"",
    b"{",
    b"\xff\xfe",
    b"5",
    b"null",
    b'{"batch": 5}',
    b"[1, 2]",
    gzip.compress(b"{}")[:-4],
    b"\x1f\x8bnonsense",
]


def test_a_body_without_an_event_is_a_400_and_its_bytes_are_kept(door, sender):
    for body in EMPTY:
        answer = door.post("/v1/batch", body, key=sender.key)
        assert (answer.status_code, answer.json()["code"]) == (400, "unreadable_body"), body
    kept = sender.stored()
    assert [event.properties["size"] for event in kept] == [len(body) for body in EMPTY]
    assert {event.errors[0]["type"] for event in kept} == {"unreadable"}


def test_a_key_may_come_in_any_of_the_places_sdks_put_it(door, sender):
    key, event = sender.key, {"event": "Sold", "userId": "ada", "distinct_id": "ada"}
    basic = base64.b64encode(f"{key}:".encode()).decode()
    pair = base64.b64encode(f"{sender.id}:{sender.secret}".encode()).decode()
    places = [
        ({"authorization": f"Basic {basic}"}, event, ""),
        ({"authorization": f"Basic {pair}"}, event, ""),
        ({"authorization": f"Bearer {key}"}, event, ""),
        ({"x-write-key": key}, event, ""),
        ({"x-write-key": f"{sender.id}:{sender.secret}"}, event, ""),
        ({"x-api-key": key}, event, ""),
        ({}, event, f"?writeKey={key}"),
        ({}, event | {"writeKey": key}, ""),
        ({}, event | {"api_key": key}, ""),
        ({}, event | {"token": key}, ""),
        ({}, event | {"properties": {"token": key}}, ""),
        ({"authorization": "Basic bm9ib2R5Og=="}, event | {"writeKey": key}, ""),
    ]
    for headers, body, query in places:
        answer = door.post(f"/v1/track{query}", body, headers=headers)
        assert answer.status_code == 200, f"{headers} {body} {query}"
    batches = [
        {"batch": [event], "api_key": key},
        {"batch": [event | {"properties": {"token": key}}]},
        [event | {"token": key}],
    ]
    for body in batches:
        assert door.post("/batch/", body).status_code == 200
    assert len(sender.stored()) == len(places) + len(batches)


NONSENSE = ["Basic", "Basic !!!", "Basic /w==", "Bearer", "Digest x", "Basic " + base64.b64encode(b":").decode()]


def test_an_authorization_that_makes_no_sense_is_a_401(door, sender):
    for said in NONSENSE:
        assert door.post("/v1/track", SEGMENT, headers={"authorization": said}).status_code == 401, said


def test_half_a_pair_opens_nothing(door, sender):
    for auth in ((sender.id, ""), (sender.id, sender.key), ("", sender.secret)):
        assert door.send("POST", "/v1/track", json=SEGMENT, auth=auth).status_code == 401


def test_a_page_of_any_origin_may_send_with_its_credentials(door, sender):
    asked = {
        "origin": "https://shop.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "anonymousid,authorization,content-type,sentat,x-write-key",
    }
    preflight = door.send("OPTIONS", "/v1/batch", headers=asked)
    assert preflight.status_code == 200
    answer = door.post("/v1/batch", {"batch": []}, key=sender.key, headers={"origin": "https://shop.example"})
    for each in (preflight, answer):
        assert each.headers["access-control-allow-origin"] == "https://shop.example"
        assert each.headers["access-control-allow-credentials"] == "true"
    assert preflight.headers["access-control-allow-headers"] == asked["access-control-request-headers"]


def test_a_sender_of_cloud_events_may_shake_hands_first(door):
    answer = door.send("OPTIONS", "/api/events/cloudevents", headers={"webhook-request-origin": "events.example"})
    assert answer.headers["webhook-allowed-origin"] == "events.example"


def test_a_system_that_sends_too_much_is_told_when_to_come_back(door, transactional_db):
    hasty = Sender("Acme", "Hasty", events_per_second=1)
    other = Sender("Acme", "Other")
    wait_for(lambda: door.post("/v1/batch", {"batch": []}, key=other.key).status_code == 200, seconds=5)
    # Ten seconds are counted together, and a border between two tens may lie between two of these requests.
    answers = [door.post("/v1/batch", {"batch": [SEGMENT] * 10}, key=hasty.key) for _ in range(3)]
    refused = answers[-1]
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_events")
    assert 1 <= int(refused.headers["retry-after"]) <= 10
    assert len(hasty.stored()) == 10 * sum(answer.status_code == 200 for answer in answers)
    assert door.post("/v1/track", SEGMENT, key=other.key).status_code == 200, "its neighbour does not suffer"


def test_a_request_keeps_the_name_it_came_with(door, sender):
    answer = door.post("/v1/track", SEGMENT, key=sender.key, headers={"x-correlation-id": "order-77"})
    assert answer.headers["x-correlation-id"] == "order-77"
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    door.post("/v1/track", SEGMENT, key=sender.key, headers={"traceparent": trace})
    assert [event.correlation_id for event in sender.stored()] == ["order-77", "0af7651916cd43dd8448eb211c80319c"]
