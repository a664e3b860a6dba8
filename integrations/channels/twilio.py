"""SMS by Twilio: SMS_URL is twilio://ACCOUNT_SID:AUTH_TOKEN@SENDER.

The sender is a number (+15551230000), a name, or a messaging service (MG...). Twilio knows no idempotency key. It says
that a 429 was never processed (error 20429), and that a text sent again after a 5xx may arrive twice (error 20500).
"""

import logging
from datetime import timedelta
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlencode, urlsplit

from django.conf import settings
from django.utils import timezone
from requests import RequestException
from twilio.base.exceptions import TwilioRestException, TwilioServiceException
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from integrations import outgoing
from integrations.channels.base import DeliveryFailed, Message, OutcomeUnknown, Unreachable
from integrations.inbound import calls
from integrations.inbound.base import Kind, Report

API = "https://api.twilio.com"
# The person answered STOP, which Twilio keeps by itself.
HAS_LEFT = 21610
NOT_LET_IN = 401
# What is wrong with the number or the text, and will be tomorrow. All else is about our account, and may be mended.
FOR_GOOD = {
    21211: "This is not a phone number.",
    21214: "This number cannot be reached.",
    21217: "This is not a phone number.",
    21602: "The text is empty.",
    21604: "There is no number to send to.",
    HAS_LEFT: "This number has opted out of our texts.",
    21612: "This number cannot be reached by SMS.",
    21614: "This number cannot receive texts.",
    21617: "The text is longer than 1,600 characters.",
    21635: "This number is a landline.",
}
logger = logging.getLogger(__name__)


class TwilioChannel:
    """One connection for as long as the context is open."""

    provider = "twilio"
    remembers_for = timedelta(0)

    def __init__(self) -> None:
        credentials, _, sender = urlsplit(settings.SMS_URL).netloc.rpartition("@")
        account, _, token = map(unquote, credentials.partition(":"))
        self._line = _Line()
        self._client = Client(account, token, http_client=self._line)
        self._sender = _sender(unquote(sender))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._line.close()

    def send(self, message: Message) -> str:
        given = self._sender | _report_to(message)
        try:
            sid = self._client.messages.create(to=message.to, body=message.text, **given).sid
        except outgoing.NotConnected as error:
            raise Unreachable(f"Twilio cannot be reached. {error}") from error
        except RequestException as error:
            raise OutcomeUnknown("Twilio fell silent while it took the message.") from error
        except (TwilioRestException, TwilioServiceException) as error:
            if error.code == HAS_LEFT:
                _tell_left(message)
            raise _refusal(error) from error
        except (ValueError, TypeError, AttributeError) as error:  # 2xx, and no message in it that could be read
            raise OutcomeUnknown("Twilio took the message and answered what is no answer.") from error
        if not sid:
            raise OutcomeUnknown("Twilio took the message and gave it no id.")
        return str(sid)


class _Line(TwilioHttpClient):
    """The SDK's way to Twilio: bounded, tried once, and to another host where TWILIO_API_URL names one."""

    def __init__(self) -> None:
        super().__init__(timeout=settings.OUTGOING_TIMEOUT)
        self.session = outgoing.trusted()

    def request(self, method: str, url: str, *args: Any, **options: Any) -> Response:
        answer = super().request(method, url.replace(API, settings.TWILIO_API_URL, 1), *args, **options)
        if answer.status_code == 429:  # here, because the SDK's exceptions do not know the headers
            wait = outgoing.retry_after(answer.headers)
            raise DeliveryFailed("Twilio asks for more time between texts.", permanent=False, retry_after=wait)
        if answer.status_code >= 500:
            raise OutcomeUnknown(f"Twilio answered {answer.status_code}: it may or may not have taken the message.")
        return answer

    def close(self) -> None:
        self.session.close()


def _sender(name: str) -> dict[str, str]:
    return {"messaging_service_sid": name} if name.startswith("MG") else {"from_": name}


def _report_to(message: Message) -> dict[str, str]:
    """Where Twilio tells what became of it. Our own id goes along, so a report settles a send whose answer was lost.

    Twilio refuses an address that it cannot reach, such as that of a laptop.
    """
    if urlsplit(settings.PUBLIC_URL).hostname in ("localhost", "127.0.0.1", "::1"):
        return {}
    return {"status_callback": f"{settings.PUBLIC_URL}/hooks/twilio/?{urlencode({'message': message.id})}"}


def _tell_left(message: Message) -> None:
    """The STOP itself may never have reached us: the refusal is as good, and is kept as the evidence.

    Whatever goes wrong with that, the text was refused, and its caller hears so.
    """
    report = Report(
        key=f"refused {HAS_LEFT} {message.id}",
        channel="sms",
        kind=Kind.UNSUBSCRIBED,
        message_id=message.id,
        address=message.to,
        reason=f"Error {HAS_LEFT}: {FOR_GOOD[HAS_LEFT]}",
        occurred_at=timezone.now(),
    )
    try:
        calls.note_answer(sender="twilio", report=report)
    except Exception:
        logger.exception("That the number of message %s has opted out could not be kept.", message.id)


def _refusal(error: TwilioRestException | TwilioServiceException) -> DeliveryFailed:
    words = FOR_GOOD.get(error.code)
    if words:
        return DeliveryFailed(f"{words} (Twilio {error.code})", permanent=True)
    said = error.msg if isinstance(error, TwilioRestException) else error.detail or error.title
    words = f"Twilio answered {error.status}, {error.code}: {said}"[:500]
    return Unreachable(words) if error.status == NOT_LET_IN else DeliveryFailed(words, permanent=False)
