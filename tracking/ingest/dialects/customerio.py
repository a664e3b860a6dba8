"""Customer.io's Track API, versions 1 and 2. Its keys are an id and a secret (Basic auth).

Version 1 has a path for each deed; whatever it brings is kept and answered `{}`. Version 2 has one shape for all deeds
and tells what is wrong: 400 for an entity, 207 for a batch of which the rest was taken. What is wrong is kept, too.
A person's id may be an e-mail address or hold a slash, percent-encoded. Times are seconds since 1970.
"""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from tracking.ingest.bodies import Unreadable
from tracking.ingest.neutral import (
    Answer,
    Call,
    Dialect,
    Incoming,
    Ingest,
    Json,
    Kind,
    Lookup,
    Route,
    Source,
    Translate,
    Translated,
    mapping,
    refusal_body,
    text,
)
from tracking.ingest.wire import Wire

TAKEN = Answer({})
IDS = ("id", "email", "cio_id")
EVENT_KINDS: dict[str, Kind] = {"event": "track", "page": "page", "screen": "screen"}
ENVELOPE = frozenset({"type", "action", "identifiers", "timestamp", "name", "id"})


def region(call: Call, source: Source) -> Answer:
    """SDKs ask this to see whether their credentials are good."""
    return Answer({"url": call.headers.get("host", ""), "data_center": "us", "region": "us", "environment_id": 0})


# --- Version 1 ----------------------------------------------------------------------------------------------------


def identify(call: Call) -> Translated:
    wire = Wire(call.body)
    traits = {name: value for name, value in wire.raw.items() if name not in ("anonymous_id", "_update")}
    return _taken(
        wire.incoming(
            "identify",
            "identify",
            user_id=call.path["id"],
            anonymous_id=wire.text("anonymous_id"),
            properties=traits,
        )
    )


def delete(call: Call) -> Translated:
    return _taken(Wire(call.body).incoming("delete", "delete", user_id=call.path["id"]))


def event(call: Call) -> Translated:
    """Of a person in the path, or of an anonymous one in the body."""
    wire = Wire(call.body)
    user_id, anonymous_id = call.path.get("id", ""), wire.text("anonymous_id")
    wire.needs(user_id or anonymous_id, "/anonymous_id", "An event without a person needs an anonymous_id.")
    return _taken(
        wire.incoming(
            EVENT_KINDS.get(wire.text("type"), "track"),
            wire.text("name"),
            message_id=wire.text("id"),
            user_id=user_id,
            anonymous_id=anonymous_id,
            timestamp=wire.raw.get("timestamp"),
            properties=wire.part("data"),
        )
    )


def add_device(call: Call) -> Translated:
    wire = Wire(call.body)
    return _taken(wire.incoming("track", "add_device", user_id=call.path["id"], properties=wire.part("device")))


def delete_device(call: Call) -> Translated:
    device = {"id": call.path["device"]}
    return _taken(Wire(call.body).incoming("track", "delete_device", user_id=call.path["id"], properties=device))


def merge(call: Call) -> Translated:
    """Two known people: said, and kept, but only a person here makes one of them."""
    return _taken(_merged(Wire(call.body)))


def delivery_metric(call: Call) -> Translated:
    """What became of a message that Customer.io sent."""
    wire = Wire(call.body)
    name = wire.text("event", "metric") or "delivery_metric"
    return _taken(wire.incoming("track", name, timestamp=wire.raw.get("timestamp"), properties=wire.raw))


def deed(name: str) -> Translate:
    """A path that says all there is to say."""

    def translate(call: Call) -> Translated:
        return _taken(Wire(call.body).incoming("track", name, user_id=call.path["id"]))

    return translate


def membership(name: str) -> Translate:
    """Joining or leaving a hand-made segment: an event for each person."""

    def translate(call: Call) -> Translated:
        ids = mapping(call.body).get("ids")
        if not isinstance(ids, list):
            raise Unreadable('Send {"ids": [...]} as a JSON object.')
        segment = {"segment_id": call.path["segment"]}
        events = [Wire({"id": person}) for person in ids]
        return Translated(
            [wire.incoming("track", name, user_id=wire.text("id"), properties=segment) for wire in events], TAKEN
        )

    return translate


# --- Version 2 ----------------------------------------------------------------------------------------------------


def entity(call: Call) -> Translated:
    event = _entity(call.body)
    if not event.faults:
        return _taken(event)
    errors = _errors(event)
    body = refusal_body("bad_entity", event.faults[0].message) | {"errors": errors, "meta": {"errors": errors}}
    return Translated([event], Answer(body, HTTPStatus.BAD_REQUEST))


def batch(call: Call) -> Translated:
    body = call.body
    if not isinstance(body, dict) or not isinstance(body.get("batch"), list):
        raise Unreadable('Send {"batch": [...]} as a JSON object.')
    events = [_entity(raw) for raw in body["batch"]]
    errors = [{"batch_index": place, **error} for place, event in enumerate(events) for error in _errors(event)]
    return Translated(events, Answer({"errors": errors}, HTTPStatus.MULTI_STATUS) if errors else TAKEN)


