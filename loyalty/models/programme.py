from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models


class Programme(models.Model):
    """The terms of the loyalty programme. A single row. What was given under older terms keeps them."""

    class Earning(models.TextChoices):
        FIRST = "first", "The first rule that fits"
        ADDITIVE = "additive", "All rules that fit, added up"

    class Pending(models.TextChoices):
        AT_ONCE = "at_once", "At once"
        DAYS = "days", "After some days"
        DELIVERY = "delivery", "When the order is delivered"
        EVENT = "event", "When an event of the member comes in"

    class Expiry(models.TextChoices):
        NEVER = "never", "Never"
        ROLLING = "rolling", "A number of days after they were earned"
        FIXED = "fixed", "On one day of the year"
        SLIDING = "sliding", "After a number of days without buying or earning"

    class ReturnPolicy(models.TextChoices):
        PENDING_ONLY = "pending_only", "Only points that are still pending"
        WITHIN_BALANCE = "within_balance", "Pending points, then the balance, never below zero"
        UNLIMITED = "unlimited", "All of them, even below zero"

    class TierBasis(models.TextChoices):
        POINTS = "points", "Points earned"
        SPEND = "spend", "Money spent"
        VISITS = "visits", "Visits"

    point_value = models.DecimalField(
        max_digits=8,
        decimal_places=4,
        default="0.01",
        validators=[MinValueValidator(0)],
        help_text="What one point is worth in money, for the liability report.",
    )
    earning = models.CharField(max_length=8, choices=Earning, default=Earning.FIRST)
    pending = models.CharField("points can be used", max_length=8, choices=Pending, default=Pending.AT_ONCE)
    pending_days = models.PositiveSmallIntegerField(default=14, validators=[MaxValueValidator(365)])
    pending_event = models.CharField(max_length=100, blank=True, help_text="For example order.delivered.")
    expiry = models.CharField("points expire", max_length=8, choices=Expiry, default=Expiry.NEVER)
    expiry_days = models.PositiveSmallIntegerField(default=365, validators=[MinValueValidator(1)])
    expires_on = models.CharField(
        max_length=5,
        default="12-31",
        validators=[RegexValidator(r"^(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$", "Write month and day, such as 12-31.")],
    )
    return_policy = models.CharField(max_length=14, choices=ReturnPolicy, default=ReturnPolicy.UNLIMITED)
    tier_basis = models.CharField(max_length=6, choices=TierBasis, default=TierBasis.SPEND)
    tier_window_days = models.PositiveSmallIntegerField(default=365, validators=[MinValueValidator(1)])
    tier_grace_days = models.PositiveSmallIntegerField(default=30)
    hold_minutes = models.PositiveSmallIntegerField(
        default=30, validators=[MinValueValidator(1), MaxValueValidator(10_080)]
    )
    referrer_points = models.PositiveIntegerField(default=200)
    friend_points = models.PositiveIntegerField(default=100)
    referral_minimum = models.DecimalField(
        max_digits=10, decimal_places=2, default=0, help_text="The friend's first order must reach it."
    )
    referrals_per_month = models.PositiveSmallIntegerField(
        default=5, help_text="More friends of one member in a month wait for review."
    )

    class Meta:
        verbose_name_plural = "programme"
        constraints = [
            models.CheckConstraint(condition=models.Q(pk=1), name="one_programme"),
            models.CheckConstraint(
                condition=~models.Q(pending="event") | ~models.Q(pending_event=""), name="pending_event_is_named"
            ),
        ]

    def __str__(self) -> str:
        return "Programme"


class ReferralMilestone(models.Model):
    """Points on top once a member has brought so many friends who bought."""

    friends = models.PositiveSmallIntegerField(unique=True, validators=[MinValueValidator(1)])
    points = models.PositiveIntegerField(validators=[MinValueValidator(1)])

    class Meta:
        ordering = ["friends"]

    def __str__(self) -> str:
        return f"{self.points} points for {self.friends} friends"
