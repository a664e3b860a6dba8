import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tracking", "0003_merges_replays_and_saved_funnels"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ValueCount",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "property_id", "day", "value", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("property_id", models.BigIntegerField()),
                ("day", models.DateField()),
                ("value", models.TextField()),
                ("events", models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="CountedProperty",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("event_name", models.CharField(max_length=200)),
                (
                    "path",
                    models.CharField(
                        help_text="Outermost name first, with dots between.", max_length=400, verbose_name="property"
                    ),
                ),
                ("zone", models.CharField(max_length=64, verbose_name="time zone of its days")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("FILLING", "Counting the past"),
                            ("COUNTED", "Counted"),
                            ("GIVEN_UP", "Given up"),
                            ("STOPPED", "Stopped"),
                        ],
                        default="FILLING",
                        max_length=12,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=200, verbose_name="why it was given up")),
                ("counted_from", models.DateField(blank=True, null=True)),
                ("total", models.PositiveBigIntegerField(default=0)),
                ("seen", models.PositiveBigIntegerField(default=0)),
                ("beat_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("declared_at", models.DateTimeField()),
                (
                    "declared_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "system",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="counted_properties",
                        to="tracking.partnersystem",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "counted properties",
                "ordering": ["-pk"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("status__in", ["FILLING", "COUNTED"])),
                        fields=("system", "event_name", "path"),
                        name="a_property_is_counted_once",
                    )
                ],
            },
        ),
    ]
