"""A message as an email, the same for every carrier."""

from email.utils import parseaddr

from django.core.mail import EmailMultiAlternatives

from integrations.channels.base import DeliveryFailed, Message


def written(message: Message) -> tuple[EmailMultiAlternatives, bytes]:
    """The mail and its bytes, with our id as its Message-ID. Raises DeliveryFailed: nobody could send this."""
    headers = {**message.headers, "Message-ID": f"<{message.id}>"}
    mail = EmailMultiAlternatives(message.subject, message.text, to=[message.to], headers=headers)
    if message.html:
        mail.attach_alternative(message.html, "text/html")
    try:
        return mail, mail.message().as_bytes(linesep="\r\n")  # type: ignore[call-arg]
    except ValueError as error:  # a line break in a header
        raise unwritable(error) from error


def envelope(mail: EmailMultiAlternatives) -> tuple[str, str]:
    """Sender and recipient as servers read them. Raises DeliveryFailed: letters that no mail server takes."""
    try:
        return _on_the_wire(parseaddr(mail.from_email)[1]), _on_the_wire(mail.to[0])
    except ValueError as error:
        raise unwritable(error) from error


def unwritable(error: Exception) -> DeliveryFailed:
    return DeliveryFailed(f"This cannot be written as an email: {error}"[:500], permanent=True)


def _on_the_wire(address: str) -> str:
    """ASCII: the domain by IDNA. Names with other letters need SMTPUTF8, which few servers speak."""
    name, _, domain = address.rpartition("@")
    name.encode("ascii")
    return f"{name}@{domain.encode('idna').decode()}"
