"""Who else hears of what happens here, and each event on its way to them, attempt by attempt."""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models


class Destination(models.Model):
    """One place that is told of events. `kind` names its adapter (integrations.outbound.kinds), `options` is what
    that one asks for. An address among them may hold a key: they are shown to those who may change them, and to
    nobody in the admin or the trail."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=30)
    options = models.JSONField(default=dict)
    events = ArrayField(models.CharField(max_length=80), help_text="Names of the events it is told of.")
    tells_people = models.BooleanField("tells who people are", default=False)
    is_enabled = models.BooleanField(default=True)
    disabled_because = models.CharField(max_length=300, blank=True)
    told_since = models.DateTimeField(help_text="What was recorded before is not told.")
    secret = models.TextField(editable=False, help_text="Sealed (config.shared.sealing).")
    old_secret = models.TextField(blank=True, editable=False, help_text="Sealed; signs beside the new one for a while.")
    old_secret_until = models.DateTimeField(null=True, blank=True)
    rests_until = models.DateTimeField(null=True, blank=True, help_text="It asked for a pause, or was silent.")
    delivered_at = models.DateTimeField(null=True, blank=True, help_text="The last success, to ten seconds.")
    failing_since = models.DateTimeField(null=True, blank=True, help_text="The first failure with no success since.")
    failing_days = models.PositiveSmallIntegerField(default=0, help_text="On how many days it has failed since then.")
    failed_at = models.DateTimeField(null=True, blank=True, help_text="The last failure.")
    last_error = models.CharField(max_length=300, blank=True)
    taken_at = models.DateTimeField(null=True, blank=True, help_text="Whoever waits longest is told first.")
    going_since = models.DateTimeField(null=True, blank=True, help_text="Deleted; its deliveries go bit by bit.")
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["name"], condition=models.Q(going_since=None), name="one_destination_per_name"
            )
        ]

    def __str__(self) -> str:
        return self.name


class OutboundDelivery(models.Model):
    """One event on its way to one destination; without `event` it is a test of `event_name`."""

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        DELIVERED = "delivered", "Delivered"
        FAILED = "failed", "Failed"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    # Without indexes of their own: those below begin with the destination, and events of the log are never deleted.
    destination = models.ForeignKey(Destination, models.CASCADE, related_name="deliveries", db_index=False)
    event = models.ForeignKey("tracking.Event", models.CASCADE, null=True, blank=True, related_name="+", db_index=False)
    event_name = models.CharField(max_length=80)
    status = models.CharField(max_length=9, choices=Status, default=Status.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    attempts_before = models.PositiveIntegerField(default=0, help_text="Of earlier rounds: a replay begins anew.")
    due_at = models.DateTimeField(help_text="When it is tried next.")
    claimed_until = models.DateTimeField(null=True, blank=True)
    last_status = models.PositiveSmallIntegerField(null=True, blank=True, help_text="HTTP status of the last answer.")
    error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "outbound deliveries"
        constraints = [
            models.UniqueConstraint(fields=["destination", "event"], name="one_delivery_per_destination_and_event")
        ]
        indexes = [
            models.Index(
                fields=["destination", "due_at", "id"], condition=models.Q(status="waiting"), name="outbound_due"
            ),
            models.Index(
                fields=["destination", "claimed_until"],
                condition=models.Q(status="waiting", claimed_until__isnull=False),
                name="outbound_under_way",
            ),
            models.Index(fields=["destination", "status", "-id"], name="outbound_by_status"),
            models.Index(fields=["destination", "-id"], name="outbound_newest"),
            models.Index(fields=["created_at"], name="outbound_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.event_name} {self.status}"


class DeliveryAttempt(models.Model):
    """One call, and what came of it. Without `status` nobody answered."""

    # Without an index of its own: that of the constraint below begins with it.
    delivery = models.ForeignKey(OutboundDelivery, models.CASCADE, related_name="tries", db_index=False)
    number = models.PositiveIntegerField()
    at = models.DateTimeField()
    duration_ms = models.PositiveIntegerField()
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    answer = models.CharField(
        max_length=1_024, blank=True, help_text="The beginning, without addresses; empty where people are told of."
    )
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["delivery", "number"], name="one_delivery_attempt_per_number")]

    def __str__(self) -> str:
        return f"attempt {self.number}: {self.status or 'no answer'}"
