"""Points: an append-only ledger, and a balance beside it that is its sum."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from django.db import connection, transaction
from django.db.models import F

from config.shared.errors import DomainError
from loyalty.events import PointsAwarded
from loyalty.models import EarnRule, Member, PointsAccount, PointsEntry
from tracking.actions import record_all
from tracking.actions.record import Occurrence

LARGEST_CORRECTION = 1_000_000


class BadCorrection(DomainError):
    code = "bad_correction"


def ship_earn_rule() -> None:
    """One point for each whole unit of the currency, where the shop has no rule of its own yet."""
    if not EarnRule.objects.exists():
        EarnRule.objects.create(name="One point per dollar", points_per_unit=Decimal(1))


@transaction.atomic
def correct(*, member: Member, points: int, note: str, reference: str, now: datetime) -> bool:
    """Give or take points by hand, with a reason. The same `reference` a second time changes nothing: False."""
    if not note.strip():
        raise BadCorrection("Say why: the note stays beside the points for good.")
    if points == 0 or abs(points) > LARGEST_CORRECTION:
        raise BadCorrection(f"Give or take between 1 and {LARGEST_CORRECTION:,} points.")
    # The account is locked first, so that of two clicks at once the second finds the entry of the first.
    PointsAccount.objects.select_for_update().get(member=member)
    reason = PointsEntry.Reason.CORRECTION
    if PointsEntry.objects.filter(reason=reason, reference=reference).exists():
        return False
    PointsEntry.objects.create(
        member=member,
        points=points,
        reason=reason,
        reference=reference,
        note=note.strip(),
        occurred_at=now,
        created_at=now,
    )
    PointsAccount.objects.filter(member=member).update(balance=F("balance") + points)
    return True


def award_for_orders(event_ids: Sequence[int], *, now: datetime) -> int:
    """Enter what the orders of these events are due and have not got yet; how many entries that made.

    An order is due its total, times the rate of the first active rule by priority that covers its day in the store's
    zone and was there when the order was told, cut to whole points. A changed order keeps the rule of its first
    entry, and what a rule gave never changes: no rule changes the past. The total is the order's own of this moment,
    so the same events again, or late, enter nothing twice.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_ACCOUNTS, [list(event_ids)])
        cursor.execute(_AWARD, {"events": list(event_ids), "now": now})
        entered = cursor.fetchall()
    record_all(
        [
            Occurrence(PointsAwarded(subject=member, points=points, order=order), reference, now)
            for member, points, order, reference in entered
        ]
    )
    return len(entered)


# Always in the order of members, so that two writers cannot wait for each other.
_LOCK_ACCOUNTS = """
    SELECT account.member_id FROM loyalty_pointsaccount account
    WHERE account.member_id IN (
        SELECT o.member_id FROM tracking_event e JOIN loyalty_order o ON o.number = e.properties ->> 'order'
        WHERE e.id = ANY(%s)
    )
    ORDER BY account.member_id FOR UPDATE
"""
_AWARD = """
    WITH told AS (
        SELECT properties ->> 'order' AS number, max(id) AS event_id, min(recorded_at) AS recorded_at
        FROM tracking_event
        WHERE id = ANY(%(events)s) GROUP BY 1
    ),
    sofar AS (
        SELECT o.id, o.number, o.member_id, o.total, o.ordered_at, told.event_id, told.recorded_at,
               (o.ordered_at AT TIME ZONE store.time_zone)::date AS day,
               coalesce(sum(entry.points), 0) AS entered, count(entry.id) AS entries,
               (array_agg(entry.rule_id ORDER BY entry.id))[1] AS first_rule_id
        FROM told
        JOIN loyalty_order o ON o.number = told.number
        JOIN loyalty_store store ON store.id = o.store_id
        LEFT JOIN loyalty_pointsentry entry ON entry.order_id = o.id
        WHERE o.member_id IS NOT NULL
        GROUP BY o.id, told.event_id, told.recorded_at, store.time_zone
    ),
    due AS (
        SELECT sofar.*, rule.id AS rule_id,
               CASE WHEN abs(total) >= rule.minimum_total
                   THEN greatest(least(trunc(total * rule.points_per_unit), 1e9), -1e9)::int ELSE 0
               END - entered AS points
        FROM sofar CROSS JOIN LATERAL (
            SELECT * FROM loyalty_earnrule rule
            WHERE rule.id = sofar.first_rule_id OR (
                sofar.first_rule_id IS NULL AND rule.is_active AND rule.created_at <= sofar.recorded_at
                AND abs(sofar.total) >= rule.minimum_total
                AND coalesce(rule.starts_on <= sofar.day, true) AND coalesce(rule.ends_on >= sofar.day, true)
            )
            ORDER BY rule.priority, rule.id LIMIT 1
        ) rule
    ),
    entered AS (
        INSERT INTO loyalty_pointsentry
            (member_id, points, reason, reference, rule_id, order_id, note, occurred_at, created_at)
        SELECT member_id, points, CASE WHEN points > 0 THEN 'PURCHASE' ELSE 'RETURN' END,
               CASE WHEN entries = 0 THEN number ELSE number || ':' || event_id END,
               rule_id, id, '', ordered_at, %(now)s
        FROM due WHERE points <> 0 ORDER BY member_id, ordered_at, id
        RETURNING member_id, points, reference, order_id
    ),
    balances AS (
        UPDATE loyalty_pointsaccount account SET balance = balance + sums.points
        FROM (SELECT member_id, sum(points) AS points FROM entered GROUP BY member_id) sums
        WHERE account.member_id = sums.member_id
    )
    SELECT member.public_id::text, entered.points, o.number, entered.reference
    FROM entered
    JOIN loyalty_member member ON member.id = entered.member_id
    JOIN loyalty_order o ON o.id = entered.order_id
    ORDER BY entered.member_id, o.ordered_at, o.id
"""
