from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Built while messages leave. What an attempt that was cut short has left behind is dropped first."""

    atomic = False

    dependencies = [
        ("campaigns", "0022_experiments"),
    ]

    operations = [
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS send_due_now", migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name="send",
            index=models.Index(
                fields=["channel", "due_at", "id"],
                condition=models.Q(status="PENDING", waits_for_winner=False),
                name="send_due_now",
            ),
        ),
        RemoveIndexConcurrently(model_name="send", name="send_due"),
    ]
