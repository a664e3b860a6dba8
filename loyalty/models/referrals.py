from django.conf import settings
from django.db import models


class Invite(models.Model):
    """A member's own link to bring friends by."""

    member = models.OneToOneField("loyalty.Member", models.CASCADE, primary_key=True, related_name="invite")
    code = models.CharField(max_length=12, unique=True)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.code


class Referral(models.Model):
    """A friend who joined by a member's link. Both get points when the friend first buys, or when staff say so."""

    class Status(models.TextChoices):
        JOINED = "joined", "Joined"
        HELD = "held", "Held for review"
        REWARDED = "rewarded", "Rewarded"
        REFUSED = "refused", "Refused"

    referrer = models.ForeignKey("loyalty.Member", models.PROTECT, related_name="referrals")
    friend = models.OneToOneField("loyalty.Member", models.PROTECT, related_name="referred_by")
    status = models.CharField(max_length=8, choices=Status, default=Status.JOINED, db_index=True)
    reasons = models.JSONField(default=list, help_text="Why it waits: self, ring, same device, same contact ...")
    address = models.GenericIPAddressField(null=True, blank=True)
    device_digest = models.BinaryField(max_length=32, null=True, blank=True, editable=False)
    order = models.ForeignKey("loyalty.Order", models.PROTECT, null=True, blank=True, related_name="+")
    joined_at = models.DateTimeField()
    bought_at = models.DateTimeField(null=True, blank=True)
    rewarded_at = models.DateTimeField(null=True, blank=True)
    reviewed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~models.Q(referrer=models.F("friend")), name="nobody_brings_themselves")
        ]
        indexes = [
            models.Index(fields=["address", "joined_at"], name="referrals_of_address"),
            models.Index(fields=["device_digest"], name="referrals_of_device"),
        ]

    def __str__(self) -> str:
        return f"{self.referrer_id} brought {self.friend_id}"
