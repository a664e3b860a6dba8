import uuid

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models


class CodeBatch(models.Model):
    """Product codes that were made together, to be printed on a sheet and scanned by members."""

    class Use(models.TextChoices):
        SINGLE = "single", "Each code counts once"
        MEMBERS = "members", "Each member may scan it, up to a limit"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=80)
    product = models.ForeignKey("loyalty.Product", models.PROTECT, null=True, blank=True, related_name="code_batches")
    use = models.CharField(max_length=7, choices=Use, default=Use.SINGLE)
    per_member = models.PositiveSmallIntegerField(default=1, validators=[MinValueValidator(1)])
    size = models.PositiveIntegerField(validators=[MinValueValidator(1), MaxValueValidator(10_000)])
    points = models.PositiveIntegerField(default=0, help_text="For each scan, beside what earn rules give.")
    expires_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "code batches"

    def __str__(self) -> str:
        return self.name


class ProductCode(models.Model):
    """One code. Its text is signed, and made again from its number when it is printed: it is not kept."""

    batch = models.ForeignKey(CodeBatch, models.CASCADE, related_name="codes")
    scans = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"code {self.pk}"


class Scan(models.Model):
    """A product code read by a member. `client_id` is the phone's own, so that a queued scan counts once."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    member = models.ForeignKey("loyalty.Member", models.PROTECT, related_name="scans", db_index=False)
    code = models.ForeignKey(ProductCode, models.PROTECT, related_name="scanned")
    client_id = models.UUIDField()
    points = models.PositiveIntegerField(default=0, db_default=0, help_text="What it brought, with earn rules.")
    scanned_at = models.DateTimeField()
    received_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["member", "client_id"], name="one_scan_per_client_id")]
        indexes = [models.Index(fields=["member", "-scanned_at", "-id"], name="scans_of_member")]

    def __str__(self) -> str:
        return f"{self.code_id} by member {self.member_id}"
