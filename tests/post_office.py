"""A real SMTP server that does what a test asks of it, and counts what it took."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from threading import Event
from types import SimpleNamespace
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass
class PostOffice:
    """A real SMTP server. `at_rcpt` and `at_data` say what it answers for an address; what it took is in `taken`."""

    port: int = 0
    taken: list[tuple[str, bytes]] = field(default_factory=list)
    at_rcpt: dict[str, str] = field(default_factory=dict)
    at_data: dict[str, str] = field(default_factory=dict)
    hangs_up_after: set[str] = field(default_factory=set)
    hangs_up_before: set[str] = field(default_factory=set)
    on_message: Callable[[str], None] = lambda recipient: None
    closes_after_each: bool = False
    pipelines: bool = False
    connections: int = 0
    _closed: Event = field(default_factory=Event)

    @property
    def recipients(self) -> list[str]:
        return [recipient for recipient, _raw in self.taken]

    @property
    def taken_ids(self) -> list[str]:
        read = BytesHeaderParser(policy=policy.default).parsebytes
        return [str(read(raw)["Message-ID"]) for _recipient, raw in self.taken]

    def letters(self) -> list[EmailMessage]:
        return [message_from_bytes(raw, policy=policy.default) for _recipient, raw in self.taken]  # type: ignore[misc]

    def letter_to(self, recipient: str) -> EmailMessage:
        return next(letter for letter in self.letters() if letter["To"] == recipient)

    def _close(self, server: SMTP) -> None:
        server.transport.close()
        asyncio.get_running_loop().call_soon(self._closed.set)

    def spoken_to(self) -> SimpleNamespace:
        """What the server may see of this. It looks at every attribute with each connection, and ours read letters."""
        return SimpleNamespace(handle_EHLO=self.handle_EHLO, handle_RCPT=self.handle_RCPT, handle_DATA=self.handle_DATA)

    def wait_until_closed(self) -> None:
        assert self._closed.wait(10)

    async def handle_EHLO(self, server: SMTP, session: Session, envelope: Envelope, hostname: str, replies: Any) -> Any:
        session.host_name = hostname
        self.connections += 1
        return [*replies[:-1], "250-PIPELINING", replies[-1]] if self.pipelines else replies

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.at_rcpt:
            return self.at_rcpt[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        recipient = envelope.rcpt_tos[0]
        if recipient in self.at_data:
            return self.at_data[recipient]
        if recipient not in self.hangs_up_before:
            self.taken.append((recipient, envelope.content or b""))
            await asyncio.get_running_loop().run_in_executor(None, self.on_message, recipient)
        if recipient in self.hangs_up_after | self.hangs_up_before:
            server.transport.abort()
        if self.closes_after_each:
            asyncio.get_running_loop().call_soon(self._close, server)
        return "250 Taken"


_OPEN: list[PostOffice] = []


def letters_to(address: str) -> list[EmailMessage]:
    """What has come for somebody at the post office that is open now, oldest first."""
    return [letter for letter in _OPEN[-1].letters() if letter["To"] == address]


@contextmanager
def open_post_office(settings: Any) -> Iterator[PostOffice]:
    """A post office on a free port, and the product's own mail settings pointing at it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    office = PostOffice(port=port)
    controller = Controller(office.spoken_to(), hostname="127.0.0.1", port=port)
    controller.start()
    before = {name: getattr(settings, name) for name in ("EMAIL_BACKEND", "EMAIL_HOST", "EMAIL_PORT", "EMAIL_TIMEOUT")}
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", port, 2
    _OPEN.append(office)
    try:
        yield office
    finally:
        _OPEN.remove(office)
        for name, value in before.items():
            setattr(settings, name, value)
        controller.stop()
