from django.core.validators import MinValueValidator
from django.db import models


class Tier(models.Model):
    """A standing that members reach by the programme's basis: points earned, money spent or visits in its window."""

    name = models.CharField(max_length=40, unique=True)
    threshold = models.DecimalField(
        max_digits=12,
        decimal_places=2,
        unique=True,
        validators=[MinValueValidator(0)],
        help_text="Reached from here on.",
    )
    colour = models.CharField(max_length=7, default="#a16207")
    perks = models.TextField(blank=True, help_text="What members of it get, in their words: one line each.")

    class Meta:
        ordering = ["threshold"]

    def __str__(self) -> str:
        return self.name


class TierStanding(models.Model):
    """The tier a member has, what they reached in the window, and until when a lower figure is forgiven."""

    member = models.OneToOneField("loyalty.Member", models.CASCADE, primary_key=True, related_name="tier_standing")
    tier = models.ForeignKey(Tier, models.PROTECT, null=True, blank=True, related_name="standings")
    reached = models.DecimalField(max_digits=14, decimal_places=2, default=0)
    since = models.DateTimeField()
    keeps_until = models.DateTimeField(null=True, blank=True, help_text="The end of the grace, once it has begun.")
    counted_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"member {self.member_id}: {self.tier}"
