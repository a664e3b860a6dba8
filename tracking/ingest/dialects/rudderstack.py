"""What RudderStack's browser SDK needs beyond Segment's paths: its settings, a beacon, and pixels for mail and pages
without scripts. Pixels bring one event in their query, where a dot stands for an object in an object.
"""

import base64

from tracking.ingest.dialects import segment
from tracking.ingest.neutral import Answer, Call, Dialect, Ingest, Json, Lookup, Source, Translate, Translated

PIXEL = Answer(base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"), content_type="image/gif")
QUIET = {"enabled": False}


def pixel(kind: str) -> Translate:
    def translate(call: Call) -> Translated:
        return Translated([segment.event_of(_nested(call), said=kind)], PIXEL)

    return translate


def source_config(call: Call, source: Source) -> Answer:
    """No destinations, and no reports about the SDK to its maker."""
    config = {"statsCollection": {"errors": QUIET, "metrics": QUIET}}
    about = {
        "id": source.public_id,
        "name": source.name,
        "writeKey": call.query.get("writeKey", ""),
        "enabled": True,
        "workspaceId": str(source.partner_id),
        "config": config,
        "destinations": [],
    }
    return Answer({"source": about, "updatedAt": "2026-01-01T00:00:00.000Z"})


def _nested(call: Call) -> Json:
    event: Json = {}
    for name, value in call.query.items():
        if name == "writeKey":
            continue
        *parents, last = name.split(".")
        home = event
        for parent in parents:
            inner = home.setdefault(parent, {})
            home = inner if isinstance(inner, dict) else home
        home[last] = value
    return event


DIALECT = Dialect(
    "rudderstack",
    (
        Ingest("POST", "/beacon/v1/batch", segment.batch),
        Ingest("GET", "/pixel/v1/track", pixel("track"), may_be_empty=True),
        Ingest("GET", "/pixel/v1/page", pixel("page"), may_be_empty=True),
        Lookup("GET", "/sourceConfig", source_config),
    ),
)
