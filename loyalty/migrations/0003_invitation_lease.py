from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ('loyalty', '0002_import_turns_and_readings'),
    ]

    operations = [
        migrations.AddField(
            model_name='invitation',
            name='claimed_until',
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
