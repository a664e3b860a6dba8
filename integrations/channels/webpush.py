"""Notifications by web push: RFC 8030, encrypted for the browser (RFC 8291) and signed by the shop's key (RFC 8292).

Where they go was told by shoppers' browsers, so only the public internet is spoken to (integrations.outgoing).
"""

import base64
import hashlib
import json
import re
from datetime import timedelta
from email.utils import parseaddr
from enum import Enum
from time import monotonic
from types import TracebackType
from typing import Self

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.text import Truncator
from http_ece import ECEException
from py_vapid import Vapid
from pywebpush import WebPushException, webpush
from requests import RequestException
from requests.exceptions import InvalidSchema, InvalidURL

from integrations import outgoing
from integrations.channels.base import DeliveryFailed, Message, OutcomeUnknown, PushDevice
from integrations.events import PushDeviceGone
from tracking.actions import record

# A phone that was off shows it late, by then perhaps at night: what waited longer than this is not shown at all.
LASTS = timedelta(hours=4)
URGENCY = "normal"  # at once: a lower one waits for power or Wi-Fi, and may come at any hour
LONGEST_TITLE, LONGEST_BODY = 120, 400
# A service that dawdles, for a browser that named it, keeps others waiting no longer than this.
MOST_DEVICES, LONGEST_MESSAGE = 10, 20.0
LARGEST = 3_993  # bytes: what every push service takes (4,096), without what encrypting adds


# A name or an IPv4 address, as the signature takes it; who may be behind it is decided at the socket.
ADDRESS = re.compile(r"https?://[^\s/:@\[\]?#]+(:\d{1,5})?/\S*")


class Outcome(Enum):
    TAKEN = "taken"
    GONE = "gone"
    UNKNOWN = "unknown"


class WebPushChannel:
    """One message goes to every device of its reader, and is sent when one of them took it."""

    provider = "webpush"
    remembers_for = timedelta(0)  # a notification that was swiped away would come back

    def __init__(self) -> None:
        self._session = outgoing.untrusted()
        self._key = Vapid.from_string(str(settings.VAPID_PRIVATE_KEY))
        self._contact = f"mailto:{parseaddr(settings.DEFAULT_FROM_EMAIL)[1]}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()

    def send(self, message: Message) -> str:
        text = written(message)
        outcomes: set[Outcome] = set()
        refusals: list[DeliveryFailed] = []
        until = monotonic() + LONGEST_MESSAGE
        for device in message.devices[:MOST_DEVICES]:
            if monotonic() > until:
                break
            try:
                outcomes.add(self._send(device, text, message.id))
            except DeliveryFailed as refusal:
                refusals.append(refusal)
        return _all_in_all(message, outcomes, refusals)

    def _send(self, device: PushDevice, text: str, message_id: str) -> Outcome:
        if not ADDRESS.fullmatch(device.endpoint):
            raise DeliveryFailed("This device names no push service.", permanent=True)
        try:
            webpush(
                {"endpoint": device.endpoint, "keys": {"p256dh": device.p256dh, "auth": device.auth}},
                text,
                vapid_private_key=self._key,
                vapid_claims={"sub": self._contact},
                timeout=settings.OUTGOING_TIMEOUT,
                ttl=int(LASTS.total_seconds()),
                headers={"Urgency": URGENCY, "Topic": topic(message_id)},
                requests_session=self._session,
            )
        except outgoing.AddressRefused as error:
            raise DeliveryFailed("This device names an address that is not on the internet.", permanent=True) from error
        except outgoing.NotConnected as error:
            raise DeliveryFailed(f"The push service cannot be reached. {error}", permanent=False) from error
        except WebPushException as error:
            return self._refused(device, error, message_id)
        except (InvalidSchema, InvalidURL) as error:
            raise DeliveryFailed("This device names no push service.", permanent=True) from error
        except RequestException:
            return Outcome.UNKNOWN
        except (ECEException, ValueError) as error:
            raise DeliveryFailed("This device has keys that are none.", permanent=True) from error
        return Outcome.TAKEN

    def _refused(self, device: PushDevice, error: WebPushException, message_id: str) -> Outcome:
        status = error.status_code or 0
        if status in (404, 410):
            _tell_gone(device, message_id)
            return Outcome.GONE
        if status >= 500:
            return Outcome.UNKNOWN
        # 413: this message is too large. The others are about our key or our pace, and may be mended. A service that
        # asks for a pause is one of many, and named by a browser: it holds up nobody else's.
        raise DeliveryFailed(f"The push service answered {status}.", permanent=status == 413)


def written(message: Message) -> str:
    """What the app's service worker shows. Raises DeliveryFailed when it does not fit."""
    told = {
        "title": Truncator(message.subject).chars(LONGEST_TITLE),
        "body": Truncator(message.text).chars(LONGEST_BODY),
        "link": message.link,
        "tag": topic(message.id),
    }
    text = json.dumps(told, ensure_ascii=False)
    if len(text.encode()) > LARGEST:
        raise DeliveryFailed("This is too long for a notification.", permanent=True)
    return text


def topic(message_id: str) -> str:
    """The same message again takes the place of the first, while that waits at the service and while it is shown."""
    return base64.urlsafe_b64encode(hashlib.sha256(message_id.encode()).digest()).decode()[:32]


def _all_in_all(message: Message, outcomes: set[Outcome], refusals: list[DeliveryFailed]) -> str:
    """The id when at least one device took it, else the most hopeful of what the others said."""
    if Outcome.TAKEN in outcomes:
        return message.id
    if Outcome.UNKNOWN in outcomes:
        raise OutcomeUnknown("The push service may or may not have taken the message.")
    for refusal in sorted(refusals, key=lambda refusal: refusal.permanent):
        raise refusal
    raise DeliveryFailed("No device takes notifications from us any more.", permanent=True)


@transaction.atomic
def _tell_gone(device: PushDevice, message_id: str) -> None:
    digest = hashlib.sha256(device.endpoint.encode()).hexdigest()
    record(PushDeviceGone(subject=digest), key=f"{digest}:{message_id}", at=timezone.now())
