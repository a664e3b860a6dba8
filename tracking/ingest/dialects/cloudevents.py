"""CloudEvents over HTTP on POST /api/events/cloudevents: structured, batched, or binary (attributes in `ce-` headers).

`type` is the event's name, `source` and `id` together are its message id, `time` is when it happened. Whom it is about
is the extension `userid`, else `subject`; a visitor not yet known is the extension `anonymousid`.
"""

from typing import Any
from urllib.parse import unquote

from tracking.ingest.bodies import Unreadable
from tracking.ingest.neutral import Call, Dialect, Incoming, Ingest, Translated
from tracking.ingest.wire import Wire, verdict

REQUIRED = ("id", "source", "specversion", "type")
DATA = ("data", "data_base64")


def ingest(call: Call) -> Translated:
    content_type = call.headers.get("content-type", "").strip().lower()
    if content_type.startswith("application/cloudevents-batch"):
        if not isinstance(call.body, list):
            raise Unreadable("A batch of CloudEvents is a JSON list.")
        events = [_event(Wire(raw)) for raw in call.body]
    elif content_type.startswith("application/cloudevents"):
        events = [_event(Wire(call.body))]
    else:
        events = [_event(_binary(call))]
    return Translated(events, verdict)


def _binary(call: Call) -> Wire:
    attributes: dict[str, Any] = {
        name.removeprefix("ce-"): unquote(value) for name, value in call.headers.items() if name.startswith("ce-")
    }
    return Wire({**attributes, "data": call.body})


def _event(wire: Wire) -> Incoming:
    for name in REQUIRED:
        wire.needs(wire.raw.get(name), f"/{name}", f"A CloudEvent needs “{name}”.")
    source, number = wire.text("source"), wire.text("id")
    return wire.incoming(
        "track",
        wire.text("type"),
        # A URI holds no space, so no two pairs are written alike.
        message_id=f"{source} {number}" if source and number else "",
        user_id=wire.text("userid", "subject"),
        anonymous_id=wire.text("anonymousid"),
        timestamp=wire.raw.get("time"),
        properties=_data(wire),
        context={"cloudevent": {name: value for name, value in wire.raw.items() if name not in DATA}},
    )


def _data(wire: Wire) -> dict[str, Any]:
    """Data of any kind is allowed; only an object can have properties."""
    data = wire.raw.get("data")
    if isinstance(data, dict):
        return data
    return {name: wire.raw[name] for name in DATA if wire.raw.get(name) is not None}


DIALECT = Dialect("cloudevents", (Ingest("POST", "/api/events/cloudevents", ingest, may_be_empty=True),))
