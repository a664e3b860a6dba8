"""Our own shape: one event, a list of them, or {"events": [...], "sent_at": ...}.

{"name": "Product Viewed", "id": "…", "user_id": "42", "anonymous_id": "…", "timestamp": "2026-03-29T15:30:00Z",
 "kind": "track", "properties": {...}, "context": {...}}
"""

from typing import Any, get_args

from tracking.ingest.bodies import Unreadable
from tracking.ingest.neutral import Call, Dialect, Incoming, Ingest, Kind, Translated
from tracking.ingest.wire import Wire, verdict

KINDS: dict[str, Kind] = {kind: kind for kind in get_args(Kind)}


def ingest(call: Call) -> Translated:
    sent_at = call.body.get("sent_at") if isinstance(call.body, dict) else None
    return Translated([_event(event) for event in _events(call.body)], verdict, sent_at)


def _events(body: Any) -> list[Any]:
    if isinstance(body, list):
        return body
    if not isinstance(body, dict):
        raise Unreadable('Send an event as a JSON object, a list of them, or {"events": [...]}.')
    # A body that was no JSON comes back in parts under `batch`, whatever it called its list.
    return next((body[name] for name in ("batch", "events") if isinstance(body.get(name), list)), [body])


def _event(event: Any) -> Incoming:
    wire = Wire(event)
    said = wire.text("kind") or "track"
    if said not in KINDS:
        wire.fault("malformed", "/kind", f"“{said[:40]}” is no kind of event; there are {', '.join(KINDS)}.")
    kind = KINDS.get(said, "track")
    return wire.incoming(
        kind,
        wire.text("name") or ("" if kind == "track" else kind),
        message_id=wire.text("id"),
        user_id=wire.text("user_id"),
        anonymous_id=wire.text("anonymous_id"),
        timestamp=wire.raw.get("timestamp"),
        properties=wire.part("properties"),
        context=wire.part("context"),
    )


DIALECT = Dialect("native", (Ingest("POST", "/api/events/ingest", ingest),))
