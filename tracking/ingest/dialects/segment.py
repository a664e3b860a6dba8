"""Segment's HTTP tracking API: its own SDKs, Customer.io's data pipelines, and every product that speaks it.

POST /v1/batch takes {"batch": [{"type": "track", ...}], "sentAt", "context"}; POST /v1/track and its like take one
event; the browser SDK sends /v1/t and its like, and asks GET /v1/projects/<key>/settings first. An answer without
`integrations["Segment.io"].apiKey` makes that SDK send everything to segment.io, hence 404 for an unknown key.
"""

from collections.abc import Iterator
from typing import Any

from tracking.ingest.bodies import Unreadable
from tracking.ingest.neutral import (
    Answer,
    Call,
    Courtesy,
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
)
from tracking.ingest.wire import Wire

KINDS: dict[str, Kind] = {
    "track": "track",
    "identify": "identify",
    "page": "page",
    "screen": "screen",
    "group": "group",
    "alias": "alias",
}
# RudderStack's way to say that two ids are one person; its payload is `mergeProperties`.
MERGE = "merge"
SUCCESS = Answer({"success": True})


def batch(call: Call) -> Translated:
    """Many events; what stands beside `batch` in `context` goes for each of them."""
    body = call.body
    if not isinstance(body, dict) or not isinstance(body.get("batch"), list):
        raise Unreadable('Send {"batch": [...]} as a JSON object.')
    outer = mapping(body.get("context"))
    events = [event_of(event, outer=outer) for event in body["batch"]]
    return Translated(events, SUCCESS, body.get("sentAt"))


def one(kind: str) -> Translate:
    """The translation of a path that takes a single event, whose kind the event itself need not repeat."""

    def translate(call: Call) -> Translated:
        if not isinstance(call.body, dict):
            raise Unreadable("Send an event as a JSON object.")
        return Translated([event_of(call.body, said=kind)], SUCCESS)

    return translate


def event_of(raw: Any, *, said: str = "", outer: Json | None = None) -> Incoming:
    """One event. `said` is the kind by its path, `outer` the context of its batch."""
    wire = Wire(raw)
    kind = said or wire.text("type")
    user_id, anonymous_id = wire.text("userId"), wire.text("anonymousId")
    context = {**(outer or {}), **wire.part("context")}
    name: str = kind
    match kind:
        case "track":
            name, properties = wire.text("event"), wire.part("properties")
        case "page" | "screen":
            name, properties = wire.text("name") or kind, _of_page(wire)
        case "identify":
            # RudderStack's Python SDK has traits nowhere else than in the context.
            properties = {**mapping(context.get("traits")), **wire.part("traits")}
        case "group":
            properties = wire.part("traits")
            context |= _group_id(wire)
        case "alias":
            anonymous_id = wire.text("previousId")
            wire.needs(anonymous_id and user_id, "/previousId", "An alias needs a previousId and a userId.")
            properties = {"previousId": anonymous_id}
        case "merge":
            properties = {"mergeProperties": wire.raw.get("mergeProperties")}
        case _:
            wire.needs(False, "/type", f"“{kind[:40]}” is no type of event; there are {', '.join(KINDS)}.")
            name, properties = wire.text("event", "name"), wire.part("properties")
    if kind != MERGE:
        wire.needs(user_id or anonymous_id, "/userId", "An event needs a userId or an anonymousId.")
    return wire.incoming(
        KINDS.get(kind, "track"),
        name,
        message_id=wire.text("messageId"),
        user_id=user_id,
        anonymous_id=anonymous_id,
        timestamp=wire.first("timestamp", "originalTimestamp"),
        sent_at=wire.raw.get("sentAt"),
        properties=properties,
        context=context,
    )


def settings(call: Call, source: Source) -> Answer:
    """What the browser SDK loads first. It sends nothing to anybody but the host it asked."""
    destination: Json = {
        "apiKey": call.path["key"],
        "unbundledIntegrations": [],
        "addBundledMetadata": True,
        "maybeBundledConfigIds": {},
    }
    if host := call.headers.get("host"):
        destination |= {"apiHost": f"{host}/v1", "protocol": call.headers.get("x-forwarded-proto", call.scheme)}
    return Answer(
        {
            "integrations": {"Segment.io": destination},
            "plan": {"track": {}},
            "edgeFunction": {},
            "middlewareSettings": {},
            "enabledMiddleware": {},
            "metrics": {"sampleRate": 0},
            "legacyVideoPluginsEnabled": False,
            "remotePlugins": [],
        }
    )


def _of_page(wire: Wire) -> Json:
    category, properties = wire.text("category"), wire.part("properties")
    return {"category": category, **properties} if category else properties


def _group_id(wire: Wire) -> Json:
    group_id = wire.text("groupId")
    wire.needs(group_id, "/groupId", "A group event needs a groupId.")
    return {"groupId": group_id} if group_id else {}


def _routes() -> Iterator[Route]:
    for kind in KINDS:
        yield Ingest("POST", f"/v1/{kind}", one(kind))
        yield Ingest("POST", f"/v1/{kind[0]}", one(kind))
    for path in ("batch", "b", "import"):
        yield Ingest("POST", f"/v1/{path}", batch)
    yield Ingest("POST", "/v1/merge", one(MERGE))
    yield Courtesy("POST", "/v1/m", SUCCESS)  # The browser SDK's measurements of itself.
    yield Lookup("GET", "/v1/projects/{key}/settings", settings, key_in_path="key")


DIALECT = Dialect("segment", tuple(_routes()))
