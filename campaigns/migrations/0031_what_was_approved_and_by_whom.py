from decimal import Decimal
from typing import Any

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def keep_authors(apps: Any, schema_editor: Any) -> None:
    for experiment in apps.get_model("campaigns", "Experiment").objects.filter(created_by__isnull=False):
        experiment.authors.add(experiment.created_by_id)


def keep_offers(apps: Any, schema_editor: Any) -> None:
    """What was approved before keeps the words its offers have today."""
    steps = apps.get_model("campaigns", "PlanStep").objects.filter(plan__status="APPROVED").select_related("offer")
    for step in steps.iterator():
        offer = {"name": step.offer.name, "wording": step.offer.wording} if step.offer else {}
        apps.get_model("campaigns", "PlanStep").objects.filter(pk=step.pk).update(approved_offer=offer)


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0030_pictures_for_steps"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name="campaignpolicy",
            name="plan_cost",
            field=models.DecimalField(
                blank=True,
                db_default=Decimal("2"),
                decimal_places=2,
                default=Decimal("2"),
                help_text="By the prices that Integrations shows for the model. Empty: the tokens alone count.",
                max_digits=8,
                null=True,
                validators=[django.core.validators.MinValueValidator(0)],
                verbose_name="US dollars a plan may cost at most",
            ),
        ),
        migrations.AddField(
            model_name="experiment",
            name="authors",
            field=models.ManyToManyField(
                help_text="Everybody who wrote in it: none of them is the second person.",
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.RunPython(keep_authors, migrations.RunPython.noop),
        migrations.RemoveField(model_name="experiment", name="created_by"),
        migrations.AddField(
            model_name="plan",
            name="replaced_by",
            field=models.ForeignKey(
                blank=True,
                editable=False,
                help_text="The plan that was asked for in its place. It comes back when that one comes to nothing.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="replaces",
                to="campaigns.plan",
            ),
        ),
        migrations.AddField(
            model_name="planstep",
            name="approved_offer",
            field=models.JSONField(
                blank=True,
                editable=False,
                help_text="Name and wording of its offer as approved; {}: none.",
                null=True,
            ),
        ),
        migrations.RunPython(keep_offers, migrations.RunPython.noop),
        migrations.RemoveConstraint(model_name="notice", name="one_notice_per_kind_and_day"),
        migrations.AddConstraint(
            model_name="notice",
            constraint=models.UniqueConstraint(
                fields=("campaign", "kind", "day", "user"), name="one_notice_per_person_and_day"
            ),
        ),
    ]
