"""The local mailbox for texts and notifications: what a phone would get is a row and a page, and nobody gets any."""

import json
from datetime import timedelta
from types import TracebackType
from typing import Self

from django.utils import timezone

from integrations import actions
from integrations.channels.base import Message
from integrations.channels.webpush import written
from integrations.models import MailboxMessage


class _MailboxPhone:
    provider = "mailbox"
    remembers_for = timedelta(days=30)
    channel: str

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is open."""

    def send(self, message: Message) -> str:
        actions.take_for_phone(
            channel=self.channel,
            message_id=message.id,
            recipient=message.to,
            subject=self.heading(message),
            raw=self.written(message).encode(),
            now=timezone.now(),
        )
        return message.id

    def heading(self, message: Message) -> str:
        """What a list shows of it."""
        return message.subject

    def written(self, message: Message) -> str:
        raise NotImplementedError


class MailboxSms(_MailboxPhone):
    channel = MailboxMessage.Channel.SMS

    def heading(self, message: Message) -> str:
        return " ".join(message.text.split())

    def written(self, message: Message) -> str:
        return json.dumps({"to": message.to, "text": message.text}, ensure_ascii=False)


class MailboxPush(_MailboxPhone):
    """Whoever has the devices is the recipient, and gets one message whatever their number."""

    channel = MailboxMessage.Channel.PUSH

    def written(self, message: Message) -> str:
        return written(message)
