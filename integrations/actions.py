from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

from django.db import transaction

from integrations.events import MessageDelivered
from integrations.models import MailboxMessage
from tracking.actions import record


@transaction.atomic
def take_mail(*, sender: str, recipients: list[str], raw: bytes, now: datetime) -> None:
    """Keep a message that reached the local mailbox, once per recipient, and say that it was delivered."""
    mail = message_from_bytes(raw, policy=policy.default)
    message_id = _header(mail, "Message-ID", 250) or f"<{now.timestamp()}@mailbox>"
    for recipient in recipients:
        message, is_new = MailboxMessage.objects.get_or_create(
            message_id=message_id,
            recipient=recipient,
            defaults={
                "sender": sender,
                "subject": _header(mail, "Subject", 500),
                "raw": raw,
                "received_at": now,
            },
        )
        if is_new:
            delivered = MessageDelivered(
                subject=str(message.pk), provider_id=message_id, channel="email", delivered_at=now.isoformat()
            )
            record(delivered, key=str(message.pk), at=now)


def _header(mail: EmailMessage, name: str, longest: int) -> str:
    return str(mail[name] or "").replace("\x00", "").strip()[:longest]


def mark_read(*, message: MailboxMessage, now: datetime) -> None:
    MailboxMessage.objects.filter(pk=message.pk, read_at=None).update(read_at=now)


@transaction.atomic
def empty_mailbox() -> int:
    """Throw away every message of the local mailbox. Returns how many there were."""
    return MailboxMessage.objects.all().delete()[0]
