"""What else a member tells by what they buy: what comes next, how much is bought at a discount, and on which day.

What comes next is what others bought who bought the same: goods are alike as far as the same members buy them (cosine
of their buyers), and a member is offered the goods most alike to the last ones they bought. See docs/forecasts.md for
the rules; sets, not rows, all of it.
"""

from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

DAYS = 365
LAST_PRODUCTS, NEIGHBOURS = 8, 10
LEAST_BUYERS, LEAST_TOGETHER = 5, 3
MOST_PRODUCTS, MOST_LEARNED_FROM = 60, 200_000
LEAST_WEEKDAYS, LEAST_DAYS = 2, 4
SEED = 1998


@transaction.atomic
def learn(day: date) -> int:
    """Bring the habits of everybody who has a forecast up to date; how many were written because they changed."""
    zone = timezone.get_default_timezone()
    parameters: dict[str, Any] = {
        "since": timezone.make_aware(datetime.combine(day - timedelta(days=DAYS - 1), time.min), zone),
        "zone": str(zone),
        "last_products": LAST_PRODUCTS,
        "neighbours": NEIGHBOURS,
        "least_buyers": LEAST_BUYERS,
        "least_together": LEAST_TOGETHER,
        "most_products": MOST_PRODUCTS,
        "most_learned_from": MOST_LEARNED_FROM,
        "least_weekdays": LEAST_WEEKDAYS,
        "least_days": LEAST_DAYS,
        "seed": SEED,
    }
    with connection.cursor() as cursor:
        for statement in (_ROOM, *_STEPS):
            cursor.execute(statement, parameters)
        cursor.execute(_WRITE_CHANGED)
        written = cursor.rowcount
        cursor.execute(_DROP)
    return written


