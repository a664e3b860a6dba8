from django.db import migrations, transaction
from django.utils import timezone

# Members who bought before this version: counted once, as loyalty.actions.orders counts them from now on. In portions,
# so that no till waits for the count of all orders.
PORTION = 20_000
# Held first: what a till adds meanwhile waits, and is counted by the till itself.
HOLD = "SELECT FROM loyalty_memberstats WHERE member_id >= %s AND member_id < %s ORDER BY member_id FOR UPDATE"
COUNT = """
    UPDATE loyalty_memberstats stats SET purchase_days = bought.days
    FROM (
        SELECT member_id, count(DISTINCT (ordered_at AT TIME ZONE %s)::date) AS days
        FROM loyalty_order
        WHERE member_id >= %s AND member_id < %s AND voided_at IS NULL AND total >= 0
        GROUP BY member_id
    ) bought
    WHERE bought.member_id = stats.member_id
"""


def count_days(apps, schema_editor):
    zone = timezone.get_default_timezone_name()
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(min(member_id), 0), coalesce(max(member_id), -1) FROM loyalty_memberstats")
        first, last = cursor.fetchone()
        for start in range(first, last + 1, PORTION):
            with transaction.atomic(using=schema_editor.connection.alias):
                cursor.execute(HOLD, [start, start + PORTION])
                cursor.execute(COUNT, [zone, start, start + PORTION])


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('loyalty', '0019_purchase_days'),
    ]

    operations = [
        migrations.RunPython(count_days, migrations.RunPython.noop, elidable=True),
    ]
