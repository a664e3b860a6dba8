"""What a structure would make of events that came already, and what they would have it look like."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F, Sum

from tracking.models import HourCount, PartnerSystem, TrackedEvent
from tracking.rules.inference import inferred
from tracking.rules.privacy import ABOUT_PEOPLE, shown_message
from tracking.rules.structures import Structure

USUAL, MOST = 1_000, 10_000
MOST_KINDS = 50


@dataclass(frozen=True)
class Example:
    """One event that would fail, and what of it."""

    id: UUID
    occurred_at: datetime
    message: str


@dataclass(frozen=True)
class FailingKind:
    """`events` would fail in the same way at the same place. `example` is the newest of them."""

    type: str
    pointer: str
    events: int
    example: Example

    @property
    def words(self) -> str:
        return self.type.replace("_", " ").capitalize()


@dataclass(frozen=True)
class Trial:
    """Of the newest `looked_at` of `there_are` events `failing` would fail; `failing_anew` of these are valid today."""

    looked_at: int
    there_are: int
    failing: int
    failing_anew: int
    kinds: list[FailingKind]

    @property
    def failing_share(self) -> float | None:
        return self.failing / self.looked_at if self.looked_at else None


@dataclass(frozen=True)
class Drafted:
    """The structure of `drafted_from` valid events among the newest `looked_at`, of `there_are` in all.

    `schema` is None when none was valid.
    """

    schema: dict[str, Any] | None
    drafted_from: int
    looked_at: int
    there_are: int


def trial(system: PartnerSystem, event_name: str, schema: Any, *, may_see: bool, last: int = USUAL) -> Trial:
    """The newest `last` events of this name, each asked as the ingest would ask it. Raises BadStructure.

    The examples say what this reader may see (see rules.privacy).
    """
    structure = Structure(schema)
    looked_at = failing = failing_anew = 0
    counts: dict[tuple[str, str], int] = {}
    examples: dict[tuple[str, str], Example] = {}
    for number, occurred_at, properties, is_valid, of_kind in _newest(system, event_name, last):
        looked_at += 1
        violations = structure.violations(properties)
        failing += bool(violations)
        failing_anew += bool(violations) and is_valid
        for kind, message in {(each.type, each.pointer): each.message for each in violations}.items():
            counts[kind] = counts.get(kind, 0) + 1
            told = shown_message(message, kind=of_kind, pointer=kind[1], may_see=may_see)
            examples.setdefault(kind, Example(number, occurred_at, told))
    frequent = sorted(counts, key=lambda kind: (-counts[kind], kind))[:MOST_KINDS]
    kinds = [FailingKind(*kind, counts[kind], examples[kind]) for kind in frequent]
    return Trial(looked_at, _there_are(system, event_name, looked_at), failing, failing_anew, kinds)


def drafted_from_events(system: PartnerSystem, event_name: str, *, last: int = USUAL) -> Drafted:
    """What the valid ones among the newest `last` events of this name have in common."""
    newest = [row[2:] for row in _newest(system, event_name, last)]
    samples = [properties for properties, is_valid, _ in newest if is_valid]
    are_about_people = any(kind in ABOUT_PEOPLE for _, _, kind in newest)
    schema = inferred(samples, are_about_people=are_about_people) if samples else None
    return Drafted(schema, len(samples), len(newest), _there_are(system, event_name, len(newest)))


def _newest(system: PartnerSystem, event_name: str, last: int) -> Iterator[tuple[UUID, datetime, Any, bool, str]]:
    rows = TrackedEvent.objects.filter(system_id=system.pk, name=event_name).order_by("-occurred_at", "-id")
    columns = rows.values_list("id", "occurred_at", "properties", "is_valid", "kind")
    return columns[: min(last, MOST)].iterator(chunk_size=1_000)


def _there_are(system: PartnerSystem, event_name: str, looked_at: int) -> int:
    """All events of this name, from the sums; what arrived between the two questions is not left out."""
    counts = HourCount.objects.filter(system_id=system.pk, name=event_name)
    return max(looked_at, counts.aggregate(events=Sum(F("valid") + F("invalid")))["events"] or 0)
