"""A log that came out of a dump, in a server that has counted fewer transactions than the one it comes from.

A dump holds the numbers of the transactions as they were. Where they lie above those that the new server gives out,
followers would wait for transactions that ended long ago, and pass over new events as if they had read them. So the log
gets small numbers, in the same order, and every follower's place moves along: none misses an event, and none reads one
again.
"""

from itertools import chain

from django.db import connection, transaction

from tracking import bus
from tracking.models import Event, Projection, ReceivedEvent
from tracking.queries.log import AHEAD, is_ahead_of_its_server

LAST_ID = 2**63 - 1
NEVER = 2**31 - 1  # Older than any row: then nothing here was restored, but for the places of followers.
Place = tuple[int, int]  # (transaction id, event id): everything up to it was read.

# What was restored is older, as rows go, than anything recorded here: the last of it is a row ahead of this server.
_RESTORED = f"SELECT min(age(xmin)) FROM {{log}} WHERE {AHEAD}"

# Numbers below are free: no transaction of this server that recorded something has one of them.
_FREE = """
    SELECT least(pg_snapshot_xmin(pg_current_snapshot())::text::bigint, min(transaction_id::text::bigint))
    FROM {log} WHERE age(xmin) < %(restored)s
"""

# Followers' places cut the log into segments of `width` numbers. Where a segment has more transactions than that, some
# that follow each other share a number.
_RENUMBER = """
    WITH ranked AS (
        SELECT log.tableoid AS part, log.ctid AS spot, segment,
               dense_rank() OVER (PARTITION BY segment ORDER BY log.transaction_id) - 1 AS rank
        FROM {log} log CROSS JOIN LATERAL (
            SELECT count(*) AS segment
            FROM unnest(%(transactions)s::bigint[], %(events)s::bigint[]) AS place (tx, event)
            WHERE (place.tx, place.event) < (log.transaction_id::text::bigint, {event})
        ) cut
        WHERE age(log.xmin) >= %(restored)s
    ),
    numbered AS (
        SELECT part, spot, 1 + segment * %(width)s
               + rank * %(width)s / greatest(max(rank) OVER (PARTITION BY segment) + 1, %(width)s) AS number
        FROM ranked
    )
    UPDATE {log} log SET transaction_id = number::text::xid8
    FROM numbered WHERE (log.tableoid, log.ctid) = (part, spot)
"""


@transaction.atomic
def renumber_after_restore() -> bool:
    """Give a restored log numbers that this server is past. False when it has them already.

    Nobody can record anything meanwhile. What was recorded here since the restore comes after what was restored.
    """
    own, received = Event._meta.db_table, ReceivedEvent._meta.db_table
    projections = list(Projection.objects.select_for_update().order_by("pk"))
    with connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {own}, {received} IN EXCLUSIVE MODE")
    if not is_ahead_of_its_server():
        return False
    ages = chain(_row(_RESTORED.format(log=own)), _row(_RESTORED.format(log=received)))
    restored = min(filter(None, ages), default=NEVER)
    of_received = {follower.name for follower in bus.followers() if isinstance(follower, bus.ReceivedFollower)}
    _renumber(own, "log.id", [row for row in projections if row.name not in of_received], restored)
    _renumber(received, "0", [row for row in projections if row.name in of_received], restored)
    return True


def _renumber(log: str, event: str, projections: list[Projection], restored: int) -> None:
    """`event` tells rows of one transaction apart; a follower of what was received reads these at once."""
    reads_single = event != "0"
    places = {row.pk: (int(row.transaction_id), row.event_id if reads_single else LAST_ID) for row in projections}
    cuts = sorted(set(places.values()))
    (free,) = _row(_FREE.format(log=log), {"restored": restored})
    width = (free - 1) // (len(cuts) + 1)
    with connection.cursor() as cursor:
        cursor.execute(
            _RENUMBER.format(log=log, event=event),
            {
                "transactions": [transaction_id for transaction_id, _ in cuts],
                "events": [event_id for _, event_id in cuts],
                "width": width,
                "restored": restored,
            },
        )
    for pk, place in places.items():
        upto = (cuts.index(place) + 1) * width
        Projection.objects.filter(pk=pk).update(transaction_id=upto, event_id=LAST_ID if reads_single else 0)


def _row(statement: str, asked: dict[str, int] | None = None) -> tuple[int, ...]:
    with connection.cursor() as cursor:
        cursor.execute(statement, asked)
        return tuple(cursor.fetchone())
