"""PostHog's capture paths, old and new, and honest answers to what its SDKs ask.

There are no feature flags here: SDKs that ask are told so, in the shape they read. Session recordings (/s) are out of
scope: they are answered and not kept.

A `distinct_id` is a user's or a visitor's; posthog-js says which. Properties whose names begin with `$` are the SDK's
own and move to the context, unless the event is the SDK's own, too (`$pageview`, `$autocapture`).
"""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

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
    Translated,
    mapping,
    text,
)
from tracking.ingest.wire import Wire

TAKEN = Answer({"status": 1})
KINDS: dict[str, Kind] = {"$pageview": "page", "$screen": "screen"}
ABOUT_A_PERSON = ("$identify", "$set")
# A key, who it is about, the SDK's name: said elsewhere or better not at all.
NEVER_PROPERTIES = frozenset({"token", "distinct_id", "$lib", "$lib_version"})
NO_FLAGS: Json = {"flags": {}, "featureFlags": {}, "featureFlagPayloads": {}, "errorsWhileComputingFlags": False}
REMOTE_CONFIG: Json = {
    "supportedCompression": ["gzip", "gzip-js"],
    "hasFeatureFlags": False,
    "sessionRecording": False,
    "surveys": False,
    "heatmaps": False,
    "captureDeadClicks": False,
    "capturePerformance": False,
    "autocapture_opt_out": False,
    "defaultIdentifiedOnly": True,
    "siteApps": [],
    "toolbarParams": {},
    "isAuthenticated": False,
}


def capture(call: Call) -> Translated:
    """One event, a list of them, or {"batch": [...], "sent_at"}."""
    return Translated([_event(raw) for raw in _events(call.body)], TAKEN, _sent_at(call))


def engage(call: Call) -> Translated:
    """A change of a person, which need not name its event."""
    events = [raw if "event" in mapping(raw) else {**mapping(raw), "event": "$set"} for raw in _events(call.body)]
    return Translated([_event(raw) for raw in events], TAKEN, _sent_at(call))


def capture_v1(call: Call) -> Translated:
    """The newest SDKs' way, which is told about each event by its uuid."""
    library = _library(*call.headers.get("posthog-sdk-info", "").partition("/")[::2])
    events = [_event(raw, library=library) for raw in _events(call.body)]
    results = {
        event.message_id: {"result": "warning", "details": event.faults[0].message}
        if event.faults
        else {"result": "ok"}
        for event in events
    }
    return Translated(events, Answer({"results": results}), call.headers.get("posthog-request-timestamp"))


def no_flags(call: Call, source: Source) -> Answer:
    return Answer({**NO_FLAGS, **REMOTE_CONFIG, "requestId": uuid4().hex})


def no_definitions(call: Call, source: Source) -> Answer:
    """For SDKs that evaluate flags themselves."""
    return Answer({"flags": [], "group_type_mapping": {}, "cohorts": {}})


def remote_config(call: Call, source: Source) -> Answer:
    return Answer({"token": call.path["token"], **REMOTE_CONFIG})


def remote_config_script(call: Call, source: Source) -> Answer:
    config = json.dumps(
        {call.path["token"]: {"config": {"token": call.path["token"], **REMOTE_CONFIG}, "siteApps": []}}
    )
    script = f"window._POSTHOG_REMOTE_CONFIG = Object.assign(window._POSTHOG_REMOTE_CONFIG || {{}}, {config});"
    return Answer(script.encode(), content_type="text/javascript")


def _events(body: Any) -> list[Any]:
    if isinstance(body, list):
        return body
    if isinstance(body, dict):
        return body["batch"] if isinstance(body.get("batch"), list) else [body]
    raise Unreadable('Send an event as a JSON object, a list of them, or {"batch": [...]}.')


def _sent_at(call: Call) -> Any:
    """Browsers put it into the query, as `_`."""
    return mapping(call.body).get("sent_at") or call.query.get("_")


