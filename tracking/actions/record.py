import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from config.shared.nudge import nudge
from tracking import bus
from tracking.events import DomainEvent
from tracking.models import Dispatch, Event


@dataclass(frozen=True)
class Occurrence:
    """A domain event with the key that makes telling it twice harmless, and when it happened."""

    event: DomainEvent
    key: str
    at: datetime


def record(event: DomainEvent, *, key: str, at: datetime) -> bool:
    """Write the event, and one Dispatch for each handler, in the caller's transaction.

    True when it is news: the same name and key a second time change nothing.
    """
    return record_all([Occurrence(event, key, at)]) == 1


def record_all(occurrences: Sequence[Occurrence], *, is_urgent: bool = True) -> int:
    """`record()` for many events of one class, in two statements. Returns how many were news.

    What is not urgent waits for the next sweep instead of waking a worker: a second at most.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("record() must share a transaction with the change it reports.")
    if not occurrences:
        return 0
    kind = type(occurrences[0].event)
    if any(type(occurrence.event) is not kind for occurrence in occurrences):
        raise TypeError("record_all() takes events of one class.")
    fresh = _insert_events(kind.name, occurrences)
    if fresh:
        _owe(kind, fresh)
        if is_urgent:
            nudge("tracking.advance_projections")
    return len(fresh)


def _insert_events(name: str, occurrences: Sequence[Occurrence]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO {Event._meta.db_table} (name, subject, key, properties, occurred_at)
            SELECT %s, subject, key, properties, occurred_at
            FROM jsonb_to_recordset(%s::jsonb)
                AS told (subject text, key text, properties jsonb, occurred_at timestamptz)
            ON CONFLICT (key) DO NOTHING
            RETURNING id
            """,
            [name, json.dumps([_as_json(name, occurrence) for occurrence in occurrences])],
        )
        return [row[0] for row in cursor.fetchall()]


def _as_json(name: str, occurrence: Occurrence) -> dict[str, object]:
    """One text for many events: arrays of texts would be escaped letter by letter."""
    return {
        "subject": occurrence.event.subject,
        "key": f"{name}:{occurrence.key}",
        "properties": occurrence.event.properties(),
        "occurred_at": occurrence.at.isoformat(),
    }


def _owe(kind: type[DomainEvent], event_ids: list[int]) -> None:
    handlers = bus.handlers_of(kind)
    if not handlers:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO {Dispatch._meta.db_table} (event_id, handler, due_at, attempts, last_error)
            SELECT event_id, handler, now(), 0, ''
            FROM unnest(%s::bigint[]) AS event_id, unnest(%s::text[]) AS handler
            """,
            [event_ids, handlers],
        )
    nudge("tracking.sweep_dispatches")
