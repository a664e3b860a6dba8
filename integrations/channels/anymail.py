"""Email by the provider that EMAIL_URL names, over its web API."""

import json
import re
import ssl
from collections.abc import Iterator, Sequence
from datetime import timedelta
from time import monotonic
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
from django.utils.functional import classproperty
from requests import RequestException
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from integrations import outgoing
from integrations.channels import letter
from integrations.channels.base import DeliveryFailed, Message, OutcomeUnknown, Told, Unreachable

CANNOT_BE_WRITTEN = (AnymailInvalidAddress, AnymailSerializationError, AnymailUnsupportedFeature)
NEVER_LEFT = (NewConnectionError, ConnectTimeoutError, ssl.SSLCertVerificationError)
OURS_TO_MEND = {401, 402, 403, 404}
# Of no account, or of one that is not paid for, nothing is taken. The others may be about one letter.
CLOSED_TO_US = {401, 402}
TOO_LARGE, TOO_MANY, UNAVAILABLE, CONFLICT = 413, 429, 503, 409
ASKED_ALONE = {400, TOO_LARGE, 422}
INACTIVE = 406  # Postmark's own number for an address that came back or complained.
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
                return Unreachable(f"{self._title} cannot be reached.")
            return OutcomeUnknown(f"{self._title} fell silent while it took the message.")
        if status in OURS_TO_MEND:
            words = f"{self._said(error)} Check EMAIL_URL and your account there."
            return Unreachable(words) if status in CLOSED_TO_US else DeliveryFailed(words, permanent=False)
        wait = outgoing.retry_after(getattr(error.response, "headers", {}))
        if status == TOO_MANY or (status == UNAVAILABLE and wait):
            return DeliveryFailed(self._said(error), permanent=False, retry_after=wait)
        if status == CONFLICT or not 400 <= status < 500:
            return OutcomeUnknown(self._said(error))
        return DeliveryFailed(self._said(error), permanent=status == TOO_LARGE or _minds(error, message.to))

    @property
    def _title(self) -> str:
        return self._traits.title

    def _said(self, error: Any, otherwise: str = "") -> str:
        answer = " ".join(_text_of(error).split())[:300]
        return f"{self._title} {otherwise or f'answered {_status_of(error)}'}: {answer}".removesuffix(": ")


class PostmarkChannel(AnymailChannel):
    """Different letters in one call: Postmark's /email/batch answers 200, and in it for each, in their order.

    https://postmarkapp.com/developer/api/email-api#send-batch-emails
    """

    at_once = 50  # of 500; what is lost with one call is in doubt, all of it

    def send_many(self, messages: Sequence[Message], *, within: timedelta) -> list[Told]:
        told, ends = list[Told](), monotonic() + within.total_seconds()
        while len(told) < len(messages):
            told += self._send_batch(messages[len(told) : len(told) + self.at_once], ends)
            if monotonic() >= ends or None in told or any(map(_asks_for_quiet, told)):
                break
        return told + [None] * (len(messages) - len(told))

    def _send_batch(self, messages: Sequence[Message], ends: float) -> list[Told]:
        """What cannot be written is its own affair; the others go. `ends` is when none is begun any more."""
        letters: dict[int, dict[str, Any]] = {}
        told = list[Told]([None] * len(messages))
        for place, message in enumerate(messages):
            try:
                letters[place] = self._letter(message)
            except DeliveryFailed as error:
                told[place] = error
        if letters:
            answers = self._post([messages[place] for place in letters], list(letters.values()), ends)
            for place, answer in zip(letters, answers, strict=True):
                told[place] = answer
        return told

    def _letter(self, message: Message) -> dict[str, Any]:
        mail = letter.mail_of(message)
        self._address(mail, message)
        try:
            self._backend.open()
            payload = self._backend.build_message_payload(mail, self._backend.send_defaults)
        except CANNOT_BE_WRITTEN as error:
            raise letter.unwritable(error) from error
        written: dict[str, Any] = payload.data
        return written

    def _post(self, messages: list[Message], letters: list[dict[str, Any]], ends: float) -> list[Told]:
        backend = self._backend
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        headers["X-Postmark-Server-Token"] = backend.server_token
        try:
            answer = backend.session.post(
                f"{backend.api_url}email/batch", data=json.dumps(letters), headers=headers, timeout=backend.timeout
            )
        except RequestException as lost:
            error = AnymailRequestsAPIError("No answer")
            error.__cause__ = lost
            return [self._meaning(error, message) for message in messages]
        if answer.status_code != 200:
            return self._refused(AnymailRequestsAPIError(response=answer), messages, ends)
        told = _answers(answer, [str(each["To"]) for each in letters])
        return [self._told(each, message) for each, message in zip(told, messages, strict=True)]

    def _refused(self, error: AnymailRequestsAPIError, messages: list[Message], ends: float) -> list[Told]:
        """A call that is refused took nothing. What one letter in it may be to blame for is asked of each alone."""
        if len(messages) > 1 and _status_of(error) in ASKED_ALONE:
            return self._one_by_one(messages, ends)
        return [self._meaning(error, message) for message in messages]

    def _one_by_one(self, messages: list[Message], ends: float) -> list[Told]:
        """Until there is no more time, they ask for quiet, or an answer is lost."""
        told = list[Told]()
        for message in messages:
            told.append(self._alone(message))
            if monotonic() >= ends or _asks_for_quiet(told[-1]) or isinstance(told[-1], OutcomeUnknown):
                break
        return told + [None] * (len(messages) - len(told))

    def _alone(self, message: Message) -> Told:
        try:
            return self.send(message)
        except (DeliveryFailed, OutcomeUnknown) as error:
            return error

    def _told(self, answer: Any, message: Message) -> Told:
        """Of one letter. An error names the address in its words where it is to blame."""
        if not isinstance(answer, dict) or not isinstance(code := answer.get("ErrorCode"), int):
            return OutcomeUnknown(f"{self._title} took the messages and answered what is no answer.")
        if code == 0:
            number = answer.get("MessageID")
            return number if isinstance(number, str) and number else f"<{message.id}>"
        said = " ".join(str(answer.get("Message", "")).split())[:300]
        is_theirs = code == INACTIVE or message.to.casefold() in said.casefold()
        return DeliveryFailed(f"{self._title} answered {code}: {said}", permanent=is_theirs)


def _asks_for_quiet(told: Told) -> bool:
    return isinstance(told, DeliveryFailed) and told.retry_after is not None


def _answers(answer: Any, recipients: Sequence[str]) -> list[Any]:
    """One for each. None for all where there are not as many, and for one that is about somebody else."""
    try:
        told = answer.json()
    except ValueError:
        told = None
    if not isinstance(told, list) or len(told) != len(recipients):
        return [None] * len(recipients)
    return [each if _is_about(each, to) else None for each, to in zip(told, recipients, strict=True)]


def _is_about(answer: Any, recipient: str) -> bool:
    """Errors name nobody."""
    to = answer.get("To") if isinstance(answer, dict) else None
    return not isinstance(to, str) or not to or recipient.casefold() in to.casefold()


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
