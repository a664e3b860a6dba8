import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("loyalty", "0006_api_tokens"),
        ("tracking", "0005_our_own_events"),
    ]

    operations = [
        migrations.CreateModel(
            name="OwnEvents",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "named_by",
                    models.CharField(
                        choices=[
                            ("MEMBER_ID", "Member id"),
                            ("CUSTOMER_NUMBER", "Customer number"),
                            ("EMAIL", "Email address"),
                        ],
                        help_text="A member without it goes by the member id, whatever is chosen.",
                        max_length=16,
                    ),
                ),
                (
                    "begins_anew",
                    models.BooleanField(
                        default=False, help_text="What was told is forgotten at the next step."
                    ),
                ),
                (
                    "system",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="tracking.partnersystem"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "own events",
                "constraints": [models.CheckConstraint(condition=models.Q(("pk", 1)), name="own_events_once")],
            },
        ),
    ]
