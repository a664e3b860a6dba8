from django.db import migrations, models
from django.utils import timezone

# Members who bought before this version: counted once, as loyalty.actions.orders counts them from now on.
COUNT = """
    UPDATE loyalty_memberstats stats SET purchase_days = bought.days
    FROM (
        SELECT member_id, count(DISTINCT (ordered_at AT TIME ZONE %s)::date) AS days
        FROM loyalty_order WHERE member_id IS NOT NULL AND voided_at IS NULL AND total >= 0
        GROUP BY member_id
    ) bought
    WHERE bought.member_id = stats.member_id
"""


def count_days(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(COUNT, [timezone.get_default_timezone_name()])


class Migration(migrations.Migration):

    dependencies = [
        ('loyalty', '0018_forecasts'),
    ]

    operations = [
        migrations.AddField(
            model_name='memberstats',
            name='purchase_days',
            field=models.IntegerField(db_default=0, default=0, help_text="Days of the business's zone with an order: several of one day are one."),
        ),
        migrations.RunPython(count_days, migrations.RunPython.noop, elidable=True),
    ]