def _event(raw: Any, *, library: Json | None = None) -> Incoming:
    wire = Wire(raw)
    name, sent = wire.text("event"), wire.part("properties")
    library = library or _library(sent.get("$lib"), sent.get("$lib_version"))
    said = {key: value for key, value in sent.items() if key not in NEVER_PROPERTIES}
    common = _who(wire, sent) | _when(wire) | {"message_id": wire.text("uuid") or text(said.get("$insert_id"))}
    context = {"library": library} if library else {}
    if name in ABOUT_A_PERSON:
        traits = {**_set(wire, said, "$set_once"), **_set(wire, said, "$set")}
        return wire.incoming("identify", "identify", properties=traits, context=context, **common)
    if name == "$create_alias":
        alias = text(said.get("alias"))
        wire.needs(alias, "/properties/alias", "An alias needs the other id in properties.alias.")
        common["anonymous_id"] = alias
        return wire.incoming("alias", "alias", properties={"alias": alias}, context=context, **common)
    if name == "$groupidentify":
        return _group(wire, said, context, common)
    own, theirs = (said, {}) if name.startswith("$") else _apart(said)
    context |= theirs | {key: wire.raw[key] for key in ("$set", "$set_once") if key in wire.raw}
    return wire.incoming(KINDS.get(name, "track"), name, properties=own, context=context, **common)


def _group(wire: Wire, said: Json, context: Json, common: Json) -> Incoming:
    """About a group and nobody: SDKs make up a distinct id where they are given none."""
    group_id = text(said.get("$group_key"))
    wire.needs(group_id, "/properties/$group_key", "A group needs its key.")
    context |= {"groupId": group_id, "groupType": text(said.get("$group_type"))}
    common |= {"user_id": "", "anonymous_id": ""}
    return wire.incoming("group", "group", properties=mapping(said.get("$group_set")), context=context, **common)


def _who(wire: Wire, sent: Json) -> Json:
    """A user, or somebody not yet known: a browser that sends the id of its device, and what PostHog calls an anonymous
    event, of which it keeps no person."""
    distinct_id = wire.text("distinct_id", "$distinct_id") or text(sent.get("distinct_id"))
    wire.needs(distinct_id, "/distinct_id", "An event needs a distinct_id.")
    device_id = text(sent.get("$device_id"))
    keeps_person = {**sent, **wire.part("options")}
    if distinct_id == device_id or False in (
        keeps_person.get("$is_identified"),
        keeps_person.get("$process_person_profile"),
        keeps_person.get("process_person_profile"),
    ):
        return {"user_id": "", "anonymous_id": distinct_id}
    return {"user_id": distinct_id, "anonymous_id": text(sent.get("$anon_distinct_id")) or device_id}


def _when(wire: Wire) -> Json:
    """`offset` is how many milliseconds before sending it happened: a clock that stood at zero when it was sent."""
    offset = wire.raw.get("offset")
    said = wire.first("timestamp")
    if said is not None or not isinstance(offset, int | float):
        return {"timestamp": said}
    return {"timestamp": -offset / 1000, "sent_at": 0}


def _set(wire: Wire, said: Json, name: str) -> Json:
    return {**mapping(said.get(name)), **wire.part(name)}


def _apart(said: Json) -> tuple[Json, Json]:
    """The shop's own properties, and the SDK's."""
    own = {key: value for key, value in said.items() if not key.startswith("$")}
    return own, {key: value for key, value in said.items() if key.startswith("$")}


def _library(name: Any, version: Any) -> Json:
    return {"name": name, "version": version} if name else {}


def _routes() -> Iterator[Route]:
    for path in ("/batch", "/e", "/i/v0/e", "/capture", "/track"):
        yield Ingest("POST", path, capture)
    yield Ingest("POST", "/engage", engage)
    yield Ingest("POST", "/i/v1/analytics/events", capture_v1)
    for path in ("/flags", "/decide"):
        yield Lookup("POST", path, no_flags)
    for path in ("/flags/definitions", "/api/feature_flag/local_evaluation"):
        yield Lookup("GET", path, no_definitions)
    yield Lookup("GET", "/array/{token}/config", remote_config, key_in_path="token")
    yield Lookup("GET", "/array/{token}/config.js", remote_config_script, key_in_path="token")
    yield Courtesy("POST", "/s", TAKEN)


DIALECT = Dialect("posthog", tuple(_routes()))
