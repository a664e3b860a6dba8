from django.db import migrations, models

# Of what came back before, as far as its reports are kept.
BACKFILL = """
    UPDATE campaigns_send send SET is_hard_bounce = told.is_hard
    FROM (
        SELECT bounced.id, bool_or(report.is_permanent) AS is_hard
        FROM campaigns_send bounced
        JOIN integrations_providerreport report ON report.kind = 'bounced' AND report.provider_id <> ''
            AND report.provider_id = bounced.provider_id AND report.channel = bounced.channel
        WHERE bounced.status = 'BOUNCED' AND bounced.provider_id <> ''
        GROUP BY bounced.id
    ) told
    WHERE send.id = told.id
"""


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0009_alerts"),
        ("integrations", "0005_alerts"),
        ("loyalty", "0016_hold_in_one_call"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="send",
            index=models.Index(fields=["campaign", "-due_at", "-id"], name="send_of_campaign_newest"),
        ),
        migrations.AddField(
            model_name="send",
            name="is_hard_bounce",
            field=models.BooleanField(blank=True, help_text="Of one that came back: it always will.", null=True),
        ),
        migrations.RunSQL(BACKFILL, migrations.RunSQL.noop),
    ]
