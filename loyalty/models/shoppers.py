"""How members and tills get in: one-time codes, devices with their tokens, keys of stores, and answers given before."""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _


class LoginCode(models.Model):
    """A one-time code sent to an email address or phone number. Only a digest of it is kept."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    channel = models.CharField(max_length=5)
    destination = models.CharField(max_length=254)
    language = models.CharField(max_length=7, blank=True)
    digest = models.BinaryField(max_length=32, default=b"", editable=False)
    wrong_tries = models.PositiveSmallIntegerField(default=0)
    address = models.GenericIPAddressField(null=True, blank=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    claimed_until = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["destination", "-created_at"], name="codes_of_destination"),
            models.Index(fields=["created_at"], name="codes_by_age"),
        ]

    def __str__(self) -> str:
        return str(self.public_id)


class Device(models.Model):
    """A phone or browser a member signed in on. Its refresh tokens are one family: revoked together."""

    class Ended(models.TextChoices):
        SIGNED_OUT = "signed_out", "Signed out"
        REVOKED = "revoked", "Revoked"
        REUSED = "reused", "An old token was used again"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    member = models.ForeignKey("loyalty.Member", models.CASCADE, related_name="devices")
    name = models.CharField(max_length=120)
    created_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    address = models.GenericIPAddressField(null=True, blank=True)
    browser_digest = models.BinaryField(
        max_length=32, null=True, blank=True, editable=False, help_text="Of the cookie that outlives a sign-out."
    )
    card_step = models.BigIntegerField(
        default=0, db_default=0, editable=False, help_text="Of the last card shown at a till: none is taken twice."
    )
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.CharField(max_length=10, choices=Ended, blank=True)

    class Meta:
        indexes = [models.Index(fields=["browser_digest"], name="devices_of_browser")]

    def __str__(self) -> str:
        return f"{self.name} of member {self.member_id}"


class RefreshToken(models.Model):
    """One link in a device's chain of refresh tokens; used once, and a second use ends the device."""

    device = models.ForeignKey(Device, models.CASCADE, related_name="refresh_tokens")
    digest = models.BinaryField(max_length=32, unique=True, editable=False)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"token {self.pk} of device {self.device_id}"


class TillKey(models.Model):
    """What a store's till shows to call the API. Shown once, kept only as a digest."""

    class Scope(models.TextChoices):
        MEMBERS = "members", _("Find and enrol members")
        ORDERS = "orders", _("Send orders and returns")
        REDEEM = "redeem", _("Redeem and give back rewards")

    store = models.ForeignKey("loyalty.Store", models.PROTECT, related_name="till_keys")
    name = models.CharField(max_length=80)
    scopes = ArrayField(models.CharField(max_length=8, choices=Scope))
    prefix = models.CharField(max_length=10)
    digest = models.BinaryField(max_length=32, unique=True, editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.prefix}… {self.name}"


class Answer(models.Model):
    """The answer to a write with an Idempotency-Key, given again to the same request. Kept for a day."""

    caller = models.CharField(max_length=60)
    key = models.CharField(max_length=100)
    request_digest = models.BinaryField(max_length=32, editable=False)
    status = models.PositiveSmallIntegerField()
    body = models.JSONField(null=True)
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["caller", "key"], name="one_answer_per_key")]

    def __str__(self) -> str:
        return f"{self.caller} {self.key}"


class PushSubscription(models.Model):
    """Where a device takes web push messages (RFC 8030, RFC 8291)."""

    device = models.ForeignKey(Device, models.CASCADE, related_name="push_subscriptions")
    endpoint = models.URLField(max_length=1000)
    endpoint_digest = models.BinaryField(max_length=32, unique=True, editable=False)
    p256dh = models.CharField(max_length=200)
    auth = models.CharField(max_length=100)
    created_at = models.DateTimeField()
    gone_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"push of device {self.device_id}"


class MemberMerge(models.Model):
    """Two members who were one person. What was moved is written down, so that it can be undone."""

    kept = models.ForeignKey("loyalty.Member", models.PROTECT, related_name="merges")
    merged = models.ForeignKey("loyalty.Member", models.PROTECT, related_name="merged_away")
    moved = models.JSONField(help_text="Table -> ids, and the fields as they were.")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    merged_at = models.DateTimeField()
    undone_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.merged_id} into {self.kept_id}"
