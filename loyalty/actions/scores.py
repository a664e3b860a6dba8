"""Recency, frequency and monetary scores of everybody, in one set-based pass (see docs/scores.md)."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from loyalty.models import Scoring
from loyalty.queries.scores import members_by_group
from loyalty.queries.segments import start_of_day
from loyalty.rules.scores import GROUPS_IN_ORDER, NIGHT_BUYER_ORDERS


@dataclass(frozen=True)
class Rescored:
    """How many scores were written because they changed, and how many members each group has now."""

    written: int
    groups: dict[str, int]


@transaction.atomic
def rescore(*, now: datetime) -> Rescored:
    """Score everybody who ever bought, as of the day it is in the business's zone.

    Writes only the scores that moved. Readers are never locked out; a second pass waits for the first.
    """
    with connection.cursor() as cursor:
        cursor.execute(_SETTINGS)
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('loyalty.rescore'))")
        scoring = _cut(cursor, now)
        cursor.execute(_FIND_MOVED, _cuts_of(scoring, now))
        cursor.execute(_DELETE_GONE)
        cursor.execute(_COUNT_MOVES, {"day": scoring.as_of})
        cursor.execute(_WRITE_MOVED)
        written = cursor.rowcount
    scoring.save()
    return Rescored(written=written, groups=members_by_group())


def _cut(cursor: CursorWrapper, now: datetime) -> Scoring:
    """Where the cuts between the quintiles fall today, from the worst to the best."""
    cursor.execute(_CUTS)
    cuts = dict(cursor.fetchall())
    days = [timezone.localdate(datetime.fromisoformat(cut)) for cut in reversed(cuts["recency"] or ())]
    return Scoring(
        pk=1,
        as_of=timezone.localdate(now),
        scored_at=now,
        recency_cuts=days,
        frequency_cuts=[int(cut) for cut in cuts["frequency"] or ()],
        monetary_cuts=[Decimal(cut) / 100 for cut in cuts["monetary"] or ()],
    )


def _cuts_of(scoring: Scoring, now: datetime) -> dict[str, Any]:
    """Days as the moments they begin, so that no member's own moment needs to be turned into a day."""
    return {
        "recency": [_midnight(day, now) for day in scoring.recency_cuts],
        "frequency": scoring.frequency_cuts,
        "monetary": scoring.monetary_cuts,
        "groups": GROUPS_IN_ORDER,
        "night_buyer_orders": NIGHT_BUYER_ORDERS,
    }


def _midnight(day: date, now: datetime) -> datetime:
    return start_of_day(now, (timezone.localdate(now) - day).days)


# For this transaction only. The planner must not fear to hand a million rows from worker to leader: few are handed.
_SETTINGS = "SET LOCAL work_mem = '64MB'; SET LOCAL parallel_tuple_cost = 0"

# One branch for each, so that parallel workers sort them side by side. Cents as integers sort twice as fast as
# decimals, and only the cuts are turned into days: the day of the n-th moment is the n-th day.
_CUTS = """
    SELECT 'recency', (percentile_disc(ARRAY[.2, .4, .6, .8]) WITHIN GROUP (ORDER BY last_ordered_at DESC))::text[]
    FROM loyalty_memberstats WHERE orders > 0
    UNION ALL
    SELECT 'frequency', (percentile_disc(ARRAY[.2, .4, .6, .8]) WITHIN GROUP (ORDER BY orders))::text[]
    FROM loyalty_memberstats WHERE orders > 0
    UNION ALL
    SELECT 'monetary', (percentile_disc(ARRAY[.2, .4, .6, .8]) WITHIN GROUP (ORDER BY (100 * spent)::bigint))::text[]
    FROM loyalty_memberstats WHERE orders > 0
"""

# Frequency and monetary count the cuts below a value: who bought once is in the worst fifth, however many they are.
# Recency counts the cuts reached: who bought today is in the best. width_bucket counts those reached: hence the steps
# less.
_FIND_MOVED = """
    DROP TABLE IF EXISTS moved;
    CREATE TEMPORARY TABLE moved ON COMMIT DROP AS
    SELECT score.member_id AS gone_id, score."group" AS old_group, current.*
    FROM (
        SELECT quintiles.*, (%(groups)s::text[])[5 * (recency - 1) + (frequency + monetary + 1) / 2] AS "group"
        FROM (
            SELECT member_id,
                   (1 + width_bucket(last_ordered_at, %(recency)s::timestamptz[]))::smallint AS recency,
                   (1 + width_bucket(orders - 1, %(frequency)s::int[]))::smallint AS frequency,
                   (1 + width_bucket(spent - 0.01, %(monetary)s::numeric[]))::smallint AS monetary,
                   orders >= %(night_buyer_orders)s AND 2 * night_orders >= orders AS is_night_buyer
            FROM loyalty_memberstats WHERE orders > 0
        ) quintiles
    ) current
    FULL JOIN loyalty_score score USING (member_id)
    WHERE current.member_id IS NULL OR score.member_id IS NULL
       OR current.recency <> score.recency OR current.frequency <> score.frequency OR current.monetary <> score.monetary
       OR current."group" <> score."group" OR current.is_night_buyer <> score.is_night_buyer
"""
_DELETE_GONE = (
    "DELETE FROM loyalty_score USING moved WHERE moved.member_id IS NULL AND loyalty_score.member_id = gone_id"
)
_WRITE_MOVED = """
    INSERT INTO loyalty_score (member_id, recency, frequency, monetary, "group", is_night_buyer)
    SELECT member_id, recency, frequency, monetary, "group", is_night_buyer FROM moved WHERE member_id IS NOT NULL
    ON CONFLICT (member_id) DO UPDATE SET
        recency = excluded.recency, frequency = excluded.frequency, monetary = excluded.monetary,
        "group" = excluded."group", is_night_buyer = excluded.is_night_buyer
"""
# How many went where, and not who: from nothing for the first score, to nothing for the last.
_COUNT_MOVES = """
    INSERT INTO loyalty_groupmove AS known (day, from_group, to_group, members)
    SELECT %(day)s, coalesce(old_group, ''), coalesce("group", ''), count(*)
    FROM moved WHERE old_group IS DISTINCT FROM "group" GROUP BY 2, 3
    ON CONFLICT (day, from_group, to_group) DO UPDATE SET members = known.members + excluded.members
"""