def _entity(raw: Any) -> Incoming:
    wire = Wire(raw)
    match wire.text("type"):
        case "person":
            return _person(wire)
        case "object":
            return _thing(wire)
        case "delivery":
            return wire.incoming("track", wire.text("action"), **_common(wire), properties=wire.part("attributes"))
        case other:
            wire.needs(False, "/type", f"“{other[:40]}” is no type; there are person, object and delivery.")
            return wire.incoming("track", wire.text("action"), **_common(wire), properties=_rest(wire))


def _person(wire: Wire) -> Incoming:
    action = wire.text("action")
    if action == "merge":
        return _merged(wire)
    who = _identity(wire)
    wire.needs(who["user_id"] or who["anonymous_id"], "/identifiers", "A person needs an id, an email or a cio_id.")
    common = _common(wire) | who
    if action in EVENT_KINDS:
        name = wire.text("name")
        wire.needs(name, "/name", "An event needs a name.")
        return wire.incoming(EVENT_KINDS[action], name, **common, properties=wire.part("attributes"))
    if action in ("identify", "delete"):
        kind: Kind = "identify" if action == "identify" else "delete"
        return wire.incoming(kind, action, **common, properties=wire.part("attributes"))
    wire.needs(action, "/action", "An entity needs an action.")
    return wire.incoming("track", action, **common, properties=_rest(wire))


def _thing(wire: Wire) -> Incoming:
    """An object people belong to, such as a company: what others call a group."""
    identifiers = wire.part("identifiers")
    group_id = text(identifiers.get("object_id")) or text(identifiers.get("cio_object_id"))
    wire.needs(group_id, "/identifiers/object_id", "An object needs an object_id.")
    action = wire.text("action")
    wire.needs(action, "/action", "An entity needs an action.")
    context = {"groupId": group_id, "groupType": text(identifiers.get("object_type_id"))}
    if action == "identify":
        about = context | {name: wire.raw[name] for name in ("cio_relationships",) if name in wire.raw}
        return wire.incoming("group", "group", **_common(wire), properties=wire.part("attributes"), context=about)
    return wire.incoming("track", action, **_common(wire), properties=_rest(wire), context=context)


def _merged(wire: Wire) -> Incoming:
    primary, secondary = wire.part("primary"), wire.part("secondary")
    user_id = _person_id(primary)
    wire.needs(user_id, "/primary", "The primary person needs an id, an email or a cio_id.")
    wire.needs(_person_id(secondary), "/secondary", "The secondary person needs an id, an email or a cio_id.")
    return wire.incoming("alias", "merge", user_id=user_id, properties={"primary": primary, "secondary": secondary})


def _identity(wire: Wire) -> dict[str, str]:
    identifiers = wire.part("identifiers")
    return {"user_id": _person_id(identifiers), "anonymous_id": text(identifiers.get("anonymous_id"))}


def _person_id(identifiers: Json) -> str:
    return next((found for name in IDS if (found := text(identifiers.get(name)))), "")


def _common(wire: Wire) -> Json:
    return {"message_id": wire.text("id"), "timestamp": wire.raw.get("timestamp")}


def _rest(wire: Wire) -> Json:
    return {name: value for name, value in wire.raw.items() if name not in ENVELOPE}


def _errors(event: Incoming) -> list[Json]:
    return [
        {
            "reason": "required" if fault.type == "incomplete" else "invalid",
            "field": fault.pointer.removeprefix("/").replace("/", "."),
            "message": fault.message,
        }
        for fault in event.faults
    ]


def _taken(event: Incoming) -> Translated:
    return Translated([event], TAKEN)


def _routes() -> Iterator[Route]:
    person = "/api/v1/customers/{id}"
    yield Ingest("PUT", person, identify, may_be_empty=True)
    yield Ingest("DELETE", person, delete, may_be_empty=True)
    yield Ingest("POST", f"{person}/events", event)
    yield Ingest("PUT", f"{person}/devices", add_device)
    yield Ingest("DELETE", f"{person}/devices/{{device}}", delete_device, may_be_empty=True)
    yield Ingest("POST", f"{person}/suppress", deed("suppress"), may_be_empty=True)
    yield Ingest("POST", f"{person}/unsuppress", deed("unsuppress"), may_be_empty=True)
    yield Ingest("POST", "/api/v1/events", event)
    yield Ingest("POST", "/api/v1/merge_customers", merge)
    yield Ingest("POST", "/api/v1/push/events", delivery_metric)
    yield Ingest("POST", "/api/v1/metrics", delivery_metric)
    yield Ingest("POST", "/api/v1/segments/{segment}/add_customers", membership("add_to_segment"))
    yield Ingest("POST", "/api/v1/segments/{segment}/remove_customers", membership("remove_from_segment"))
    yield Lookup("GET", "/api/v1/accounts/region", region)
    yield Ingest("POST", "/api/v2/entity", entity)
    yield Ingest("POST", "/api/v2/batch", batch)


DIALECT = Dialect("customerio", tuple(_routes()))
