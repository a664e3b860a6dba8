"""Members' cards in the wallets of their phones."""

import uuid

from django.db import models


class WalletPass(models.Model):
    """A member's card in one make of wallet, on however many phones. The row holds what it shows.

    Only what brings passes up to date changes that: it gives all it changes one `revision`, so that a phone can ask
    what is newer than the last one it heard of.
    """

    class Kind(models.TextChoices):
        APPLE = "apple", "Apple Wallet"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    member = models.ForeignKey("loyalty.Member", models.PROTECT, related_name="wallet_passes")
    kind = models.CharField(max_length=10, choices=Kind)
    name = models.CharField(max_length=120, blank=True)
    points = models.BigIntegerField(default=0)
    tier = models.CharField(max_length=40, blank=True)
    revision = models.BigIntegerField(default=0)
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    voided_at = models.DateTimeField(null=True, blank=True, help_text="From then on it is empty and no till reads it.")
    push_due_at = models.DateTimeField(null=True, blank=True, help_text="When its phones are told that it changed.")
    claimed_until = models.DateTimeField(null=True, blank=True)
    pushed_at = models.DateTimeField(null=True, blank=True)
    pushed_on = models.DateField(null=True, blank=True)
    pushes = models.PositiveSmallIntegerField(default=0, help_text="How often its phones were told on that day.")

    class Meta:
        verbose_name_plural = "wallet passes"
        constraints = [
            models.UniqueConstraint(
                fields=["member", "kind"], condition=models.Q(voided_at=None), name="one_wallet_pass_per_member"
            )
        ]
        indexes = [
            models.Index(fields=["revision"], name="wallet_passes_by_revision"),
            models.Index(
                fields=["push_due_at"], condition=models.Q(push_due_at__isnull=False), name="wallet_passes_to_push"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of member {self.member_id}"


class WalletPhone(models.Model):
    """A phone that has a pass and wants to hear of its changes, by the token its maker knows it by."""

    wallet_pass = models.ForeignKey(WalletPass, models.CASCADE, related_name="phones")
    device_id = models.CharField(max_length=100)
    push_token = models.CharField(max_length=200)
    registered_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["wallet_pass", "device_id"], name="one_wallet_phone_per_pass_and_device")
        ]
        indexes = [
            models.Index(fields=["device_id"], name="wallet_phones_by_device"),
            models.Index(fields=["push_token"], name="wallet_phones_by_token"),
        ]

    def __str__(self) -> str:
        return f"phone {self.pk} with pass {self.wallet_pass_id}"
