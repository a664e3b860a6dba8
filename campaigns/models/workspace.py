"""What people do with a plan under review: change it, undo that, try other words, talk about it."""

import uuid

from django.conf import settings
from django.db import models


class PlanChange(models.Model):
    """One change of one step, with what the step was before and after. Undone or not, it stays.

    What can be redone are the undone ones with a number above that of the last that stands.
    """

    class Kind(models.TextChoices):
        EDITED = "EDITED", "Changed"
        MOVED = "MOVED", "Moved to another day"
        REMOVED = "REMOVED", "Left out"
        RESTORED = "RESTORED", "Put back"
        WRITTEN = "WRITTEN", "Took another text"
        PICTURED = "PICTURED", "Took another picture"

    plan = models.ForeignKey("campaigns.Plan", models.CASCADE, related_name="changes")
    step = models.ForeignKey("campaigns.PlanStep", models.CASCADE, related_name="changes")
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=Kind)
    before = models.JSONField(help_text="campaigns.rules.steps.StepState as JSON.")
    after = models.JSONField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField()
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    redone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="Who made it again last, after it was undone.",
    )

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["plan", "number"], name="one_plan_change_per_number")]

    def __str__(self) -> str:
        return f"change {self.number} of plan #{self.plan_id}"


class StepText(models.Model):
    """Other words for a step in one language, offered beside those it has. Used or not, they stay."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    step = models.ForeignKey("campaigns.PlanStep", models.CASCADE, related_name="texts")
    call = models.ForeignKey("campaigns.ModelCall", models.SET_NULL, null=True, related_name="texts")
    language = models.CharField(max_length=7)
    subject = models.CharField(max_length=150)
    body = models.TextField()
    wish = models.CharField(max_length=300, blank=True, help_text="What was asked for.")
    written_by = models.CharField(max_length=80, help_text="The language model, or the built-in rules.")
    made_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    used_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"text #{self.pk} for step #{self.step_id} in {self.language}"


class StepComment(models.Model):
    """What somebody says about a step, until somebody calls it settled."""

    step = models.ForeignKey("campaigns.PlanStep", models.CASCADE, related_name="comments")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    text = models.TextField(max_length=1000)
    at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return f"comment #{self.pk} on step #{self.step_id}"
