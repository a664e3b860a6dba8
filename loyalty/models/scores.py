from decimal import Decimal

from django.contrib.postgres.fields import ArrayField
from django.db import models


class MemberStats(models.Model):
    """What a member has bought so far, kept up to date as orders arrive (see loyalty.handlers)."""

    member = models.OneToOneField("loyalty.Member", models.CASCADE, primary_key=True, related_name="stats")
    orders = models.IntegerField(default=0)
    night_orders = models.IntegerField(default=0, help_text="Orders between 21:00 and 05:00 in the store's zone.")
    purchase_days = models.IntegerField(
        default=0, db_default=0, help_text="Days of the business's zone with an order: several of one day are one."
    )
    spent = models.DecimalField(max_digits=14, decimal_places=2, default=0)
    first_ordered_at = models.DateTimeField(null=True)
    last_ordered_at = models.DateTimeField(null=True)
    primary_category = models.CharField(max_length=120, blank=True)

    class Meta:
        verbose_name_plural = "member stats"

    def __str__(self) -> str:
        return f"{self.orders} orders of member {self.member_id}"

    @property
    def average_order(self) -> Decimal | None:
        return round(self.spent / self.orders, 2) if self.orders else None


class Scoring(models.Model):
    """When everybody was last scored, and where the cuts between the quintiles fell. A single row.

    Scores hold for all members together: a quintile is a place among the others. Kept once, the date changes no
    score, so that a night writes only the members who moved (see docs/scores.md).
    """

    as_of = models.DateField()
    scored_at = models.DateTimeField()
    recency_cuts = ArrayField(models.DateField())
    frequency_cuts = ArrayField(models.IntegerField())
    monetary_cuts = ArrayField(models.DecimalField(max_digits=14, decimal_places=2))

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="one_scoring")]

    def __str__(self) -> str:
        return f"Scores as of {self.as_of}"


class Score(models.Model):
    """Recency, frequency and monetary quintiles (5 is best) and the group they make, as of the date of Scoring."""

    class Group(models.TextChoices):
        CHAMPIONS = "champions", "Champions"
        LOYAL = "loyal", "Loyal"
        POTENTIAL_LOYALISTS = "potential_loyalists", "Potential loyalists"
        NEW = "new", "New"
        PROMISING = "promising", "Promising"
        NEED_ATTENTION = "need_attention", "Need attention"
        ABOUT_TO_SLEEP = "about_to_sleep", "About to sleep"
        AT_RISK = "at_risk", "At risk"
        CANNOT_LOSE = "cannot_lose", "Cannot lose"
        HIBERNATING = "hibernating", "Hibernating"
        LOST = "lost", "Lost"

    member = models.OneToOneField("loyalty.Member", models.CASCADE, primary_key=True, related_name="score")
    recency = models.SmallIntegerField()
    frequency = models.SmallIntegerField()
    monetary = models.SmallIntegerField()
    group = models.CharField(max_length=20, choices=Group)
    is_night_buyer = models.BooleanField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(recency__range=(1, 5), frequency__range=(1, 5), monetary__range=(1, 5)),
                name="score_is_a_quintile",
            )
        ]
        indexes = [models.Index(fields=["group"], name="score_group")]

    def __str__(self) -> str:
        return f"{self.get_group_display()} ({self.recency}{self.frequency}{self.monetary})"
