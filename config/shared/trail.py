"""The audit trail for changes made by a conditional UPDATE, which no model signal sees."""

from typing import Any

from auditlog.models import LogEntry
from django.db import models


def note_change(instance: models.Model, **changes: tuple[Any, Any]) -> None:
    """Write `field=(old, new)` into the trail, under whoever is signed in. Equal values are left out."""
    told = {field: [str(old), str(new)] for field, (old, new) in changes.items() if str(old) != str(new)}
    if told:
        LogEntry.objects.log_create(instance, force_log=True, action=LogEntry.Action.UPDATE, changes=told)
