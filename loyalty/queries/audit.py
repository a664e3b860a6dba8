"""Who changed what, from the one table every change is written to."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from auditlog.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q, QuerySet

IDS, EMPTY = ("id", "public_id"), ("", "None", None)
VERBS = {LogEntry.Action.CREATE: "Made", LogEntry.Action.UPDATE: "Changed", LogEntry.Action.DELETE: "Removed"}


@dataclass(frozen=True)
class Change:
    """One line of the trail, in words: the same on the page and in the CSV."""

    at: datetime
    who: str
    verb: str
    kind: str
    thing: str
    values: str


def changes(*, search: str = "", model: str = "") -> QuerySet[LogEntry]:
    """Newest first. `search` is looked for in the thing's name, the person's email and the values themselves."""
    rows = LogEntry.objects.select_related("actor", "content_type").order_by("-timestamp", "-pk")
    if model:
        rows = rows.filter(content_type__model=model)
    if search:
        rows = rows.filter(
            Q(object_repr__icontains=search)
            | Q(actor__email__icontains=search)
            | Q(changes_text__icontains=search)
            | Q(changes__icontains=search)
        )
    return rows


def in_words(entry: LogEntry) -> Change:
    return Change(
        at=entry.timestamp,
        who=_who(entry),
        verb=VERBS.get(entry.action, ""),
        kind=entry.content_type.name,
        thing=entry.object_repr,
        values="; ".join(_told(entry)),
    )


def _who(entry: LogEntry) -> str:
    """The person, and the token when a script spoke for them; or the till or member who did it themselves."""
    by = (entry.additional_data or {}).get("by")
    if entry.actor is None:
        return by or "The product itself"
    return f"{entry.actor.email} by {by}" if by else entry.actor.email


def models_changed() -> list[tuple[str, str]]:
    """(model, its name in words) of everything the trail knows."""
    kinds = LogEntry.objects.order_by().values_list("content_type", flat=True).distinct()
    return sorted((kind.model, kind.name.capitalize()) for kind in ContentType.objects.filter(pk__in=kinds))


def _told(entry: LogEntry) -> Iterator[str]:
    """`name: Ada → Grace` for a value, `groups: add Viewer` for what was put into a relation or taken out.

    Of what was made only what it says: `name: Ada`, without its ids, what is empty, and what may point at it one day.
    """
    is_made = entry.action == LogEntry.Action.CREATE
    for field, values in (entry.changes or {}).items():
        if isinstance(values, dict):
            yield f"{field}: {values['operation']} {', '.join(values['objects'])}"
        elif not is_made:
            yield f"{field}: {values[0]} → {values[1]}"
        elif field not in IDS and values[1] not in EMPTY and not _is_reverse(entry, field):
            yield f"{field}: {values[1]}"


def _is_reverse(entry: LogEntry, field: str) -> bool:
    """Whether other rows point at it by this name. A field that is gone since does not."""
    model = entry.content_type.model_class()
    known = {each.name: each for each in model._meta.get_fields()} if model else {}
    return field in known and (known[field].auto_created or known[field].many_to_many)
