import uuid
from datetime import datetime

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q


class Picture(models.Model):
    """A picture, made small and checked when it came in. Its digest is its address, so it is cached for good."""

    digest = models.CharField(max_length=32, unique=True)
    content = models.BinaryField()
    width = models.PositiveSmallIntegerField()
    height = models.PositiveSmallIntegerField()
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.digest


class Reward(models.Model):
    """Something members get for points, while it is offered and there is some left."""

    class Kind(models.TextChoices):
        ITEM = "item", "Free product"
        DISCOUNT = "discount", "Money off"
        SERVICE = "service", "Service or event"
        MERCHANDISE = "merchandise", "Merchandise"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=80)
    description = models.TextField(blank=True)
    terms = models.TextField(blank=True)
    kind = models.CharField(max_length=11, choices=Kind, default=Kind.DISCOUNT)
    picture = models.ForeignKey(Picture, models.PROTECT, null=True, blank=True, related_name="+")
    product = models.ForeignKey("loyalty.Product", models.PROTECT, null=True, blank=True, related_name="rewards")
    cost = models.PositiveIntegerField("cost in points", validators=[MinValueValidator(1)])
    value = models.DecimalField(max_digits=10, decimal_places=2, default=0, help_text="What it costs the shop.")
    stock = models.PositiveIntegerField(null=True, blank=True, help_text="How many are left. Empty: no limit.")
    per_member = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Most times one member gets it.")
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    tier = models.ForeignKey(
        "loyalty.Tier", models.PROTECT, null=True, blank=True, related_name="rewards", help_text="From this tier on."
    )
    segment = models.ForeignKey("loyalty.Segment", models.PROTECT, null=True, blank=True, related_name="rewards")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ["cost", "pk"]
        constraints = [
            models.CheckConstraint(condition=Q(cost__gt=0), name="reward_costs_points"),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="reward_ends_after_it_starts"),
        ]

    def __str__(self) -> str:
        return self.name

    def is_open_at(self, now: datetime) -> bool:
        begun = self.starts_at is None or self.starts_at <= now
        return self.is_active and begun and (self.ends_at is None or now < self.ends_at)


class Redemption(models.Model):
    """A reward held for a member with its points locked, until it is handed over, given back, or runs out."""

    class Status(models.TextChoices):
        HELD = "held", "Held"
        REDEEMED = "redeemed", "Redeemed"
        RELEASED = "released", "Given back"
        EXPIRED = "expired", "Ran out"

    class Proof(models.TextChoices):
        QR = "qr", "QR code"
        PIN = "pin", "PIN"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    member = models.ForeignKey("loyalty.Member", models.PROTECT, related_name="redemptions", db_index=False)
    reward = models.ForeignKey(Reward, models.PROTECT, related_name="redemptions")
    points = models.PositiveIntegerField()
    value = models.DecimalField(max_digits=10, decimal_places=2, default=0)
    status = models.CharField(max_length=8, choices=Status, default=Status.HELD)
    code = models.CharField(max_length=8, help_text="Short, for the counter; unique while it is held.")
    held_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    wrong_pins = models.PositiveSmallIntegerField(default=0)
    proof = models.CharField(max_length=3, choices=Proof, blank=True)
    store = models.ForeignKey(
        "loyalty.Store", models.PROTECT, null=True, blank=True, related_name="redemptions", db_index=False
    )
    order = models.ForeignKey(
        "loyalty.Order", models.PROTECT, null=True, blank=True, related_name="redemptions", db_index=False
    )
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["code"], condition=Q(status="held"), name="one_held_redemption_per_code"),
            models.CheckConstraint(
                condition=Q(status="held", ended_at=None) | (~Q(status="held") & Q(ended_at__isnull=False)),
                name="redemption_ends_once",
            ),
        ]
        indexes = [
            models.Index(fields=["member", "-held_at", "-id"], name="redemptions_of_member"),
            models.Index(fields=["expires_at"], condition=Q(status="held"), name="holds_to_expire"),
            models.Index(fields=["store"], condition=Q(store__isnull=False), name="redemptions_at_store"),
            models.Index(fields=["order"], condition=Q(order__isnull=False), name="redemptions_of_order"),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.reward_id}"


class RewardPolicy(models.Model):
    """What the law of a state says of one kind of reward for one trade. Put in force by the shop, never by itself."""

    state = models.CharField(max_length=2, help_text="Two letters, such as CA.")
    vertical = models.CharField(max_length=10)
    kind = models.CharField(max_length=11, choices=Reward.Kind)
    is_denied = models.BooleanField("forbidden", default=True)
    reason = models.CharField(max_length=300, help_text="What members and staff read when it is refused.")
    source = models.CharField(max_length=300, help_text="The law or rule it rests on.")
    as_of = models.DateField(help_text="When the source was read.")
    is_in_force = models.BooleanField(default=False)

    class Meta:
        ordering = ["state", "vertical", "kind"]
        verbose_name_plural = "reward policies"
        constraints = [
            models.UniqueConstraint(fields=["state", "vertical", "kind"], name="one_reward_policy_per_state_and_kind")
        ]

    def __str__(self) -> str:
        return f"{self.state} {self.vertical} {self.kind}"
