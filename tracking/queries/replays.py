"""Which events a replay is about, and what it would find."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from tracking.models import EventStructure, Replay, TrackedEvent
from tracking.queries.tracked import Wanted, tracked
from tracking.rules import replays as rules
from tracking.rules.structures import Structure

MOST_PREVIEWED = 2_000
EXAMPLES = 10


@dataclass(frozen=True)
class Published:
    id: int
    structure: Structure


@dataclass(frozen=True)
class Verdict:
    """What one event's faults are now."""

    event: TrackedEvent
    structure_id: int | None
    errors: rules.Errors

    @property
    def is_mended(self) -> bool:
        return not self.errors and not any(error["type"] == rules.COLLISION for error in self.event.errors)

    def as_json(self) -> dict[str, Any]:
        return {
            "id": str(self.event.pk),
            "occurred_at": self.event.occurred_at.isoformat(),
            "structure_id": self.structure_id,
            "errors": self.errors,
        }


@dataclass(frozen=True)
class Preview:
    """Of the newest `judged` of `total` events, `mended` would become valid. `remaining` counts faults by type."""

    total: int
    judged: int
    mended: int
    remaining: dict[str, int]
    examples: list[Verdict] = field(default_factory=list)


def wanted_by(replay: Replay) -> Wanted:
    return Wanted(
        (replay.system_id,),
        names=(replay.event_name,) if replay.event_name else (),
        is_valid=False,
        error_type=replay.error_type,
        since=replay.since,
        until=replay.until,
    )


def waiting_events(replay: Replay) -> QuerySet[TrackedEvent]:
    return tracked(wanted_by(replay))


def structures_of(system_id: int) -> dict[str, Published]:
    """What is in force now, by the name of the event."""
    rows = EventStructure.objects.filter(system_id=system_id, status=EventStructure.Status.PUBLISHED)
    return {row.event_name: Published(row.pk, Structure(row.schema)) for row in rows}


def verdicts_on(events: Sequence[TrackedEvent], structures: Mapping[str, Published]) -> list[Verdict]:
    verdicts = []
    for event in events:
        published = structures.get(event.name)
        found = rules.judged_anew(event.errors, event.properties, published.structure if published else None)
        verdicts.append(Verdict(event, published.id if published else None, found))
    return verdicts


def preview(replay: Replay) -> Preview:
    """Judges the newest events and writes nothing. `replay` need not be stored."""
    waiting = waiting_events(replay)
    verdicts = verdicts_on(list(waiting[:MOST_PREVIEWED]), structures_of(replay.system_id))
    remaining: dict[str, int] = {}
    for verdict in verdicts:
        for kind in {error["type"] for error in verdict.errors}:
            remaining[kind] = remaining.get(kind, 0) + 1
    examples = sorted(verdicts, key=lambda verdict: not verdict.is_mended)[:EXAMPLES]
    return Preview(
        total=waiting.count(),
        judged=len(verdicts),
        mended=sum(verdict.is_mended for verdict in verdicts),
        remaining=dict(sorted(remaining.items(), key=lambda each: (-each[1], each[0]))),
        examples=examples,
    )


def replays_of(system_ids: Sequence[int]) -> QuerySet[Replay]:
    return Replay.objects.filter(system_id__in=system_ids).select_related("system__partner", "created_by")


def verdict_on(event_id: UUID) -> tuple[datetime, UUID] | None:
    """When an event was judged anew, and by which replay."""
    found = Replay.objects.filter(verdicts__event_id=event_id).values_list("verdicts__at", "public_id").first()
    return found and (found[0], found[1])
