"""Email by any SMTP server that EMAIL_URL names."""

import smtplib
from contextlib import suppress
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

from django.core.mail import get_connection

from integrations.channels import letter
from integrations.channels.base import DeliveryFailed, Message, OutcomeUnknown

PAUSE = timedelta(minutes=1)


class EmailChannel:
    """One connection for as long as the context is open; a lost one is opened again for the next message."""

    provider = "smtp"
    remembers_for = timedelta(0)

    def __init__(self) -> None:
        self._backend: Any = get_connection(fail_silently=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._backend.close()

    def send(self, message: Message) -> str:
        mail, content = letter.written(message)
        self._address(*letter.envelope(mail))
        self._hand_over(content)
        return mail.extra_headers["Message-ID"]

    def _address(self, sender: str, recipient: str) -> None:
        """Everything before the text: nothing has left yet, so every failure is certain."""
        try:
            if self._connect():
                self._name(sender, recipient)
                return
            try:
                self._name(sender, recipient)
            except smtplib.SMTPServerDisconnected:  # it had enough of a connection that was kept: a fresh one will do
                self._drop()
                self._connect()
                self._name(sender, recipient)
        except (smtplib.SMTPException, OSError) as error:
            # A refused login, too: the address is not to blame for our settings, and somebody may mend them in time.
            self._drop()
            raise DeliveryFailed(f"The mail server does not answer as it should: {error}", permanent=False) from error

    def _connect(self) -> bool:
        """True when the connection is new."""
        is_new = bool(self._backend.open())
        if is_new:
            self._server.ehlo_or_helo_if_needed()
        return is_new

    def _name(self, sender: str, recipient: str) -> None:
        code, reply = self._server.mail(sender)
        if code >= 400:  # our address, our login, our quota: no recipient is to blame, however final it sounds
            self._start_over()
            raise DeliveryFailed(str(_refusal(code, reply)), permanent=False)
        code, reply = self._server.rcpt(recipient)
        if code >= 400:
            self._start_over()
            raise _refusal(code, reply)

    def _hand_over(self, content: bytes) -> None:
        try:
            code, reply = self._server.data(content)
        except smtplib.SMTPDataError as error:  # refused before the text began
            self._start_over()
            raise _refusal(error.smtp_code, error.smtp_error) from error
        except (smtplib.SMTPException, OSError) as error:
            self._drop()
            raise OutcomeUnknown(f"The mail server fell silent while it took the message: {error}") from error
        if code >= 400:
            self._start_over()
            raise _refusal(code, reply)
        if not 200 <= code < 300:
            self._drop()
            raise OutcomeUnknown(f"The mail server took the message and answered {code}.")

    @property
    def _server(self) -> smtplib.SMTP:
        return self._backend.connection

    def _start_over(self) -> None:
        """Leave a clean connection to the next message, or none."""
        try:
            self._server.rset()
        except (smtplib.SMTPException, OSError):
            self._drop()

    def _drop(self) -> None:
        """Close without ceremony: the other side may be gone, and QUIT would wait for it."""
        if self._backend.connection is not None:
            with suppress(OSError):
                self._backend.connection.close()
            self._backend.connection = None


def _refusal(code: int, reply: bytes | str) -> DeliveryFailed:
    """What a server says of itself (421, 4.3.x) holds for every message; what it says of its policy (5.7.x: blocked,
    relaying denied) blames no recipient (RFC 5321, 4.2.3; RFC 3463)."""
    text = reply.decode(errors="replace") if isinstance(reply, bytes) else reply
    is_busy = code == 421 or text.startswith("4.3.")
    return DeliveryFailed(
        f"The mail server answered {code} {text}"[:500],
        permanent=code >= 500 and not text.startswith("5.7."),
        retry_after=PAUSE if is_busy else None,
    )
