"""From neutral events to rows of the log: ids, clocks, sizes and structures. Nothing is refused, only flagged."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from uuid_utils import UUID, uuid7

from tracking.ingest.bodies import RAW_KEPT
from tracking.ingest.neutral import Fault, Incoming, Source
from tracking.rules import clocks
from tracking.rules.structures import Structure

LARGEST_EVENT = 2**20
DEEPEST = 64
LONGEST_NAME, LONGEST_ID = 200, 255
_EMPTY_OBJECT, _NO_ERRORS = b"{}", b"[]"


class Arrival(NamedTuple):
    """One row of tracking_receivedevent, in the order of its columns. JSON is bytes, ready to store."""

    id: UUID
    received_at: datetime
    system_id: int
    dialect: str
    kind: str
    name: str
    message_id: str
    user_id: str
    anonymous_id: str
    occurred_at: datetime
    properties: bytes
    context: bytes
    errors: bytes
    structure_id: int | None
    sdk: str
    correlation_id: str


class Published(NamedTuple):
    """A structure in force."""

    id: int
    structure: Structure


Structures = Mapping[tuple[int, str], Published]


def arrivals(
    events: Sequence[Incoming],
    *,
    source: Source,
    structures: Structures,
    dialect: str,
    sent_at: Any,
    received_at: datetime,
    correlation_id: str,
    agent: str,
) -> list[Arrival]:
    """A row for each event. `agent` names the SDK where the event itself does not."""
    sent = _sent(sent_at)
    rows = []
    for event in events:
        faults = list(event.faults)
        if not event.name:
            faults.append(Fault("missing_name", "", "The event has no name."))
        own_sent = sent if event.sent_at is None else _sent(event.sent_at)
        occurred_at = _occurred_at(event.timestamp, own_sent, received_at, faults)
        properties = _json(event.properties, faults)
        context = _json(event.context, faults)
        published = structures.get((source.system_id, event.name))
        if published is not None and not published.structure.allows(event.properties):
            faults += [Fault(*violation) for violation in published.structure.violations(event.properties)]
        rows.append(
            Arrival(
                uuid7(),
                received_at,
                source.system_id,
                dialect,
                event.kind,
                _text(event.name, LONGEST_NAME, "name", faults),
                _text(event.message_id, LONGEST_ID, "message id", faults) or str(uuid7()),
                _text(event.user_id, LONGEST_ID, "user id", faults),
                _text(event.anonymous_id, LONGEST_ID, "anonymous id", faults),
                occurred_at,
                properties,
                context,
                orjson.dumps([fault._asdict() for fault in faults]) if faults else _NO_ERRORS,
                published.id if published else None,
                _sdk(event.context) or agent,
                correlation_id,
            )
        )
    return rows


def _sent(said: Any) -> datetime | None:
    """A clock that cannot be read corrects nothing."""
    try:
        return clocks.parsed(said)
    except clocks.BadTimestamp:
        return None


def _occurred_at(said: Any, sent: datetime | None, received_at: datetime, faults: list[Fault]) -> datetime:
    try:
        happened = clocks.corrected(clocks.parsed(said), sent_at=sent, received_at=received_at)
    except (clocks.BadTimestamp, OverflowError) as fault:
        faults.append(Fault("bad_timestamp", "", str(fault)))
        return received_at
    if not clocks.is_plausible(happened):
        faults.append(
            Fault("bad_timestamp", "", f"It says it happened in {happened.year}; nothing before 2000 is kept.")
        )
        return received_at
    return happened


def _json(value: dict[str, Any], faults: list[Fault]) -> bytes:
    if not value:
        return _EMPTY_OBJECT
    try:
        packed = orjson.dumps(value)
    except TypeError as fault:
        faults.append(Fault("unreadable", "", f"The event cannot be stored as JSON: {fault}."))
        return _EMPTY_OBJECT
    if len(packed) > LARGEST_EVENT:
        size = f"The event has {len(packed):,} bytes, more than {LARGEST_EVENT:,}"
        faults.append(Fault("too_large", "", f"{size}: only its beginning is kept, and it counts as invalid."))
        return _beginning(packed)
    if packed.count(b"{") + packed.count(b"[") > DEEPEST and (depth := _depth(value)) > DEEPEST:
        nested = f"The event is nested {depth} levels deep, more than {DEEPEST}"
        faults.append(Fault("too_deep", "", f"{nested}: only its beginning is kept, and it counts as invalid."))
        return _beginning(packed)
    if b"\\u0000" in packed:
        faults.append(Fault("unreadable", "", "The event holds NUL characters, which were taken out."))
        return orjson.dumps(without_nul(value))
    return packed


def _beginning(packed: bytes) -> bytes:
    """The first bytes as text, for somebody who looks for the fault."""
    return orjson.dumps({"unreadable": packed[:RAW_KEPT].decode("utf-8", "ignore")})


def _depth(value: Any) -> int:
    """Levels of objects and lists, without recursion."""
    deepest, waiting = 0, [(value, 1)]
    while waiting:
        found, level = waiting.pop()
        inner = found.values() if isinstance(found, dict) else found if isinstance(found, list) else ()
        if isinstance(found, dict | list):
            deepest = max(deepest, level)
        waiting += [(child, level + 1) for child in inner if isinstance(child, dict | list)]
    return deepest


def without_nul(value: Any) -> Any:
    match value:
        case str():
            return value.replace("\x00", "")
        case dict():
            return {without_nul(name): without_nul(inner) for name, inner in value.items()}
        case list():
            return [without_nul(inner) for inner in value]
        case _:
            return value


def _text(value: str, longest: int, what: str, faults: list[Fault]) -> str:
    if "\x00" in value:
        faults.append(Fault("unreadable", "", f"The {what} holds NUL characters, which were taken out."))
        value = value.replace("\x00", "")
    if len(value) > longest:
        faults.append(Fault("too_large", "", f"The {what} has {len(value)} characters; {longest} are kept."))
        # Two long ids with the same beginning must stay two.
        value = f"{value[: longest - 33]}~{hashlib.sha256(value.encode()).hexdigest()[:32]}"
    return value


def _sdk(context: dict[str, Any]) -> str:
    library = context.get("library")
    if not isinstance(library, dict):
        return ""
    return f"{library.get('name', '')} {library.get('version', '')}".strip()[:80].replace("\x00", "")
