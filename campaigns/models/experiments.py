"""Several ways to say one step, tried side by side."""

import uuid

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

LETTERS = ("A", "B", "C", "D", "E")


class Experiment(models.Model):
    """A is the step's own words; its variants are the others. Who gets which is drawn once, when the plan is approved.

    Until it is decided, whoever does not take part in the test waits. `winner` is what they get then; it was clearly
    the best only where `is_certain`, and else A, or what a person chose.
    """

    class Measure(models.TextChoices):
        CLICKS = "clicks", "Members who clicked"
        BUYERS = "buyers", "Members who bought"
        ORDERS = "orders", "Orders"
        REVENUE = "revenue", "Revenue"

    class Decides(models.TextChoices):
        AFTER = "AFTER", "After the hours below"
        CERTAIN = "CERTAIN", "As soon as it is certain, at the latest after the hours below"
        NEVER = "NEVER", "Never: everybody takes part, to learn for the next time"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    step = models.OneToOneField("campaigns.PlanStep", models.CASCADE, related_name="experiment")
    measure = models.CharField(max_length=10, choices=Measure, default=Measure.CLICKS)
    decides = models.CharField(max_length=10, choices=Decides, default=Decides.AFTER)
    hours = models.PositiveSmallIntegerField(default=24, validators=[MinValueValidator(1), MaxValueValidator(336)])
    test_percent = models.PositiveSmallIntegerField(
        default=40, validators=[MinValueValidator(2), MaxValueValidator(100)]
    )
    own_weight = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(100)], help_text="Of A, beside the others'."
    )
    created_at = models.DateTimeField()
    winner = models.CharField(max_length=1, blank=True, default="")
    is_certain = models.BooleanField(default=False, help_text="The figures decided, and not chance or a person.")
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="Empty: the rules.",
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(winner="", decided_at=None)
                | ~models.Q(winner="") & models.Q(decided_at__isnull=False),
                name="experiment_decided_when_it_has_a_winner",
            ),
            models.CheckConstraint(
                condition=models.Q(test_percent__gte=2, test_percent__lte=100), name="experiment_tries_a_share"
            ),
            models.CheckConstraint(condition=models.Q(own_weight__gt=0), name="experiment_gives_a_a_weight"),
        ]

    def __str__(self) -> str:
        return f"experiment of step #{self.step_id}"

    @property
    def share(self) -> int:
        """How many percent of the step's members take part."""
        return 100 if self.decides == self.Decides.NEVER else self.test_percent


class Variant(models.Model):
    """Other words for a step, or another template. What is empty is as in A."""

    experiment = models.ForeignKey(Experiment, models.CASCADE, related_name="variants")
    letter = models.CharField(max_length=1)
    weight = models.PositiveSmallIntegerField(default=1, validators=[MinValueValidator(1), MaxValueValidator(100)])
    subject = models.CharField(max_length=150, blank=True)
    body = models.TextField(blank=True)
    template = models.ForeignKey("campaigns.Template", models.PROTECT, null=True, blank=True, related_name="+")
    translations = models.JSONField(default=dict, db_default={}, blank=True)

    class Meta:
        ordering = ["letter"]
        constraints = [
            models.UniqueConstraint(fields=["experiment", "letter"], name="one_variant_per_letter"),
            models.CheckConstraint(condition=models.Q(letter__in=["B", "C", "D", "E"]), name="variant_is_b_to_e"),
            models.CheckConstraint(condition=models.Q(weight__gt=0), name="variant_has_a_weight"),
        ]

    def __str__(self) -> str:
        return f"{self.letter} of experiment #{self.experiment_id}"
