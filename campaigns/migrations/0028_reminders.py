from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("campaigns", "0027_steps_sent_now"),
    ]

    operations = [
        migrations.AddField(
            model_name="planstep",
            name="is_reminder",
            field=models.BooleanField(db_default=False, default=False, help_text="Reminds its group of their first message of the week."),
        ),
    ]
