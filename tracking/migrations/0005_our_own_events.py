from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tracking", "0004_counted_properties")]

    operations = [
        migrations.AlterField(
            model_name="partnersystem",
            name="kind",
            field=models.CharField(
                choices=[
                    ("WEBSITE", "Website"),
                    ("IOS", "iOS app"),
                    ("ANDROID", "Android app"),
                    ("BACKEND", "Backend"),
                    ("POINT_OF_SALE", "Point of sale"),
                    ("REGULARS", "Regulars itself"),
                ],
                default="BACKEND",
                max_length=16,
            ),
        ),
        migrations.AddConstraint(
            model_name="partnersystem",
            constraint=models.UniqueConstraint(
                condition=models.Q(("kind", "REGULARS")), fields=("kind",), name="one_system_of_our_own_events"
            ),
        ),
    ]
