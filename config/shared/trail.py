"""The audit trail for changes made by a conditional UPDATE, which no model signal sees."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from auditlog.context import auditlog_value
from auditlog.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import models


def note_change(instance: models.Model, **changes: tuple[Any, Any]) -> None:
    """Write `field=(old, new)` into the trail, under whoever is signed in. Equal values are left out."""
    told = {field: [str(old), str(new)] for field, (old, new) in changes.items() if str(old) != str(new)}
    if told:
        LogEntry.objects.log_create(instance, force_log=True, action=LogEntry.Action.UPDATE, changes=told)


def note_made(instance: models.Model, **values: Any) -> None:
    """Write into the trail that this row is new, where SQL and not its model has written it."""
    told = {field: ["None", str(value)] for field, value in values.items()}
    LogEntry.objects.log_create(instance, force_log=True, action=LogEntry.Action.CREATE, changes=told)


def forget_values(model: type[models.Model], ids: Iterable[int], *, called: str) -> None:
    """That these rows changed, when and by whom stays in the trail; what stood in them does not."""
    kind = ContentType.objects.get_for_model(model)
    entries = LogEntry.objects.filter(content_type=kind, object_id__in=list(ids))
    entries.update(changes={}, changes_text="", serialized_data=None, object_repr=called)


def known_as(user: models.Model, *, by: str) -> None:
    """For the API, which knows who asks only once a view has begun: the trail names them, and by what, from here on."""
    with suppress(LookupError):
        auditlog_value.get().update(actor=user, additional_data={"by": by})


def spoken_for(by: str) -> None:
    """As `known_as`, for a till or a member, nobody of the shop's. Where they asked from is not written down."""
    with suppress(LookupError):
        auditlog_value.get().update(remote_addr=None, remote_port=None, additional_data={"by": by})
