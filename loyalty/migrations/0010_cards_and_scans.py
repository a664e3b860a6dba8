from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('loyalty', '0009_lots_of_older_points'),
    ]

    operations = [
        migrations.AddField(
            model_name='device',
            name='browser_digest',
            field=models.BinaryField(blank=True, help_text='Of the cookie that outlives a sign-out.', max_length=32, null=True),
        ),
        migrations.AddField(
            model_name='device',
            name='card_step',
            field=models.BigIntegerField(db_default=0, default=0, editable=False, help_text='Of the last card shown at a till: none is taken twice.'),
        ),
        migrations.AddField(
            model_name='scan',
            name='points',
            field=models.PositiveIntegerField(db_default=0, default=0, help_text='What it brought, with earn rules.'),
        ),
        migrations.AddIndex(
            model_name='device',
            index=models.Index(fields=['browser_digest'], name='devices_of_browser'),
        ),
    ]
