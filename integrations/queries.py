from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage

from django.db.models import QuerySet

from integrations.models import MailboxMessage


def mailbox(search: str = "") -> QuerySet[MailboxMessage]:
    messages = MailboxMessage.objects.defer("raw")
    if search:
        messages = messages.filter(recipient__icontains=search) | messages.filter(subject__icontains=search)
    return messages


@dataclass(frozen=True)
class Letter:
    """A message as its reader sees it."""

    headers: list[tuple[str, str]]
    text: str
    html: str


def letter(message: MailboxMessage) -> Letter:
    mail = message_from_bytes(bytes(message.raw), policy=policy.default)
    return Letter([(name, str(value)) for name, value in mail.items()], _body(mail, "plain"), _body(mail, "html"))


def _body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body(preferencelist=(kind,))
    return "" if part is None else part.get_content()
