"""SMS by any server that speaks a small JSON over HTTP: SMS_URL is https://user:password@host/path.

    POST /path
    Idempotency-Key: 0b6e...@shop.example
    {"id": "0b6e...@shop.example", "to": "+15551230000", "text": "Come by."}

    201 {"id": "the provider's id"}

The server promises: the same key again, at any time within seven days, sends nothing again and gives the first answer
again. So whatever got no answer, or a 5xx, is sent once more under its key. 400 and 422 mean that this text or number
will never do, 429 that we should wait (`Retry-After`), any other answer that nothing was sent: it is tried again.
"""

from datetime import timedelta
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit

from django.conf import settings
from requests import RequestException, Response

from integrations import outgoing
from integrations.channels.base import DeliveryFailed, Message, OutcomeUnknown, Unreachable

NEVER = {400, 422}


class HttpSmsChannel:
    """One connection for as long as the context is open. The operator set the address, so it may be a private one."""

    provider = "http"
    remembers_for = timedelta(days=7)

    def __init__(self) -> None:
        parts = urlsplit(settings.SMS_URL)
        self._address = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        self._session = outgoing.trusted()
        if parts.username is not None:
            self._session.auth = (unquote(parts.username), unquote(parts.password or ""))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()

    def send(self, message: Message) -> str:
        written = {"id": message.id, "to": message.to, "text": message.text}
        try:
            answer = self._session.post(self._address, json=written, headers={"Idempotency-Key": message.id})
        except outgoing.NotConnected as error:
            raise Unreachable(f"The SMS server cannot be reached. {error}") from error
        except RequestException as error:
            raise OutcomeUnknown("The SMS server fell silent while it took the message.") from error
        if answer.status_code >= 500:
            raise OutcomeUnknown(
                f"The SMS server answered {answer.status_code}: it may or may not have taken the text."
            )
        if not 200 <= answer.status_code < 300:
            raise DeliveryFailed(
                f"The SMS server answered {answer.status_code} {answer.text}"[:500],
                permanent=answer.status_code in NEVER,
                retry_after=outgoing.retry_after(answer.headers),
            )
        return _id_in(answer) or message.id


def _id_in(answer: Response) -> str:
    """The provider's id, where it gives one that can be read."""
    try:
        told = answer.json()
    except ValueError:
        return ""
    return str(told.get("id") or "")[:250] if isinstance(told, dict) else ""
