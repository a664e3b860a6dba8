"""The write side: what systems sent, as it came, good or bad. Append-only, one partition for each month of receipt."""

from django.db import models

from tracking.models.log import CurrentTransactionId, TransactionIdField


class ReceivedEvent(models.Model):
    """One event as a system sent it, repeated deliveries and faulty ones included.

    `id` is given before anything is stored, so storing it again (from a spool, after a broken connection) changes
    nothing. `errors` is empty for a valid event, else [{"type", "pointer", "message"}]. Followers read whole
    transactions in the order of `transaction_id`. No foreign keys: systems may go, what they sent stays.
    """

    id = models.UUIDField(primary_key=True)
    received_at = models.DateTimeField()
    transaction_id = TransactionIdField(db_default=CurrentTransactionId(), editable=False)
    system_id = models.BigIntegerField()
    dialect = models.CharField(max_length=20)
    kind = models.CharField(max_length=12)
    name = models.TextField()
    message_id = models.TextField()
    user_id = models.TextField(blank=True)
    anonymous_id = models.TextField(blank=True)
    occurred_at = models.DateTimeField(help_text="Corrected for the clock of the sender.")
    properties = models.JSONField(default=dict)
    context = models.JSONField(default=dict)
    errors = models.JSONField(default=list)
    structure_id = models.BigIntegerField(
        null=True, help_text="The structure it was checked against, if there was one."
    )
    sdk = models.TextField(blank=True)
    correlation_id = models.TextField(blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["transaction_id"], name="received_in_order"),
            models.Index(fields=["message_id"], condition=models.Q(dialect="regulars"), name="received_own"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.id}"
