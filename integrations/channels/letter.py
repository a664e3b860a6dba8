"""A message as an email, the same for every carrier.

A mail server gets bytes that are put together here: what email.message needs a millisecond and a half for, a few joins
do in thirty microseconds. tests/integrations/test_letter.py holds the two beside each other.
"""

import re
from binascii import b2a_base64, b2a_qp
from dataclasses import dataclass
from email.header import Header
from email.utils import formatdate, parseaddr
from functools import lru_cache

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.core.mail.message import sanitize_address

from config.shared.sender import sender_under
from integrations.channels.base import DeliveryFailed, Message

# Neither quoted-printable nor base64 ever gives these two letters beside each other (RFC 2045, 6.7).
_BOUNDARY = b"=_part"
_LONGEST_LINE = 900  # A server may cut what is longer than 998 (RFC 5322, 2.1.1).
_PLAIN_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+")
_BASE64_LINE = 76


@dataclass(frozen=True)
class Letter:
    """A mail as servers read it: the two addresses of its envelope, and its bytes with all line ends as CRLF."""

    sender: str
    recipient: str
    content: bytes


def written(message: Message) -> Letter:
    """With our id as its Message-ID. Raises DeliveryFailed: nobody could send this."""
    try:
        sender, sender_header = _sender(sender_under(message.sender_name))
        recipient = _on_the_wire(message.to)
        headers = [
            _header("Subject", message.subject),
            sender_header,
            _header("To", recipient),
            _header("Date", formatdate(localtime=settings.EMAIL_USE_LOCALTIME)),
            *(_header(name, value) for name, value in message.headers.items()),
            _header("Message-ID", f"<{message.id}>"),
            b"MIME-Version: 1.0\r\n",
        ]
        return Letter(sender, recipient, b"".join([*headers, *_body(message)]))
    except ValueError as error:  # a line break in a header, letters that no mail server takes
        raise unwritable(error) from error


def mail_of(message: Message) -> EmailMultiAlternatives:
    """For carriers that want its parts instead of its bytes. Raises DeliveryFailed, as `written` does."""
    headers = {**message.headers, "Message-ID": f"<{message.id}>"}
    sender = sender_under(message.sender_name)
    mail = EmailMultiAlternatives(message.subject, message.text, sender, to=[message.to], headers=headers)
    if message.html:
        mail.attach_alternative(message.html, "text/html")
    try:
        mail.message()
    except ValueError as error:
        raise unwritable(error) from error
    return mail


def unwritable(error: Exception) -> DeliveryFailed:
    return DeliveryFailed(f"This cannot be written as an email: {error}"[:500], permanent=True)


# --- The parts ------------------------------------------------------------------------------------------------------


def _body(message: Message) -> list[bytes]:
    if not message.html:
        return _part(b"plain", message.text)
    between = b"\r\n--" + _BOUNDARY
    return [
        b'Content-Type: multipart/alternative; boundary="' + _BOUNDARY + b'"\r\n',
        between, b"\r\n", *_part(b"plain", message.text),
        between, b"\r\n", *_part(b"html", message.html),
        between, b"--\r\n",
    ]  # fmt: skip


def _part(kind: bytes, text: str) -> list[bytes]:
    """Quoted-printable, or base64 where that is shorter: for texts that are not written in Latin letters."""
    content = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n").encode()
    is_foreign = len(content) > 1.25 * len(text)
    return [
        b"Content-Type: text/" + kind + b'; charset="utf-8"\r\nContent-Transfer-Encoding: ',
        b"base64\r\n\r\n" if is_foreign else b"quoted-printable\r\n\r\n",
        _base64(content) if is_foreign else _quoted(content),
    ]


def _quoted(content: bytes) -> bytes:
    """b2a_qp breaks lines as it finds them broken, and without any it takes a bare LF."""
    return b2a_qp(content) if b"\n" in content else b2a_qp(content).replace(b"\n", b"\r\n")


def _base64(content: bytes) -> bytes:
    line = b2a_base64(content, newline=False)
    return b"\r\n".join([line[start : start + _BASE64_LINE] for start in range(0, len(line), _BASE64_LINE)])


# --- Headers --------------------------------------------------------------------------------------------------------


def _header(name: str, value: str) -> bytes:
    """One header's line, or lines where it is long. Raises ValueError for a line break that somebody slipped in."""
    if value.isascii() and value.isprintable() and len(value) < _LONGEST_LINE:
        return f"{name}: {value}\r\n".encode("ascii")
    if "\r" in value or "\n" in value:
        raise ValueError(f"Header values cannot contain line breaks (got {value!r} for {name})")
    written = Header(value, "utf-8", header_name=name).encode(linesep="\r\n")
    return f"{name}: {written}\r\n".encode("ascii")


@lru_cache(maxsize=8)
def _sender(address: str) -> tuple[str, bytes]:
    """Of who writes: the envelope's, and the header."""
    return _on_the_wire(parseaddr(address)[1]), _header("From", sanitize_address(address, "utf-8"))


def _on_the_wire(address: str) -> str:
    """ASCII: the domain by IDNA. Names with other letters need SMTPUTF8, which few servers speak."""
    name, _, domain = address.rpartition("@")
    if not _PLAIN_NAME.fullmatch(name):  # only what is quoted may have more in it
        name.encode("ascii")
        name = sanitize_address(f"{name}@x", "utf-8").rpartition("@")[0]
    return f"{name}@{_domain(domain)}"


@lru_cache(maxsize=1024)
def _domain(domain: str) -> str:
    """Raises ValueError for what is no name of a domain."""
    name = domain.encode("idna").decode()
    if not _PLAIN_NAME.fullmatch(name):
        raise ValueError(f"{domain!r} is no domain")
    return name
