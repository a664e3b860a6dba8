"""Email by the provider that EMAIL_URL names, over its web API."""

import re
import ssl
from collections.abc import Iterator
from datetime import timedelta
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self
from uuid import NAMESPACE_URL, uuid5

from anymail.exceptions import (
    AnymailAPIError,
    AnymailInvalidAddress,
    AnymailRecipientsRefused,
    AnymailRequestsAPIError,
    AnymailSerializationError,
    AnymailUnsupportedFeature,
)
from anymail.message import AnymailStatus
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.utils import timezone
from django.utils.functional import classproperty
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from integrations.channels import letter
from integrations.channels.base import DeliveryFailed, Message, OutcomeUnknown

CANNOT_BE_WRITTEN = (AnymailInvalidAddress, AnymailSerializationError, AnymailUnsupportedFeature)
NEVER_LEFT = (NewConnectionError, ConnectTimeoutError, ssl.SSLCertVerificationError)
OURS_TO_MEND = {401, 402, 403, 404}
TOO_LARGE, TOO_MANY, UNAVAILABLE, CONFLICT = 413, 429, 503, 409
# How providers say that it is the recipient they mind: "to parameter", "in to", "`to` field", "to.0.email", "To[0]".
MINDS_THE_RECIPIENT = re.compile(r"\bto\W{0,2} (?:parameter|field)|\bin [`'\"]?to\b|\bto[.\[]\d", re.I)


class AnymailChannel:
    """One web session for as long as the context is open.

    A provider that remembers ids is given an idempotency key made of the message's: Resend knows it for 24 hours,
    Brevo for 15 to 30 minutes. The others may be asked once only.
    """

    def __init__(self) -> None:
        self._traits = settings.EMAIL_PROVIDER
        self._backend: Any = get_connection()

    @classproperty
    def provider(cls) -> str:
        return settings.EMAIL_PROVIDER.name

    @classproperty
    def remembers_for(cls) -> timedelta:
        return settings.EMAIL_PROVIDER.remembers_for

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._backend.close()

    def send(self, message: Message) -> str:
        mail = letter.mail_of(message)
        self._address(mail, message)
        try:
            self._backend.open()
            self._name_the_key(mail, message)
            self._backend.send_messages([mail])
        except CANNOT_BE_WRITTEN as error:
            raise letter.unwritable(error) from error
        except AnymailRecipientsRefused as error:
            raise DeliveryFailed(self._said(error, "refused the address"), permanent=True) from error
        except AnymailAPIError as error:
            if _was_taken_before(error):
                return f"<{message.id}>"
            raise self._meaning(error, message) from error
        return self._id_of(mail.anymail_status, message)  # type: ignore[attr-defined]

    def _address(self, mail: EmailMultiAlternatives, message: Message) -> None:
        """Our id travels along wherever the provider lets it, so that its reports can name the message."""
        mail.metadata = {"message_id": message.id}  # type: ignore[attr-defined]
        if not self._traits.keeps_message_id:
            del mail.extra_headers["Message-ID"]
        elif self.provider == "postmark":
            mail.extra_headers["X-PM-KeepID"] = "true"

    def _name_the_key(self, mail: EmailMultiAlternatives, message: Message) -> None:
        if self.provider == "resend":
            self._backend.session.headers["Idempotency-Key"] = message.id
        elif self.provider == "brevo":  # one of the mail's headers to look at, and must be a UUID
            mail.extra_headers["idempotencyKey"] = str(uuid5(NAMESPACE_URL, f"mid:{message.id}"))

    def _id_of(self, status: AnymailStatus, message: Message) -> str:
        """anymail raises for what was rejected, and only notes what failed in another way."""
        if status.status <= {"queued", "sent"}:
            return status.message_id or f"<{message.id}>"
        answer = AnymailRequestsAPIError(response=status.esp_response)
        if "failed" in status.status:
            raise DeliveryFailed(self._said(answer), permanent=_minds(answer, message.to))
        raise OutcomeUnknown(self._said(answer))

    def _meaning(self, error: AnymailAPIError, message: Message) -> DeliveryFailed | OutcomeUnknown:
        status = _status_of(error)
        if status is None:
            if any(isinstance(cause, NEVER_LEFT) for cause in _causes(error)):
                return DeliveryFailed(f"{self._title} cannot be reached.", permanent=False)
            return OutcomeUnknown(f"{self._title} fell silent while it took the message.")
        if status in OURS_TO_MEND:
            return DeliveryFailed(f"{self._said(error)} Check EMAIL_URL and your account there.", permanent=False)
        if status == TOO_MANY or (status == UNAVAILABLE and _retry_after(error)):
            return DeliveryFailed(self._said(error), permanent=False, retry_after=_retry_after(error))
        if status == CONFLICT or not 400 <= status < 500:
            return OutcomeUnknown(self._said(error))
        return DeliveryFailed(self._said(error), permanent=status == TOO_LARGE or _minds(error, message.to))

    @property
    def _title(self) -> str:
        return self._traits.title

    def _said(self, error: Any, otherwise: str = "") -> str:
        answer = " ".join(_text_of(error).split())[:300]
        return f"{self._title} {otherwise or f'answered {_status_of(error)}'}: {answer}".removesuffix(": ")


def _status_of(error: Any) -> int | None:
    """Of the answer. Amazon's library, which has its own exceptions, keeps it in the one anymail wraps."""
    if error.status_code is not None:
        return int(error.status_code)
    answer = getattr(error.__cause__, "response", None)
    return answer["ResponseMetadata"]["HTTPStatusCode"] if isinstance(answer, dict) else None


def _text_of(error: Any) -> str:
    return getattr(error.response, "text", None) or str(error.__cause__ or "")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """What lies behind it: requests keeps urllib3's reason in its arguments, urllib3 in `reason`."""
    seen: set[int] = set()
    open_ends = [error]
    while open_ends:
        found = open_ends.pop()
        if isinstance(found, BaseException) and id(found) not in seen:
            seen.add(id(found))
            yield found
            open_ends += [found.__cause__, found.__context__, getattr(found, "reason", None), *found.args]


def _minds(error: Any, recipient: str) -> bool:
    answer = _text_of(error)
    return recipient.casefold() in answer.casefold() or bool(MINDS_THE_RECIPIENT.search(answer))


def _was_taken_before(error: Any) -> bool:
    """Brevo answers a known key like this, and does nothing."""
    return "duplicate_parameter" in _text_of(error) and "idempotencykey" in _text_of(error).casefold()


def _retry_after(error: Any) -> timedelta | None:
    """Seconds or a date (RFC 9110, 10.2.3). None when it says nothing that can be read."""
    value = str(getattr(error.response, "headers", {}).get("Retry-After", "")).strip()
    if value.isdecimal():
        return timedelta(seconds=min(int(value), 86_400))
    try:
        return max(parsedate_to_datetime(value) - timezone.now(), timedelta(0))
    except (TypeError, ValueError):
        return None
