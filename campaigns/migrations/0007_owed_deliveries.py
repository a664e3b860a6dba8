"""Deliveries that providers had told, and nobody had been told of yet, when they became rows."""

from django.db import migrations

OWED = """
    INSERT INTO integrations_providerreport (sender, key, channel, kind, provider_id, occurred_at, received_at)
    SELECT 'mailbox', 'event ' || event.id, event.properties ->> 'channel', 'delivered',
           event.properties ->> 'provider_id', (event.properties ->> 'delivered_at')::timestamptz, event.occurred_at
    FROM tracking_dispatch dispatch JOIN tracking_event event ON event.id = dispatch.event_id
    WHERE dispatch.handler = 'campaigns.handlers.mark_delivered' AND dispatch.done_at IS NULL
    ON CONFLICT DO NOTHING;
    DELETE FROM tracking_dispatch WHERE handler = 'campaigns.handlers.mark_delivered' AND done_at IS NULL;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0006_lighter_sends"),
        ("integrations", "0003_reports_by_choice"),
        ("tracking", "0007_own_events_by_key"),
    ]
    operations = [migrations.RunSQL(OWED, migrations.RunSQL.noop)]
