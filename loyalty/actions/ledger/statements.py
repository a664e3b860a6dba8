"""The statements the ledger is made of. Each expects its accounts locked, unless it locks one itself."""

from collections.abc import Sequence
from typing import Any

from django.db import connection

from loyalty.models import PointsEntry

Reason = PointsEntry.Reason


def rows(sql: str, parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


def run(sql: str, parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)


def columns(rows_given: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows_given, strict=True)]


LOCK = """
    SELECT member_id, balance FROM loyalty_pointsaccount WHERE member_id = ANY(%s) ORDER BY member_id FOR UPDATE
"""
SUM_UP = """
    UPDATE loyalty_pointsaccount account
    SET balance = balance + sums.points, pending = account.pending + sums.pending
    FROM (SELECT member_id, sum(points) AS points, sum(pending) AS pending FROM entered GROUP BY member_id) sums
    WHERE account.member_id = sums.member_id
"""
# A member who owes pays with what comes in: their lot keeps the rest.
BEFORE = """
    account.balance + coalesce(sum({points}) OVER (
        PARTITION BY {rows}.member_id ORDER BY {rows}.id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ), 0)
"""
CREDIT = f"""
    WITH given AS (
        SELECT * FROM unnest(
            %s::bigint[], %s::int[], %s::int[], %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::bigint[],
            %s::text[], %s::timestamptz[], %s::timestamptz[], %s::text[], %s::timestamptz[], %s::boolean[]
        ) WITH ORDINALITY AS g (
            member_id, points, pending, reason, reference, rule_id, order_id, by_id, note, occurred_at, pending_until,
            pending_event, expires_at, is_sliding, n
        )
    ),
    clock AS (SELECT %s::timestamptz AS now),
    entered AS (
        INSERT INTO loyalty_pointsentry
            (member_id, points, pending, reason, reference, rule_id, order_id, by_id, note, occurred_at, created_at)
        SELECT member_id, points, pending, reason, reference, rule_id, order_id, by_id, note, occurred_at, clock.now
        FROM given, clock ORDER BY n
        ON CONFLICT (reason, reference) DO NOTHING
        RETURNING id, member_id, points, pending, reason, reference, order_id, occurred_at
    ),
    placed AS (
        SELECT entered.*, {BEFORE.format(points="entered.points", rows="entered")} AS before
        FROM entered JOIN loyalty_pointsaccount account USING (member_id)
    ),
    lots AS (
        INSERT INTO loyalty_pointslot
            (member_id, entry_id, order_id, points, pending, remaining, expired, pending_until, pending_event,
             expires_at, is_sliding, created_at)
        SELECT placed.member_id, placed.id, placed.order_id, placed.points + placed.pending, placed.pending,
               greatest(0, least(placed.points, placed.before + placed.points)), 0, given.pending_until,
               given.pending_event, given.expires_at, given.is_sliding, clock.now
        FROM placed JOIN given USING (reason, reference), clock
    ),
    accounts AS (
        UPDATE loyalty_pointsaccount account
        SET balance = balance + sums.points, pending = account.pending + sums.pending,
            active_at = greatest(active_at, sums.latest)
        FROM (
            SELECT member_id, sum(points) AS points, sum(pending) AS pending, max(occurred_at) AS latest
            FROM entered GROUP BY member_id
        ) sums
        WHERE account.member_id = sums.member_id
    )
    SELECT reason, reference FROM entered
"""
ENTER = f"""
    WITH given AS (
        SELECT * FROM unnest(
            %s::bigint[], %s::int[], %s::int[], %s::int[], %s::text[], %s::text[], %s::bigint[], %s::bigint[],
            %s::bigint[], %s::text[], %s::timestamptz[]
        ) WITH ORDINALITY AS g (
            member_id, points, pending, waived, reason, reference, rule_id, order_id, by_id, note, occurred_at, n
        )
    ),
    clock AS (SELECT %s::timestamptz AS now),
    entered AS (
        INSERT INTO loyalty_pointsentry
            (member_id, points, pending, waived, reason, reference, rule_id, order_id, by_id, note, occurred_at,
             created_at)
        SELECT member_id, points, pending, waived, reason, reference, rule_id, order_id, by_id, note, occurred_at,
               clock.now
        FROM given, clock ORDER BY n
        ON CONFLICT (reason, reference) DO NOTHING
        RETURNING member_id, points, pending, reason, reference
    ),
    accounts AS ({SUM_UP})
    SELECT reason, reference FROM entered
"""
# What is wanted, from the lot that expires first.
OPEN = """
    open AS (
        SELECT lot.id, least(lot.remaining, wanted.points - coalesce(sum(lot.remaining) OVER (
            PARTITION BY lot.member_id ORDER BY lot.expires_at NULLS LAST, lot.id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ), 0))::int AS taken
        FROM wanted JOIN loyalty_pointslot lot USING (member_id)
        WHERE lot.is_open
    )
"""
TAKE = "UPDATE loyalty_pointslot lot SET remaining = remaining - taken FROM open WHERE lot.id = open.id AND taken > 0"
TAKE_WANTED = f"""
    WITH wanted AS (SELECT * FROM unnest(%s::bigint[], %s::int[]) AS w (member_id, points)), {OPEN} {TAKE}
"""
HOLD = """
    SELECT loyalty_hold(%s, %s, %s, %s, %s, %s, %s, %s)
"""
GIVE_BACK = f"""
    WITH entered AS (
        INSERT INTO loyalty_pointsentry
            (member_id, points, reason, reference, redemption_id, note, occurred_at, created_at)
        VALUES (%(member)s, %(points)s, '{Reason.HOLD_BACK}', %(key)s, %(redemption)s, %(note)s, %(now)s, %(now)s)
        ON CONFLICT (reason, reference) DO NOTHING
        RETURNING member_id, points, 0 AS pending
    ),
    lots AS (
        UPDATE loyalty_pointslot lot SET remaining = lot.remaining + used.points
        FROM loyalty_lotuse used
        WHERE used.redemption_id = %(redemption)s AND used.lot_id = lot.id AND EXISTS (SELECT FROM entered)
    ),
    accounts AS ({SUM_UP})
    SELECT member_id FROM entered
"""
LOTS_OF_ORDERS = """
    SELECT lot.member_id, lot.order_id, entry.rule_id, lot.id, lot.pending, lot.remaining, lot.expired,
           coalesce((
               SELECT sum(used.points) FROM loyalty_redemption redemption
               JOIN loyalty_lotuse used ON used.redemption_id = redemption.id
               WHERE redemption.member_id = lot.member_id AND redemption.status = 'held' AND used.lot_id = lot.id
           ), 0)::int
    FROM loyalty_pointslot lot JOIN loyalty_pointsentry entry ON entry.id = lot.entry_id
    WHERE lot.order_id = ANY(%s) ORDER BY lot.id DESC
"""
DRAW = """
    UPDATE loyalty_pointslot lot SET pending = lot.pending - drawn.pending, remaining = lot.remaining - drawn.remaining
    FROM (
        SELECT id, sum(pending) AS pending, sum(remaining) AS remaining
        FROM unnest(%s::bigint[], %s::int[], %s::int[]) AS d (id, pending, remaining) GROUP BY id
    ) drawn
    WHERE lot.id = drawn.id
"""
MEMBERS_TO_RELEASE = """
    SELECT DISTINCT member_id FROM loyalty_pointslot
    WHERE is_waiting AND pending_until <= %(now)s AND member_id > %(last)s ORDER BY member_id LIMIT %(limit)s
"""
RELEASE = f"""
    WITH due AS (
        SELECT lot.id, lot.member_id, lot.pending, lot.order_id, entry.rule_id
        FROM loyalty_pointslot lot JOIN loyalty_pointsentry entry ON entry.id = lot.entry_id
        WHERE lot.is_waiting AND lot.member_id = ANY(%(members)s) AND {{where}}
    ),
    entered AS (
        INSERT INTO loyalty_pointsentry
            (member_id, points, pending, reason, reference, rule_id, order_id, note, occurred_at, created_at)
        SELECT member_id, pending, -pending, '{Reason.RELEASED}', 'lot:' || id, rule_id, order_id, '', %(now)s, %(now)s
        FROM due ORDER BY member_id, id
        RETURNING member_id, points, pending
    ),
    placed AS (
        SELECT due.id, due.pending, {BEFORE.format(points="due.pending", rows="due")} AS before
        FROM due JOIN loyalty_pointsaccount account USING (member_id)
    ),
    lots AS (
        UPDATE loyalty_pointslot lot
        SET pending = 0, pending_until = NULL, pending_event = '',
            remaining = lot.remaining + greatest(0, least(placed.pending, placed.before + placed.pending))
        FROM placed WHERE lot.id = placed.id
    ),
    accounts AS ({SUM_UP})
    SELECT id FROM due
"""
IS_OVER = """
    lot.is_open AND (lot.expires_at <= %(now)s OR (lot.is_sliding AND account.active_at <= %(still)s))
"""
MEMBERS_TO_EXPIRE = f"""
    SELECT DISTINCT lot.member_id
    FROM loyalty_pointslot lot JOIN loyalty_pointsaccount account USING (member_id)
    WHERE {IS_OVER} AND lot.member_id > %(last)s ORDER BY lot.member_id LIMIT %(limit)s
"""
# A lot that was given back after its day expires again, for what came back: hence the number in the reference.
EXPIRE = f"""
    WITH due AS (
        SELECT lot.id, lot.member_id, lot.remaining, 'lot:' || lot.id || ':' || lot.expired AS reference
        FROM loyalty_pointslot lot JOIN loyalty_pointsaccount account USING (member_id)
        WHERE {IS_OVER} AND lot.member_id = ANY(%(members)s)
    ),
    entered AS (
        INSERT INTO loyalty_pointsentry (member_id, points, reason, reference, note, occurred_at, created_at)
        SELECT member_id, -remaining, '{Reason.EXPIRY}', reference, '', %(now)s, %(now)s
        FROM due ORDER BY member_id, id
        RETURNING member_id, points, 0 AS pending, reference
    ),
    lots AS (
        UPDATE loyalty_pointslot lot SET expired = lot.expired + due.remaining, remaining = 0
        FROM due WHERE lot.id = due.id
    ),
    accounts AS ({SUM_UP})
    SELECT member.public_id::text, -entered.points, entered.reference
    FROM entered JOIN loyalty_member member ON member.id = entered.member_id
"""
