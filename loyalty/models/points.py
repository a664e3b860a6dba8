import pgtrigger
from django.db import models
from django.db.models.functions import Now


class EarnRule(models.Model):
    """How purchases become points. The first active rule by priority that covers the day applies.

    What a rule gives never changes once it has given: see loyalty.actions.earn_rules.
    """

    name = models.CharField(max_length=80)
    points_per_unit = models.DecimalField(
        "points per currency unit", max_digits=8, decimal_places=3, help_text="1 means one point for each whole dollar."
    )
    minimum_total = models.DecimalField(max_digits=10, decimal_places=2, default=0)
    starts_on = models.DateField(null=True, blank=True)
    ends_on = models.DateField(null=True, blank=True)
    priority = models.PositiveSmallIntegerField(default=100, help_text="The lowest number is asked first.")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["priority", "pk"]
        constraints = [
            models.CheckConstraint(condition=models.Q(points_per_unit__gte=0), name="earn_rule_gives_points"),
            models.CheckConstraint(
                condition=models.Q(ends_on__gte=models.F("starts_on")), name="earn_rule_ends_after_it_starts"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class PointsAccount(models.Model):
    """A member's balance: the sum of the entries, kept beside them. Made with the member."""

    member = models.OneToOneField("loyalty.Member", models.CASCADE, primary_key=True, related_name="points_account")
    balance = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.balance} points of member {self.member_id}"


class PointsEntry(models.Model):
    """One line of the ledger. Never edited and never deleted: the database itself refuses."""

    class Reason(models.TextChoices):
        PURCHASE = "PURCHASE", "Purchase"
        RETURN = "RETURN", "Return"
        CORRECTION = "CORRECTION", "Correction by staff"

    member = models.ForeignKey("loyalty.Member", models.PROTECT, related_name="points_entries")
    points = models.IntegerField()
    reason = models.CharField(max_length=12, choices=Reason)
    reference = models.CharField(max_length=120, help_text="What caused it; the same cause is entered once.")
    rule = models.ForeignKey(EarnRule, models.PROTECT, null=True, blank=True, related_name="entries")
    order = models.ForeignKey("loyalty.Order", models.PROTECT, null=True, blank=True, related_name="points_entries")
    note = models.CharField(max_length=200, blank=True)
    occurred_at = models.DateTimeField()
    created_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "points entries"
        constraints = [
            models.UniqueConstraint(fields=["reason", "reference"], name="points_once_per_cause"),
            models.CheckConstraint(condition=~models.Q(points=0), name="points_not_zero"),
        ]
        indexes = [models.Index(fields=["member", "-occurred_at", "-id"], name="points_of_member")]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.points:+d} for {self.reference}"
