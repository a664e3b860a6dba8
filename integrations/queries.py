import json
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage

from django.db.models import Count, QuerySet

from integrations.models import MailboxMessage
from integrations.rules import sms as rules


def mailbox(search: str = "", channel: str = "") -> QuerySet[MailboxMessage]:
    messages = MailboxMessage.objects.defer("raw")
    if channel:
        messages = messages.filter(channel=channel)
    if search:
        messages = messages.filter(recipient__icontains=search) | messages.filter(subject__icontains=search)
    return messages


def mailbox_counts(search: str = "") -> dict[str, int]:
    """How many messages by channel."""
    counted = mailbox(search).order_by().values_list("channel").annotate(Count("pk"))
    return dict(counted)


@dataclass(frozen=True)
class Letter:
    """An email as its reader sees it."""

    headers: list[tuple[str, str]]
    text: str
    html: str


def letter(message: MailboxMessage) -> Letter:
    mail = message_from_bytes(bytes(message.raw), policy=policy.default)
    return Letter([(name, str(value)) for name, value in mail.items()], _body(mail, "plain"), _body(mail, "html"))


def _body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body(preferencelist=(kind,))
    return "" if part is None else part.get_content()


@dataclass(frozen=True)
class Sms:
    """A text as its reader sees it, and what it costs by. `foreign` is what keeps it out of the cheaper alphabet."""

    text: str
    size: rules.Size
    foreign: str


def sms(message: MailboxMessage) -> Sms:
    text = json.loads(bytes(message.raw))["text"]
    return Sms(text, rules.size(text), rules.foreign(text))


@dataclass(frozen=True)
class Notification:
    """What the app shows, and what it opens."""

    title: str
    body: str
    link: str


def notification(message: MailboxMessage) -> Notification:
    told = json.loads(bytes(message.raw))
    return Notification(told["title"], told["body"], told["link"])
