from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models


class CampaignPolicy(models.Model):
    """How this business runs its campaigns. A single row."""

    needs_second_person = models.BooleanField(
        "plans need a second person", default=False, help_text="Whoever asked for a plan cannot approve it."
    )
    max_retries = models.PositiveSmallIntegerField(
        "retries of a message that failed", default=3, validators=[MaxValueValidator(10)]
    )
    retry_minutes = models.PositiveSmallIntegerField(
        "minutes before each retry", default=5, validators=[MinValueValidator(1), MaxValueValidator(1440)]
    )
    attribution_days = models.PositiveSmallIntegerField(
        "days after a click in which an order counts",
        default=7,
        validators=[MinValueValidator(1), MaxValueValidator(90)],
    )

    class Meta:
        verbose_name_plural = "campaign policy"
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="one_campaign_policy")]

    def __str__(self) -> str:
        return "How campaigns run"
