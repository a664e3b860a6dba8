"""What providers tell us: first their call as it came, then each thing it says of a message or of an address."""

import uuid

from django.db import models


class InboundCall(models.Model):
    """One call of a provider whose signature was right, with its body as it came. The same call again is no news."""

    class Status(models.TextChoices):
        NEW = "new", "Waiting"
        READ = "read", "Read"
        UNREADABLE = "unreadable", "Not understood"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    sender = models.CharField(max_length=30)
    content_type = models.CharField(max_length=100, blank=True)
    query = models.CharField(
        max_length=500, blank=True, default="", db_default="", help_text="What was behind the ? of the address."
    )
    body = models.BinaryField(editable=False)
    digest = models.BinaryField(max_length=32, editable=False, help_text="SHA-256 of what makes two calls the same.")
    received_at = models.DateTimeField()
    status = models.CharField(max_length=10, choices=Status, default=Status.NEW, db_default=Status.NEW)
    fault = models.CharField(max_length=500, blank=True, default="", db_default="")
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["sender", "digest"], name="one_inbound_call_per_digest")]
        indexes = [
            models.Index(fields=["id"], condition=models.Q(status="new"), name="inbound_calls_to_read"),
            models.Index(fields=["-received_at", "-id"], name="inbound_calls_newest"),
            models.Index(
                fields=["-received_at", "-id"], condition=models.Q(status="unreadable"), name="inbound_calls_unreadable"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sender} {self.received_at:%Y-%m-%d %H:%M:%S}"


class ProviderReport(models.Model):
    """One thing a provider says of a message, or of an address. Those above follow these rows and note what they did.

    `message_id` is our own id of the message where the provider gives it back, `provider_id` the provider's.
    `key` is what makes a report the same when it is told twice.
    """

    class Kind(models.TextChoices):
        ACCEPTED = "accepted", "Accepted"
        DELIVERED = "delivered", "Delivered"
        DEFERRED = "deferred", "Deferred"
        BOUNCED = "bounced", "Bounced"
        FAILED = "failed", "Failed"
        COMPLAINED = "complained", "Complained"
        UNSUBSCRIBED = "unsubscribed", "Unsubscribed"
        SUBSCRIBED = "subscribed", "Subscribed again"
        ASKED_HELP = "asked_help", "Asked for help"
        OTHER = "other", "Something else"

    call = models.ForeignKey(InboundCall, models.SET_NULL, null=True, blank=True, related_name="reports")
    sender = models.CharField(max_length=30)
    key = models.CharField(max_length=200)
    channel = models.CharField(max_length=10)
    kind = models.CharField(max_length=12, choices=Kind)
    message_id = models.CharField(max_length=250, blank=True, default="", db_default="")
    provider_id = models.CharField(max_length=250, blank=True, default="", db_default="")
    address = models.CharField(max_length=254, blank=True, default="", db_default="")
    is_permanent = models.BooleanField(default=False, db_default=False, help_text="A bounce that will not mend.")
    reason = models.CharField(max_length=500, blank=True, default="", db_default="")
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    applied_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["sender", "key"], name="one_provider_report_per_key")]
        indexes = [
            models.Index(fields=["id"], condition=models.Q(applied_at=None), name="provider_reports_to_apply"),
            models.Index(fields=["message_id"], condition=~models.Q(message_id=""), name="provider_reports_of_message"),
            models.Index(
                fields=["provider_id"], condition=~models.Q(provider_id=""), name="provider_reports_of_number"
            ),
            models.Index(
                fields=["address", "-id"],
                condition=models.Q(kind__in=["unsubscribed", "subscribed"]),
                name="provider_reports_of_choices",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sender}: {self.get_kind_display()}"
