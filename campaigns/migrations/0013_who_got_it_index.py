from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Built while messages leave. What an attempt that was cut short has left behind is dropped first."""

    atomic = False

    dependencies = [
        ("campaigns", "0012_received_touches"),
    ]

    operations = [
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS send_of_campaign_newest", migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name="send",
            index=models.Index(fields=["campaign", "-due_at", "-id"], name="send_of_campaign_newest"),
        ),
    ]
