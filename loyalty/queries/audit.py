"""Who changed what, from the one table every change is written to."""

from auditlog.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q, QuerySet

VERBS = {LogEntry.Action.CREATE: "made", LogEntry.Action.UPDATE: "changed", LogEntry.Action.DELETE: "removed"}


def changes(*, search: str = "", model: str = "") -> QuerySet[LogEntry]:
    """Newest first. `search` is looked for in the thing's name, the person's email and the values themselves."""
    rows = LogEntry.objects.select_related("actor", "content_type").order_by("-timestamp", "-pk")
    if model:
        rows = rows.filter(content_type__model=model)
    if search:
        rows = rows.filter(
            Q(object_repr__icontains=search) | Q(actor__email__icontains=search) | Q(changes_text__icontains=search)
            | Q(changes__icontains=search)
        )
    return rows


def models_changed() -> list[tuple[str, str]]:
    """(model, its name in words) of everything the trail knows."""
    kinds = LogEntry.objects.order_by().values_list("content_type", flat=True).distinct()
    return sorted((kind.model, kind.name.capitalize()) for kind in ContentType.objects.filter(pk__in=kinds))
