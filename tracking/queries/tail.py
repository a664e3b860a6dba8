"""Events in the order in which they arrived: the tail of one system, and how one event came in."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from tracking.models import EventStructure, Projection, ReceivedEvent, TrackedEvent

SHOWN = 50
# So far back in the log of everybody the tail of one system is looked for.
LOOKED_THROUGH = 5_000

_LATEST = """
    SELECT event.id, event.kind, event.name, event.person, event.is_valid, event.errors, event.received_at, received.sdk
    FROM (
        SELECT id, occurred_at, transaction_id, system_id, sdk FROM tracking_receivedevent
        WHERE transaction_id > %(after)s::xid8 AND transaction_id <= %(upto)s::xid8
        ORDER BY transaction_id DESC LIMIT %(looked_through)s
    ) received
    JOIN tracking_trackedevent event ON event.id = received.id AND event.occurred_at = received.occurred_at
    WHERE received.system_id = %(system)s
    ORDER BY received.transaction_id DESC, event.id DESC LIMIT %(shown)s
"""
# Where a quiet system stands behind busy ones: its latest events by the time they happened.
_LATEST_OF_QUIET = """
    SELECT event.id, event.kind, event.name, event.person, event.is_valid, event.errors, event.received_at, received.sdk
    FROM (
        SELECT * FROM tracking_trackedevent WHERE system_id = %(system)s ORDER BY occurred_at DESC LIMIT %(shown)s
    ) event
    JOIN tracking_receivedevent received ON received.id = event.id AND received.received_at = event.received_at
    ORDER BY event.received_at DESC, event.id DESC
"""


@dataclass(frozen=True)
class Arrived:
    id: UUID
    kind: str
    name: str
    person: str
    is_valid: bool
    errors: list[dict[str, str]]
    received_at: datetime
    sdk: str


def arrived(system_id: int, *, after: int | None = None) -> tuple[list[Arrived], int]:
    """The last events of a system, newest first, and the place in the log to ask for the next ones with."""
    follower = Projection.objects.filter(name=Projection.READ_MODEL).first()
    upto = int(follower.transaction_id) if follower else 0
    asked = {
        "system": system_id,
        "after": str(after or 0),
        "upto": str(upto),
        "shown": SHOWN,
        "looked_through": LOOKED_THROUGH,
    }
    rows = _asked(_LATEST, asked)
    if after is None and len(rows) < SHOWN:
        rows = _asked(_LATEST_OF_QUIET, asked) or rows
    return rows, upto


def _asked(statement: str, values: dict[str, Any]) -> list[Arrived]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return [
            Arrived(number, kind, name, person, is_valid, json.loads(errors), received_at, sdk)
            for number, kind, name, person, is_valid, errors, received_at, sdk in cursor.fetchall()
        ]


def as_received(event: TrackedEvent) -> ReceivedEvent | None:
    """The delivery behind an event; None when its month was dropped from the log."""
    return ReceivedEvent.objects.filter(pk=event.pk, received_at=event.received_at).first()


def structure_of(received: ReceivedEvent | None) -> EventStructure | None:
    """The structure the event was checked against at the door."""
    number = received.structure_id if received else None
    return EventStructure.objects.filter(pk=number).first() if number else None