_ROOM = "SET LOCAL work_mem = '128MB'"
_DROP = """
    DROP TABLE habit_bought, habit_buyers, habit_alike, habit_candidates, habit_next, habit_category, habit_discount,
               habit_weekday
"""
_STEPS = (
    """
    CREATE TEMPORARY TABLE habit_bought ON COMMIT DROP AS
    SELECT o.member_id, line.product_id, max(o.ordered_at) AS last_at, sum(line.amount) AS amount,
           coalesce(sum(line.amount) FILTER (WHERE line.discount > 0), 0) AS discounted,
           row_number() OVER (PARTITION BY o.member_id ORDER BY max(o.ordered_at) DESC, line.product_id) AS place
    FROM loyalty_order o JOIN loyalty_orderline line ON line.order_id = o.id
    WHERE o.member_id IS NOT NULL AND o.voided_at IS NULL AND o.ordered_at >= %(since)s
      AND line.quantity > 0 AND line.amount >= 0
    GROUP BY o.member_id, line.product_id
    """,
    "ANALYZE habit_bought",
    # Who tells what goes together: everybody, or a part that is the same for the same members; the latest goods each.
    """
    CREATE TEMPORARY TABLE habit_buyers ON COMMIT DROP AS
    WITH members AS (SELECT count(DISTINCT member_id) AS n FROM habit_bought),
         asked AS (
             SELECT member_id, product_id FROM habit_bought, members
             WHERE place <= %(most_products)s
               AND hashint8extended(member_id, %(seed)s) & 1048575
                   < ceil(1048576.0 * %(most_learned_from)s / greatest(n, 1))
         ),
         bought AS (SELECT product_id, count(*) AS buyers FROM asked GROUP BY product_id)
    SELECT asked.member_id, product_id, buyers FROM asked JOIN bought USING (product_id)
    WHERE buyers >= %(least_buyers)s
    """,
    "ANALYZE habit_buyers",
    """
    CREATE TEMPORARY TABLE habit_alike ON COMMIT DROP AS
    SELECT product_id, candidate_id, alike FROM (
        SELECT together.*,
               row_number() OVER (PARTITION BY product_id ORDER BY alike DESC, candidate_id) AS place
        FROM (
            SELECT one.product_id, other.product_id AS candidate_id,
                   count(*) / sqrt(one.buyers::float8 * other.buyers) AS alike
            FROM habit_buyers one JOIN habit_buyers other USING (member_id)
            WHERE other.product_id <> one.product_id
            GROUP BY one.product_id, other.product_id, one.buyers, other.buyers
            HAVING count(*) >= %(least_together)s
        ) together
        JOIN loyalty_product candidate ON candidate.id = candidate_id AND candidate.is_in_stock IS NOT FALSE
    ) ranked
    WHERE place <= %(neighbours)s
    """,
    "ANALYZE habit_alike",
    """
    CREATE TEMPORARY TABLE habit_candidates ON COMMIT DROP AS
    SELECT bought.member_id, alike.candidate_id, sum(alike.alike) AS alike
    FROM habit_bought bought JOIN habit_alike alike ON alike.product_id = bought.product_id
    WHERE bought.place <= %(last_products)s
    GROUP BY bought.member_id, alike.candidate_id
    """,
    # What they buy already counts once for each of their last products; what goes with it, as far as it does.
    """
    CREATE TEMPORARY TABLE habit_category ON COMMIT DROP AS
    SELECT DISTINCT ON (member_id) member_id, category FROM (
        SELECT member_id, product.category, sum(alike) AS alike
        FROM (
            SELECT member_id, candidate_id AS product_id, alike FROM habit_candidates
            UNION ALL
            SELECT member_id, product_id, 1 FROM habit_bought WHERE place <= %(last_products)s
        ) liked
        JOIN loyalty_product product ON product.id = product_id
        WHERE product.category <> ''
        GROUP BY member_id, product.category
    ) by_category
    ORDER BY member_id, alike DESC, category
    """,
    # New to them, and of the category they are likely to buy, if there is any.
    """
    CREATE TEMPORARY TABLE habit_next ON COMMIT DROP AS
    SELECT DISTINCT ON (member_id) member_id, candidate_id AS product_id
    FROM habit_candidates candidate
    JOIN loyalty_product product ON product.id = candidate_id
    LEFT JOIN habit_category likely USING (member_id)
    WHERE NOT EXISTS (
        SELECT FROM habit_bought known
        WHERE known.member_id = candidate.member_id AND known.product_id = candidate.candidate_id
    )
    ORDER BY member_id, product.category = likely.category DESC NULLS LAST, alike DESC, candidate_id
    """,
    # Where no line says a discount, nobody's share is known: that is not the same as none.
    """
    CREATE TEMPORARY TABLE habit_discount ON COMMIT DROP AS
    SELECT member_id, round((sum(discounted) / sum(amount))::numeric, 4)::float8 AS share
    FROM habit_bought
    WHERE EXISTS (SELECT FROM habit_bought WHERE discounted > 0)
    GROUP BY member_id HAVING sum(amount) > 0
    """,
    """
    CREATE TEMPORARY TABLE habit_weekday ON COMMIT DROP AS
    SELECT member_id, weekday FROM (
        SELECT member_id, weekday, days, sum(days) OVER everywhere AS all_days,
               row_number() OVER from_most AS place, lead(days, 1, 0::bigint) OVER from_most AS second
        FROM (
            SELECT member_id, (extract(isodow FROM day) - 1)::smallint AS weekday, count(*) AS days
            FROM (
                SELECT DISTINCT member_id, (ordered_at AT TIME ZONE %(zone)s)::date AS day FROM loyalty_order
                WHERE member_id IS NOT NULL AND voided_at IS NULL AND total >= 0 AND ordered_at >= %(since)s
            ) purchases
            GROUP BY 1, 2
        ) counted
        WINDOW everywhere AS (PARTITION BY member_id), from_most AS (PARTITION BY member_id ORDER BY days DESC, weekday)
    ) ranked
    WHERE place = 1 AND days > second AND days >= %(least_weekdays)s AND all_days >= %(least_days)s
    """,
    "ANALYZE habit_next, habit_category, habit_discount, habit_weekday",
)
_WRITE_CHANGED = """
    UPDATE loyalty_forecast forecast
    SET next_product_id = found.product_id, next_category = found.category, discount_share = found.share,
        best_weekday = found.weekday
    FROM (
        SELECT known.member_id, following.product_id, coalesce(sort.category, '') AS category,
               discount.share, best.weekday
        FROM loyalty_forecast known
        LEFT JOIN habit_next following USING (member_id)
        LEFT JOIN habit_category sort USING (member_id)
        LEFT JOIN habit_discount discount USING (member_id)
        LEFT JOIN habit_weekday best USING (member_id)
    ) found
    WHERE forecast.member_id = found.member_id
      AND (forecast.next_product_id, forecast.next_category, forecast.discount_share, forecast.best_weekday)
          IS DISTINCT FROM (found.product_id, found.category, found.share, found.weekday)
"""
