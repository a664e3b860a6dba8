"""What staff are told, and whether each place they look at has it."""

import uuid

from django.db import models


class StaffAlert(models.Model):
    """Something somebody here should know soon. `key` makes telling it twice harmless."""

    class Severity(models.TextChoices):
        CRITICAL = "critical", "Critical"
        ERROR = "error", "Error"
        WARNING = "warning", "Warning"
        INFO = "info", "For information"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    key = models.CharField(max_length=150, unique=True)
    severity = models.CharField(max_length=8, choices=Severity)
    title = models.CharField(max_length=150)
    text = models.CharField(max_length=500)
    link = models.URLField(max_length=500)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return self.title


class AlertDelivery(models.Model):
    """One alert on its way to one of ALERT_URLS, which `outlet` names without giving it away."""

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        TOLD = "told", "Told"
        FAILED = "failed", "Failed"

    alert = models.ForeignKey(StaffAlert, models.CASCADE, related_name="deliveries")
    outlet = models.CharField(max_length=16)
    status = models.CharField(max_length=7, choices=Status, default=Status.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(help_text="When it is tried next.")
    claimed_until = models.DateTimeField(null=True, blank=True)
    told_at = models.DateTimeField(null=True, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True, help_text="The last try that failed.")
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        verbose_name_plural = "alert deliveries"
        constraints = [models.UniqueConstraint(fields=["alert", "outlet"], name="one_delivery_per_alert_and_outlet")]
        indexes = [
            models.Index(fields=["due_at"], condition=models.Q(status="waiting"), name="alert_deliveries_due"),
            models.Index(fields=["outlet", "-told_at"], name="alert_deliveries_of_outlet"),
        ]

    def __str__(self) -> str:
        return f"alert #{self.alert_id} {self.status}"
