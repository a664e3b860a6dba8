"""What members bought, summed up as it arrives."""

from collections.abc import Sequence

from django.db import connection

from loyalty.models import MemberStats

# An order that only gives back counts in what was spent, and not as a visit.
_SUM_UP = """
    WITH touched AS (
        SELECT DISTINCT o.member_id FROM tracking_event e JOIN loyalty_order o ON o.number = e.properties ->> 'order'
        WHERE e.id = ANY(%s) AND o.member_id IS NOT NULL
    ),
    bought AS (
        SELECT o.member_id, count(*) FILTER (WHERE o.total >= 0) AS orders,
               count(*) FILTER (
                   WHERE o.total >= 0
                     AND NOT extract(hour FROM o.ordered_at AT TIME ZONE store.time_zone) BETWEEN 5 AND 20
               ) AS night_orders,
               sum(o.total) AS spent, min(o.ordered_at) FILTER (WHERE o.total >= 0) AS first_ordered_at,
               max(o.ordered_at) FILTER (WHERE o.total >= 0) AS last_ordered_at
        FROM touched JOIN loyalty_order o USING (member_id) JOIN loyalty_store store ON store.id = o.store_id
        GROUP BY o.member_id
    ),
    favourite AS (
        SELECT DISTINCT ON (member_id) member_id, category
        FROM (
            SELECT o.member_id, product.category, sum(line.amount) AS spent
            FROM touched JOIN loyalty_order o USING (member_id)
            JOIN loyalty_orderline line ON line.order_id = o.id
            JOIN loyalty_product product ON product.id = line.product_id
            WHERE product.category <> '' GROUP BY o.member_id, product.category
        ) by_category
        ORDER BY member_id, spent DESC, category
    )
    INSERT INTO loyalty_memberstats
        (member_id, orders, night_orders, spent, first_ordered_at, last_ordered_at, primary_category)
    SELECT bought.member_id, orders, night_orders, spent, first_ordered_at, last_ordered_at, coalesce(category, '')
    FROM bought LEFT JOIN favourite USING (member_id)
    ORDER BY bought.member_id
    ON CONFLICT (member_id) DO UPDATE SET
        orders = excluded.orders, night_orders = excluded.night_orders, spent = excluded.spent,
        first_ordered_at = excluded.first_ordered_at, last_ordered_at = excluded.last_ordered_at,
        primary_category = excluded.primary_category
"""


def sum_up_members(event_ids: Sequence[int]) -> None:
    """Count again, from their orders, what the members of these events bought."""
    with connection.cursor() as cursor:
        cursor.execute(_SUM_UP, [list(event_ids)])


def forget_sums() -> None:
    MemberStats.objects.all().delete()
