from django.db import models


class MailboxMessage(models.Model):
    """One message that reached the local mailbox: an email as it came over SMTP, a text or a notification as JSON."""

    class Channel(models.TextChoices):
        EMAIL = "email", "Email"
        SMS = "sms", "SMS"
        PUSH = "push", "Push"

    channel = models.CharField(max_length=10, choices=Channel, default=Channel.EMAIL, db_default=Channel.EMAIL)
    message_id = models.CharField(max_length=250)
    sender = models.CharField(max_length=254)
    recipient = models.CharField(max_length=254)
    subject = models.CharField(max_length=500, blank=True)
    raw = models.BinaryField()
    received_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-received_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["message_id", "recipient"], name="one_mailbox_message_per_recipient")
        ]
        indexes = [models.Index(fields=["-received_at", "-id"], name="mailbox_newest")]

    def __str__(self) -> str:
        return f"{self.subject} to {self.recipient}"
