import uuid
from decimal import Decimal

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# What was kept of answers says neither tokens nor times; how it ended can be told from its faults.
OUTCOMES = """
    UPDATE campaigns_modelcall
    SET status = CASE WHEN faults = '[]'::jsonb THEN 'ANSWERED' ELSE 'FAULTY' END,
        asked_at = ended_at, public_id = gen_random_uuid()
"""


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0016_what_campaigns_earn"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RenameModel("PlanAnswer", "ModelCall"),
        migrations.RemoveConstraint("modelcall", "one_plan_answer_per_attempt"),
        migrations.AlterModelOptions("modelcall", {"ordering": ["pk"]}),
        migrations.RenameField("modelcall", "answered_at", "ended_at"),
        migrations.AlterField("modelcall", "ended_at", models.DateTimeField(blank=True, null=True)),
        migrations.AlterField(
            "modelcall",
            "plan",
            models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="calls", to="campaigns.plan"
            ),
        ),
        migrations.AlterField("modelcall", "attempt", models.PositiveSmallIntegerField(default=1)),
        migrations.AlterField(
            "modelcall",
            "raw",
            models.TextField(blank=True, help_text="The answer word for word, as far as it came."),
        ),
        migrations.AddField("modelcall", "public_id", models.UUIDField(null=True, editable=False)),
        migrations.AddField("modelcall", "asked_at", models.DateTimeField(null=True)),
        migrations.AddField(
            "modelcall",
            "status",
            models.CharField(
                max_length=12,
                default="ANSWERED",
                choices=[
                    ("QUEUED", "Waiting for a worker"),
                    ("ASKING", "Being answered"),
                    ("ANSWERED", "Answered"),
                    ("MALFORMED", "Not in the shape asked for"),
                    ("FAULTY", "Against the rules"),
                    ("REFUSED", "Refused by the model"),
                    ("TRUNCATED", "Cut off"),
                    ("TIMEOUT", "Too slow"),
                    ("RATE_LIMITED", "Model busy"),
                    ("UNAVAILABLE", "No answer"),
                    ("CANCELLED", "Cancelled"),
                    ("CAPPED", "Not made: over the limit"),
                ],
            ),
            preserve_default=False,
        ),
        migrations.RunSQL(OUTCOMES, migrations.RunSQL.noop),
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        migrations.AlterField(
            "modelcall", "public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)
        ),
        migrations.AlterField("modelcall", "asked_at", models.DateTimeField()),
    ]
