"""Recency, frequency and monetary scores of everybody, in one set-based pass (see docs/scores.md)."""

from datetime import datetime

from django.db import connection, transaction
from django.utils import timezone

from loyalty.rules.scores import GROUPS_IN_ORDER, NIGHT_BUYER_ORDERS


@transaction.atomic
def rescore(*, now: datetime) -> int:
    """Score everybody who ever bought, as of the day it is in the business's zone; how many they are."""
    values = {
        "today": timezone.localdate(now),
        "zone": timezone.get_current_timezone_name(),
        "groups": GROUPS_IN_ORDER,
        "night_buyer_orders": NIGHT_BUYER_ORDERS,
    }
    with connection.cursor() as cursor:
        cursor.execute(_FORGET)
        cursor.execute(_RESCORE, values)
        return int(cursor.rowcount)


_FORGET = """
    DELETE FROM loyalty_score score
    WHERE NOT EXISTS (SELECT FROM loyalty_memberstats stats WHERE stats.member_id = score.member_id AND stats.orders > 0)
"""
# A quintile counts the cut points below a value. width_bucket counts those not above it, hence the smallest step less.
_RESCORE = """
    WITH bought AS MATERIALIZED (
        SELECT member_id, orders, spent, night_orders,
               %(today)s::date - (last_ordered_at AT TIME ZONE %(zone)s)::date AS recency_days
        FROM loyalty_memberstats WHERE orders > 0
    ),
    cuts AS MATERIALIZED (
        SELECT percentile_disc(ARRAY[.2, .4, .6, .8]) WITHIN GROUP (ORDER BY recency_days) AS recency,
               percentile_disc(ARRAY[.2, .4, .6, .8]) WITHIN GROUP (ORDER BY orders) AS frequency,
               percentile_disc(ARRAY[.2, .4, .6, .8]) WITHIN GROUP (ORDER BY spent) AS monetary
        FROM bought
    ),
    scored AS (
        SELECT bought.*, 5 - width_bucket(recency_days - 1, cuts.recency) AS recency,
               1 + width_bucket(orders - 1, cuts.frequency) AS frequency,
               1 + width_bucket(spent - 0.01, cuts.monetary) AS monetary
        FROM bought CROSS JOIN cuts
    )
    INSERT INTO loyalty_score
        (member_id, as_of, recency_days, recency, frequency, monetary, "group", average_order, is_night_buyer)
    SELECT member_id, %(today)s, recency_days, recency, frequency, monetary,
           (%(groups)s::text[])[5 * (recency - 1) + (frequency + monetary + 1) / 2], round(spent / orders, 2),
           orders >= %(night_buyer_orders)s AND 2 * night_orders >= orders
    FROM scored
    ON CONFLICT (member_id) DO UPDATE SET
        as_of = excluded.as_of, recency_days = excluded.recency_days, recency = excluded.recency,
        frequency = excluded.frequency, monetary = excluded.monetary, "group" = excluded."group",
        average_order = excluded.average_order, is_night_buyer = excluded.is_night_buyer
"""
