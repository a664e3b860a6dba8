from django.db import migrations, models

# Of what came back before, as far as its reports are kept: by our own id of the message where they name it, else by the
# provider's.
BACKFILL = """
    UPDATE campaigns_send send SET is_hard_bounce = told.is_hard
    FROM (
        SELECT coalesce(own.id, theirs.id) AS id, bool_or(report.is_permanent) AS is_hard
        FROM integrations_providerreport report
        LEFT JOIN campaigns_send own ON own.public_id =
            CASE WHEN report.message_id ~* '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}(@|$)'
                 THEN left(report.message_id, 36)::uuid END
        LEFT JOIN campaigns_send theirs ON theirs.provider_id <> ''
            AND theirs.provider_id = report.provider_id AND theirs.channel = report.channel
        WHERE report.kind = 'bounced'
        GROUP BY 1
    ) told
    WHERE send.id = told.id AND send.status = 'BOUNCED'
"""


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0009_alerts"),
        ("integrations", "0005_alerts"),
        ("loyalty", "0016_hold_in_one_call"),
    ]

    operations = [
        migrations.AddField(
            model_name="send",
            name="is_hard_bounce",
            field=models.BooleanField(blank=True, help_text="Of one that came back: it always will.", null=True),
        ),
        migrations.RunSQL(BACKFILL, migrations.RunSQL.noop),
    ]
