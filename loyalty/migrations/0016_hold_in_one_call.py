"""Saving a redemption and holding its points is one call.

While a member's account is locked, nothing waits for the network. A function, as before: one statement with the lots
joined to the account would read the lots as they were before it waited for the lock.
"""

from importlib import import_module

from django.db import migrations

MAKE = """
    -- The id of the new redemption; null when the points do not suffice, 0 when another held one has this code.
    CREATE FUNCTION loyalty_hold(
        identity uuid, of_member bigint, of_reward bigint, wanted integer, worth numeric, short text,
        at timestamptz, until timestamptz
    ) RETURNS bigint LANGUAGE plpgsql AS $$
    DECLARE
        held bigint;
    BEGIN
        UPDATE loyalty_pointsaccount SET balance = balance - wanted
        WHERE member_id = of_member AND balance >= wanted;
        IF NOT FOUND THEN
            RETURN NULL;
        END IF;
        INSERT INTO loyalty_redemption
            (public_id, member_id, reward_id, points, value, status, code, held_at, expires_at, wrong_pins, proof)
        VALUES (identity, of_member, of_reward, wanted, worth, 'held', short, at, until, 0, '')
        ON CONFLICT (code) WHERE status = 'held' DO NOTHING
        RETURNING id INTO held;
        IF held IS NULL THEN
            UPDATE loyalty_pointsaccount SET balance = balance + wanted WHERE member_id = of_member;
            RETURN 0;
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
        INSERT INTO loyalty_lotuse (redemption_id, lot_id, points) SELECT held, id, taken FROM used;
        INSERT INTO loyalty_pointsentry
            (member_id, points, reason, reference, redemption_id, note, occurred_at, created_at)
        VALUES (of_member, -wanted, 'HOLD', identity::text, held, '', at, at);
        RETURN held;
    END
    $$
"""
UNMAKE = "DROP FUNCTION loyalty_hold(uuid, bigint, bigint, integer, numeric, text, timestamptz, timestamptz)"
before = import_module("loyalty.migrations.0013_hold_points")
UNMAKE_BEFORE = "DROP FUNCTION loyalty_hold_points(bigint, integer, bigint, text, timestamptz)"


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0015_fewer_indexes")]

    operations = [migrations.RunSQL(UNMAKE_BEFORE, before.MAKE), migrations.RunSQL(MAKE, UNMAKE)]
