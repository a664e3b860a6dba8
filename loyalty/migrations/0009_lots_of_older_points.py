"""Give points that came in before there were lots a lot each: what was spent was spent from the oldest."""

from django.db import migrations

OPEN_LOTS = """
    INSERT INTO loyalty_pointslot
        (member_id, entry_id, order_id, points, pending, remaining, expired, pending_event, is_sliding, created_at)
    SELECT member_id, id, order_id, points, 0,
           greatest(0, least(points, balance - newer)), 0, '', false, created_at
    FROM (
        SELECT entry.*, greatest(account.balance, 0) AS balance,
               coalesce(sum(entry.points) OVER (
                   PARTITION BY entry.member_id ORDER BY entry.id DESC
                   ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
               ), 0) AS newer
        FROM loyalty_pointsentry entry JOIN loyalty_pointsaccount account USING (member_id)
        WHERE entry.points > 0
    ) came_in
"""
NOTE_ACTIVITY = """
    UPDATE loyalty_pointsaccount account SET active_at = entered.latest
    FROM (SELECT member_id, max(occurred_at) AS latest FROM loyalty_pointsentry GROUP BY member_id) entered
    WHERE account.member_id = entered.member_id
"""


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0008_programme")]

    operations = [
        migrations.RunSQL([OPEN_LOTS, NOTE_ACTIVITY], "DELETE FROM loyalty_pointslot"),
    ]
