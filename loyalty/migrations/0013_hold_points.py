"""Holding points is one call: while a member's account is locked, nothing waits for the network.

A function, and not one statement with the lots joined to the account: that would read the lots as they were before it
waited for the lock. Each statement of a function sees what is committed when it begins.
"""

from django.db import migrations

MAKE = """
    CREATE FUNCTION loyalty_hold_points(
        of_member bigint, wanted integer, for_redemption bigint, cause text, at timestamptz
    ) RETURNS boolean LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE loyalty_pointsaccount SET balance = balance - wanted
        WHERE member_id = of_member AND balance >= wanted;
        IF NOT FOUND THEN
            RETURN false;
        END IF;
        WITH open AS (
            SELECT lot.id, least(lot.remaining, wanted - coalesce(sum(lot.remaining) OVER (
                ORDER BY lot.expires_at NULLS LAST, lot.id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ), 0))::integer AS taken
            FROM loyalty_pointslot lot WHERE lot.member_id = of_member AND lot.is_open
        ),
        used AS (
            UPDATE loyalty_pointslot lot SET remaining = lot.remaining - open.taken
            FROM open WHERE lot.id = open.id AND open.taken > 0
            RETURNING lot.id, open.taken
        )
        INSERT INTO loyalty_lotuse (redemption_id, lot_id, points) SELECT for_redemption, id, taken FROM used;
        INSERT INTO loyalty_pointsentry
            (member_id, points, reason, reference, redemption_id, note, occurred_at, created_at)
        VALUES (of_member, -wanted, 'HOLD', cause, for_redemption, '', at, at);
        RETURN true;
    END
    $$
"""


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0012_lots_are_open")]

    operations = [
        migrations.RunSQL(MAKE, "DROP FUNCTION loyalty_hold_points(bigint, integer, bigint, text, timestamptz)"),
    ]
