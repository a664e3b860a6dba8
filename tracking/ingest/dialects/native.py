"""Our own shape: one event, a list of them, or {"events": [...], "sent_at": ...}.

{"name": "Product Viewed", "id": "…", "user_id": "42", "anonymous_id": "…", "timestamp": "2026-03-29T15:30:00Z",
 "kind": "track", "properties": {...}, "context": {...}}
"""

from typing import Any, get_args

from tracking.ingest.bodies import faults_of
from tracking.ingest.neutral import (
    Answer,
    Call,
    Dialect,
    Fault,
    Incoming,
    Ingest,
    Kind,
    Refused,
    Translated,
    mapping,
    text,
)

KINDS = frozenset(get_args(Kind))


def ingest(call: Call) -> Translated:
    body = call.body
    if isinstance(body, dict) and isinstance(body.get("events"), list):
        events, sent_at = body["events"], body.get("sent_at")
    elif isinstance(body, list):
        events, sent_at = body, None
    elif isinstance(body, dict):
        # A body that was no JSON comes back in parts under `batch`, whatever it called its list.
        events, sent_at = body.get("batch", [body]), body.get("sent_at")
    else:
        raise Refused(400, "wrong_shape", 'Send an event as a JSON object, a list of them, or {"events": [...]}.')
    translated = [_event(event) for event in events]
    invalid = sum(1 for event in translated if event.faults)
    return Translated(translated, Answer({"accepted": len(translated), "malformed": invalid}), sent_at)


def _event(event: Any) -> Incoming:
    if not isinstance(event, dict):
        fault = Fault("wrong_type", "", "An event is a JSON object.")
        return Incoming("track", "", properties={"unreadable": event}, faults=(fault,))
    kind = event.get("kind", "track")
    faults = faults_of(event)
    if kind not in KINDS:
        faults += (
            Fault("other", "/kind", f"“{str(kind)[:40]}” is no kind of event; there are {', '.join(sorted(KINDS))}."),
        )
        kind = "track"
    for name in ("properties", "context"):
        if not isinstance(event.get(name, {}), dict):
            faults += (Fault("wrong_type", f"/{name}", f"“{name}” is a JSON object."),)
    return Incoming(
        kind=kind,
        name=text(event.get("name")) or ("" if kind == "track" else kind),
        message_id=text(event.get("id")),
        user_id=text(event.get("user_id")),
        anonymous_id=text(event.get("anonymous_id")),
        timestamp=event.get("timestamp"),
        properties=mapping(event.get("properties")),
        context=mapping(event.get("context")),
        faults=faults,
    )


DIALECT = Dialect("native", (Ingest("POST", "/api/events/ingest", ingest),))
