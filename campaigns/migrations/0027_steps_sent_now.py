from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("campaigns", "0026_weeks_that_repeat"),
    ]

    operations = [
        migrations.AddField(
            model_name="planstep",
            name="sent_now_at",
            field=models.DateTimeField(blank=True, help_text="When somebody had its messages leave ahead of their day.", null=True),
        ),
    ]
