from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('integrations', '0002_inbound'),
    ]

    operations = [
        migrations.AddField(
            model_name='inboundcall',
            name='query',
            field=models.CharField(blank=True, db_default='', default='', help_text='What was behind the ? of the address.', max_length=500),
        ),
        migrations.AddIndex(
            model_name='inboundcall',
            index=models.Index(condition=models.Q(('status', 'unreadable')), fields=['-received_at', '-id'], name='inbound_calls_unreadable'),
        ),
        migrations.AddIndex(
            model_name='providerreport',
            index=models.Index(condition=models.Q(('kind__in', ['unsubscribed', 'subscribed'])), fields=['address', '-id'], name='provider_reports_of_choices'),
        ),
    ]
