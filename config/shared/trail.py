"""The audit trail for changes made by a conditional UPDATE, which no model signal sees."""

from contextlib import suppress
from typing import Any

from auditlog.context import auditlog_value
from auditlog.models import LogEntry
from django.db import models


def note_change(instance: models.Model, **changes: tuple[Any, Any]) -> None:
    """Write `field=(old, new)` into the trail, under whoever is signed in. Equal values are left out."""
    told = {field: [str(old), str(new)] for field, (old, new) in changes.items() if str(old) != str(new)}
    if told:
        LogEntry.objects.log_create(instance, force_log=True, action=LogEntry.Action.UPDATE, changes=told)


def known_as(user: models.Model, *, by: str) -> None:
    """For the API, which knows who asks only once a view has begun: the trail names them, and by what, from here on."""
    with suppress(LookupError):
        auditlog_value.get().update(actor=user, additional_data={"by": by})
