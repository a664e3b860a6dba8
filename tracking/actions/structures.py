"""What events should look like: drafted, published, retired. One draft and one published version at a time."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max

from config.shared.errors import DomainError
from config.shared.trail import note_change
from tracking.models import EventStructure, PartnerSystem
from tracking.rules import schema_text, structures
from tracking.rules.differences import differences

Status = EventStructure.Status
Person = Any


class BadSchema(DomainError):
    """The message says what is wrong with the schema; `path` leads to it."""

    code = "bad_schema"

    def __init__(self, fault: structures.BadStructure) -> None:
        super().__init__(str(fault))
        self.path = fault.path


class NothingToCheck(DomainError):
    code = "nothing_to_check"


class WrongState(DomainError):
    code = "wrong_state"


@transaction.atomic
def draft(*, system: PartnerSystem, event_name: str, schema: Any, by: Person) -> EventStructure:
    """The next version of this event's structure, or its present draft changed. Raises BadSchema, NothingToCheck."""
    if system.is_own:
        raise NothingToCheck("The shop's own events are always as they should be; there is nothing to check.")
    _refuse_bad(schema)
    PartnerSystem.objects.select_for_update().get(pk=system.pk)
    versions = EventStructure.objects.filter(system=system, event_name=event_name)
    present = versions.filter(status=Status.DRAFT).first()
    if present is not None:
        EventStructure.objects.filter(pk=present.pk).update(schema=schema)
        note_change(present, schema=("", "; ".join(map(str, differences(present.schema, schema)))))
        present.refresh_from_db()
        return present
    newest = versions.aggregate(newest=Max("version"))["newest"] or 0
    return EventStructure.objects.create(
        system=system, event_name=event_name, version=newest + 1, schema=schema, created_by=by
    )


@transaction.atomic
def publish(structure: EventStructure, *, now: datetime) -> None:
    """From this commit on events are checked against it; the version before it is retired. Raises WrongState."""
    PartnerSystem.objects.select_for_update().get(pk=structure.system_id)
    in_force = EventStructure.objects.filter(
        system_id=structure.system_id, event_name=structure.event_name, status=Status.PUBLISHED
    ).first()
    if in_force is not None:
        retire(in_force, now=now)
    drafts = EventStructure.objects.filter(pk=structure.pk, status=Status.DRAFT)
    if not drafts.update(status=Status.PUBLISHED, published_at=now):
        raise WrongState("Only a draft can be published. Make a new version first.")
    note_change(structure, status=(Status.DRAFT, Status.PUBLISHED))


@transaction.atomic
def retire(structure: EventStructure, *, now: datetime) -> None:
    """Events of this name are unplanned again, and pass unchecked. Raises WrongState."""
    published = EventStructure.objects.filter(pk=structure.pk, status=Status.PUBLISHED)
    if not published.update(status=Status.RETIRED, retired_at=now):
        raise WrongState("Only a published structure can be retired.")
    note_change(structure, status=(Status.PUBLISHED, Status.RETIRED))


def discard(structure: EventStructure) -> None:
    """Drop a draft. Raises WrongState."""
    if not EventStructure.objects.filter(pk=structure.pk, status=Status.DRAFT).delete()[0]:
        raise WrongState("Only a draft can be dropped; what was in force once stays on record.")


def _refuse_bad(schema: Any) -> None:
    try:
        schema_text.refuse_unstorable(schema)
        structures.Structure(schema)
    except structures.BadStructure as fault:
        raise BadSchema(fault) from None
