"""What members bought, summed up as it arrives."""

from collections.abc import Sequence

from django.db import connection
from django.utils import timezone

from loyalty.models import MemberStats

_TOLD_OF = """
    SELECT DISTINCT o.member_id FROM tracking_event e JOIN loyalty_order o ON o.number = e.properties ->> 'order'
    WHERE e.id = ANY(%(ids)s) AND o.member_id IS NOT NULL
"""
_NAMED = "SELECT unnest(%(ids)s::bigint[]) AS member_id"
# Member by member, by index: what it costs follows from how many members are told of, not from how many there are.
# An order that only gives back counts in what was spent, and not as a visit.
_SUM_UP = """
    WITH touched AS MATERIALIZED ({members})
    INSERT INTO loyalty_memberstats
        (member_id, orders, night_orders, purchase_days, spent, first_ordered_at, last_ordered_at, primary_category)
    SELECT touched.member_id, bought.*, coalesce(favourite.category, '')
    FROM touched
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE o.total >= 0),
               count(*) FILTER (
                   WHERE o.total >= 0
                   AND NOT extract(hour FROM o.ordered_at AT TIME ZONE store.time_zone) BETWEEN 5 AND 20
               ),
               count(DISTINCT (o.ordered_at AT TIME ZONE %(zone)s)::date) FILTER (WHERE o.total >= 0),
               coalesce(sum(o.total), 0),
               min(o.ordered_at) FILTER (WHERE o.total >= 0),
               max(o.ordered_at) FILTER (WHERE o.total >= 0)
        FROM loyalty_order o JOIN loyalty_store store ON store.id = o.store_id
        WHERE o.member_id = touched.member_id AND o.voided_at IS NULL
    ) bought
    LEFT JOIN LATERAL (
        SELECT product.category
        FROM loyalty_order o
        JOIN loyalty_orderline line ON line.order_id = o.id
        JOIN loyalty_product product ON product.id = line.product_id
        WHERE o.member_id = touched.member_id AND o.voided_at IS NULL AND product.category <> ''
        GROUP BY product.category ORDER BY sum(line.amount) DESC, product.category LIMIT 1
    ) favourite ON true
    ORDER BY touched.member_id
    ON CONFLICT (member_id) DO UPDATE SET
        orders = excluded.orders, night_orders = excluded.night_orders, purchase_days = excluded.purchase_days,
        spent = excluded.spent, first_ordered_at = excluded.first_ordered_at,
        last_ordered_at = excluded.last_ordered_at, primary_category = excluded.primary_category
"""


def sum_up_members(event_ids: Sequence[int]) -> None:
    """Count again, from their orders, what the members of these events bought."""
    _sum_up(_TOLD_OF, event_ids)


def sum_up_again(member_ids: Sequence[int]) -> None:
    """Count again what these members bought: orders have moved from one to another."""
    _sum_up(_NAMED, member_ids)


def forget_sums() -> None:
    MemberStats.objects.all().delete()


def _sum_up(members: str, ids: Sequence[int]) -> None:
    with connection.cursor() as cursor:
        zone = timezone.get_default_timezone_name()
        cursor.execute(_SUM_UP.format(members=members), {"ids": list(ids), "zone": zone})
