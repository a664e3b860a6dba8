"""Email by any SMTP server that EMAIL_URL names."""

import smtplib
from email.utils import parseaddr
from types import TracebackType
from typing import Self

from django.core.mail import EmailMultiAlternatives, get_connection

from integrations.channels.base import DeliveryFailed, Message, OutcomeUnknown

GONE = (smtplib.SMTPServerDisconnected, OSError)


class EmailChannel:
    """One connection for as long as the context is open; a lost one is opened again for the next message."""

    def __init__(self) -> None:
        self._backend = get_connection(fail_silently=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._backend.close()

    def send(self, message: Message) -> str:
        mail = _mail(message)
        content = mail.message().as_bytes(linesep="\r\n")
        self._address(parseaddr(mail.from_email)[1], message.to)
        self._hand_over(content)
        return mail.extra_headers["Message-ID"]

    def _address(self, sender: str, recipient: str) -> None:
        """Everything before the text: nothing has left yet, so every failure is certain."""
        try:
            self._backend.open()
            server: smtplib.SMTP = self._backend.connection
            server.ehlo_or_helo_if_needed()
            for code, reply in (server.mail(sender), server.rcpt(recipient)):
                if code >= 400:
                    server.rset()
                    raise _refusal(code, reply)
        except smtplib.SMTPResponseException as error:
            self._drop()
            raise _refusal(error.smtp_code, error.smtp_error) from error
        except (smtplib.SMTPException, OSError) as error:
            self._drop()
            raise DeliveryFailed(f"The mail server does not answer: {error}", permanent=False) from error

    def _hand_over(self, content: bytes) -> None:
        server: smtplib.SMTP = self._backend.connection
        try:
            code, reply = server.data(content)
        except smtplib.SMTPDataError as error:
            raise _refusal(error.smtp_code, error.smtp_error) from error
        except GONE as error:
            self._drop()
            raise OutcomeUnknown(f"The mail server fell silent while it took the message: {error}") from error
        if code >= 400:
            raise _refusal(code, reply)

    def _drop(self) -> None:
        """Close without ceremony: the other side may be gone, and QUIT would wait for it."""
        if self._backend.connection is not None:
            self._backend.connection.close()
            self._backend.connection = None


def _mail(message: Message) -> EmailMultiAlternatives:
    headers = {**message.headers, "Message-ID": f"<{message.id}>"}
    mail = EmailMultiAlternatives(message.subject, message.text, to=[message.to], headers=headers)
    if message.html:
        mail.attach_alternative(message.html, "text/html")
    return mail


def _refusal(code: int, reply: bytes | str) -> DeliveryFailed:
    text = reply.decode(errors="replace") if isinstance(reply, bytes) else reply
    return DeliveryFailed(f"The mail server answered {code} {text}"[:500], permanent=code >= 500)
