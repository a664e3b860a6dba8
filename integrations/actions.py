from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

from django.db import transaction
from django.db.models import Q

from config.shared.nudge import nudge
from integrations.models import MailboxMessage, ProviderReport

LONGEST_SUBJECT = 500


@transaction.atomic
def take_mail(*, sender: str, recipients: list[str], raw: bytes, now: datetime) -> None:
    """Keep an email that reached the local mailbox, once per recipient, and report that it was delivered."""
    mail = message_from_bytes(raw, policy=policy.default)
    message_id = _header(mail, "Message-ID", 250) or f"<{now.timestamp()}@mailbox>"
    subject = _header(mail, "Subject", LONGEST_SUBJECT)
    for recipient in recipients:
        _keep(
            MailboxMessage(message_id=message_id, sender=sender, recipient=recipient, subject=subject, raw=raw),
            now=now,
        )


@transaction.atomic
def take_for_phone(*, channel: str, message_id: str, recipient: str, subject: str, raw: bytes, now: datetime) -> None:
    """Keep a text or a notification, JSON as the channel sent it, and report that it was delivered."""
    shown = _clean(subject, LONGEST_SUBJECT)
    message = MailboxMessage(channel=channel, message_id=message_id, recipient=recipient, subject=shown, raw=raw)
    _keep(message, now=now)


def _keep(message: MailboxMessage, *, now: datetime) -> None:
    """The same message to the same person a second time is no news."""
    kept, is_new = MailboxMessage.objects.get_or_create(
        message_id=message.message_id,
        recipient=message.recipient,
        defaults={
            "channel": message.channel,
            "sender": message.sender,
            "subject": message.subject,
            "raw": message.raw,
            "received_at": now,
        },
    )
    if not is_new:
        return
    ProviderReport.objects.create(
        sender="mailbox",
        key=str(kept.pk),
        channel=kept.channel,
        kind=ProviderReport.Kind.DELIVERED,
        message_id=kept.message_id.strip("<>"),
        provider_id=kept.message_id,
        occurred_at=now,
        received_at=now,
    )
    nudge("campaigns.apply_reports")


def _header(mail: EmailMessage, name: str, longest: int) -> str:
    return _clean(str(mail[name] or ""), longest)


def _clean(text: str, longest: int) -> str:
    return text.replace("\x00", "").strip()[:longest]


def mark_read(*, message: MailboxMessage, now: datetime) -> None:
    MailboxMessage.objects.filter(pk=message.pk, read_at=None).update(read_at=now)


@transaction.atomic
def empty_mailbox() -> int:
    """Throw away every message of the local mailbox. Returns how many there were."""
    return MailboxMessage.objects.all().delete()[0]


def forget_reports(*, addresses: set[str], provider_ids: set[str], message_ids: set[str]) -> None:
    """Of somebody who has left: that something was reported stays, whom it was about and in what words does not."""
    about = Q(address__in=addresses - {""})
    about |= Q(provider_id__in=provider_ids - {""}) | Q(message_id__in=message_ids - {""})
    ProviderReport.objects.filter(about).update(address="", reason="")
