from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("campaigns", "0028_reminders"),
    ]

    operations = [
        migrations.AddField(
            model_name="plan",
            name="expected",
            field=models.JSONField(blank=True, db_default={}, default=dict, help_text="What it was expected to bring when it was approved; see campaigns.queries.estimates."),
        ),
    ]
