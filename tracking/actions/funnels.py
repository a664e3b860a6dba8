"""Funnels people keep."""

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from config.shared.errors import DomainError
from config.shared.trail import note_change
from tracking.models import SavedFunnel
from tracking.rules.funnels import faults_of

Person = Any


class BadFunnel(DomainError):
    code = "bad_funnel"


class NameTaken(DomainError):
    code = "name_taken"


def save(
    *, name: str, definition: dict[str, Any], by: Person, now: datetime, funnel: SavedFunnel | None = None
) -> SavedFunnel:
    """A new one, or `funnel` changed. Raises BadFunnel, NameTaken."""
    name = name.strip()
    if faults := faults_of(definition):
        raise BadFunnel(" ".join(faults))
    if not 0 < len(name) <= 80:
        raise BadFunnel("Give the funnel a name of 80 characters at most.")
    try:
        with transaction.atomic():
            if funnel is None:
                return SavedFunnel.objects.create(
                    name=name, definition=definition, created_by_id=by and by.pk, created_at=now
                )
            SavedFunnel.objects.filter(pk=funnel.pk).update(name=name, definition=definition)
            note_change(funnel, name=(funnel.name, name), definition=(funnel.definition, definition))
    except IntegrityError:
        raise NameTaken(f"There is a funnel called {name} already.") from None
    funnel.refresh_from_db()
    return funnel


def put_aside(funnel: SavedFunnel, *, now: datetime) -> None:
    """It is offered no more. Segments that ask it go on."""
    if SavedFunnel.objects.filter(pk=funnel.pk, archived_at=None).update(archived_at=now):
        note_change(funnel, archived_at=("", now.isoformat()))
