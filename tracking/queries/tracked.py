"""The events themselves, each once: lists, one person's timeline, and what is wrong with the invalid ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet, TextField
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from tracking.models import TrackedEvent
from tracking.queries import people, places
from tracking.rules.privacy import ABOUT_PEOPLE, shown_message


@dataclass(frozen=True)
class PropertyIs:
    """The property at `path` (names, outermost first), as text, is one of `values`; with none, it is there at all."""

    path: tuple[str, ...]
    values: tuple[str, ...] = ()


def properties_of(written: str) -> tuple[PropertyIs, ...]:
    """`plan=gold|silver; cart.total`: names from outside in, with dots; a value, several, or that it is there."""
    found = []
    for part in filter(None, (part.strip() for part in written.split(";"))):
        path, is_given, values = part.partition("=")
        names = tuple(filter(None, (name.strip() for name in path.split("."))))
        if names:
            found.append(PropertyIs(names, tuple(value.strip() for value in values.split("|")) if is_given else ()))
    return tuple(found)


@dataclass(frozen=True)
class Wanted:
    """Which events: of these systems, and where something is given, only those it fits.

    `hides_people`: what events about people say of them is no reason to find one (see rules.privacy).
    """

    system_ids: tuple[int, ...]
    names: tuple[str, ...] = ()
    person: str = ""
    is_valid: bool | None = None
    error_type: str = ""
    error_pointer: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    properties: tuple[PropertyIs, ...] = ()
    hides_people: bool = False


@dataclass(frozen=True)
class Place:
    """A place in a list that has the newest first; the next page begins behind it."""

    occurred_at: datetime
    id: UUID

    def __str__(self) -> str:
        return places.written(self.occurred_at, str(self.id))

    @classmethod
    def read(cls, text: str) -> "Place":
        """Raises BadPlace for anything but what `str()` gave."""
        occurred_at, number = places.read(text)
        try:
            return cls(occurred_at, UUID(number))
        except ValueError:
            raise places.BadPlace from None

    @classmethod
    def of(cls, event: TrackedEvent) -> "Place":
        return cls(event.occurred_at, event.pk)


def tracked(wanted: Wanted, *, before: Place | None = None) -> QuerySet[TrackedEvent]:
    """Newest first; slice it for a page."""
    rows = TrackedEvent.objects.filter(system_id__in=wanted.system_ids).order_by("-occurred_at", "-id")
    if wanted.names:
        rows = rows.filter(name__in=wanted.names)
    if wanted.person:
        rows = rows.filter(person=wanted.person)
    if wanted.is_valid is not None:
        rows = rows.filter(is_valid=wanted.is_valid)
    if wanted.error_type:
        fault = {"type": wanted.error_type}
        if wanted.error_pointer is not None:
            fault["pointer"] = wanted.error_pointer
        rows = rows.filter(is_valid=False, errors__contains=[fault])
    if wanted.since:
        rows = rows.filter(occurred_at__gte=wanted.since)
    if wanted.until:
        rows = rows.filter(occurred_at__lt=wanted.until)
    if wanted.properties and wanted.hides_people:
        rows = rows.exclude(kind__in=ABOUT_PEOPLE)
    for number, condition in enumerate(wanted.properties):
        rows = _where(rows, condition, f"property_{number}")
    if before:
        older = Q(occurred_at__lt=before.occurred_at) | Q(occurred_at=before.occurred_at, id__lt=before.id)
        rows = rows.filter(Q(occurred_at__lte=before.occurred_at) & older)
    return rows


def _where(rows: QuerySet[TrackedEvent], condition: PropertyIs, alias: str) -> QuerySet[TrackedEvent]:
    value: Any = "properties"
    for name in condition.path:
        value = KeyTextTransform(name, value)
    rows = rows.alias(**{alias: Cast(value, TextField())})
    return rows.filter(**({f"{alias}__in": condition.values} if condition.values else {f"{alias}__isnull": False}))


def timeline(partner_id: int, person: str, *, before: Place | None = None) -> QuerySet[TrackedEvent]:
    """What somebody did in all of a partner's systems, under whichever of their ids, newest first."""
    return tracked(
        Wanted(people.systems_of(partner_id), person=people.person_called(partner_id, person)), before=before
    )


@dataclass(frozen=True)
class ErrorCount:
    """`events` have this fault. `pointer` leads into the properties.

    `example` is the newest message of this fault, as this reader may see it.
    """

    name: str
    type: str
    pointer: str
    events: int
    example: str


def errors(
    system_ids: Sequence[int], *, since: datetime, until: datetime, may_see: bool, limit: int = 100
) -> list[ErrorCount]:
    """What is wrong with invalid events, the most frequent fault first."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT name, error->>'type', error->>'pointer', count(DISTINCT id),
                   (array_agg(error->>'message' ORDER BY occurred_at DESC, id))[1],
                   (array_agg(kind ORDER BY occurred_at DESC, id))[1]
            FROM tracking_trackedevent, jsonb_array_elements(errors) error
            WHERE system_id = ANY(%s) AND occurred_at >= %s AND occurred_at < %s AND NOT is_valid
            GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3 LIMIT %s
            """,
            [list(system_ids), since, until, limit],
        )
        return [
            ErrorCount(name, fault, pointer, count, shown_message(text, kind=kind, pointer=pointer, may_see=may_see))
            for name, fault, pointer, count, text, kind in cursor.fetchall()
        ]
