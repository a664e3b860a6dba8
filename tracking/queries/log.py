from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import QuerySet

from tracking import bus
from tracking.models import Dispatch, Event, Projection, ReceivedEvent

# No transaction that has ended can be there; our own can, for a snapshot does not know it yet.
AHEAD = (
    "transaction_id >= pg_snapshot_xmax(pg_current_snapshot()) "
    "AND transaction_id IS DISTINCT FROM pg_current_xact_id_if_assigned()"
)


def is_ahead_of_its_server() -> bool:
    """True where a dump of a server that had counted more transactions was restored: see tracking.actions.restored."""
    tables = (model._meta.db_table for model in (Event, ReceivedEvent, Projection))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {' OR '.join(f'EXISTS (SELECT FROM {table} WHERE {AHEAD})' for table in tables)}")
        return bool(cursor.fetchone()[0])


def owed_dispatches(now: datetime) -> QuerySet[Dispatch]:
    return Dispatch.objects.filter(done_at=None, due_at__lte=now).order_by("due_at", "pk")


def failing_dispatches() -> QuerySet[Dispatch]:
    return Dispatch.objects.filter(done_at=None, attempts__gt=0).select_related("event").order_by("-due_at")


def events(*, name: str = "", subject: str = "", before: int | None = None) -> QuerySet[Event]:
    """The log, newest first; `before` is the id of the last row already seen."""
    rows = Event.objects.order_by("-pk")
    if name:
        rows = rows.filter(name=name)
    if subject:
        rows = rows.filter(subject=subject)
    return rows if before is None else rows.filter(pk__lt=before)


def event_names() -> list[str]:
    """Every name in the log, by jumping from name to name in the index instead of reading the whole log."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH RECURSIVE names AS (
                (SELECT name FROM {Event._meta.db_table} ORDER BY name LIMIT 1)
                UNION ALL
                SELECT (SELECT event.name FROM {Event._meta.db_table} event WHERE event.name > names.name
                        ORDER BY event.name LIMIT 1)
                FROM names WHERE names.name IS NOT NULL
            )
            SELECT name FROM names WHERE name IS NOT NULL
            """
        )
        return [row[0] for row in cursor.fetchall()]


def events_about(subject: str) -> QuerySet[Event]:
    return Event.objects.filter(subject=subject).order_by("-occurred_at", "-pk")


@dataclass(frozen=True)
class FollowerState:
    """One projection as the operator wants to see it. `behind_seconds` is the age of the oldest unread event."""

    name: str
    behind_seconds: float
    advanced_at: datetime | None
    rebuilt_at: datetime | None
    failed_at: datetime | None
    last_error: str


def follower_states() -> list[FollowerState]:
    known = {projection.name: projection for projection in Projection.objects.all()}
    states = []
    for follower in bus.followers():
        projection = known.get(follower.name, Projection(name=follower.name))
        states.append(
            FollowerState(
                name=follower.name,
                behind_seconds=_lag_of(follower, projection),
                advanced_at=projection.advanced_at,
                rebuilt_at=projection.rebuilt_at,
                failed_at=projection.failed_at,
                last_error=projection.last_error,
            )
        )
    return states


def events_left(name: str) -> int:
    """How many events of our own log a follower has not read yet."""
    projection = Projection.objects.filter(name=name).first() or Projection(name=name)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM {Event._meta.db_table} WHERE (transaction_id, id) > (%s::xid8, %s)",
            [str(projection.transaction_id), projection.event_id],
        )
        return int(cursor.fetchone()[0])


def _lag_of(follower: bus.Follower | bus.ReceivedFollower, projection: Projection) -> float:
    """Age of the oldest unread event; whole transactions of what was received are read at once."""
    if isinstance(follower, bus.ReceivedFollower):
        table, column = ReceivedEvent._meta.db_table, "received_at"
        unread, order, place = "transaction_id > %s::xid8", "transaction_id", [str(projection.transaction_id)]
    else:
        table, column = Event._meta.db_table, "recorded_at"
        unread, order = "(transaction_id, id) > (%s::xid8, %s)", "transaction_id, id"
        place = [str(projection.transaction_id), str(projection.event_id)]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT extract(epoch FROM now() - {column}) FROM {table} WHERE {unread} ORDER BY {order} LIMIT 1",
            place,
        )
        row = cursor.fetchone()
    return max(0.0, float(row[0])) if row else 0.0
