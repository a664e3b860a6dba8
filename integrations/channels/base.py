"""The port every way to a person stands behind: a neutral message in, the provider's id out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import TracebackType
from typing import Protocol, Self

from django.conf import settings
from django.utils.module_loading import import_string


@dataclass(frozen=True, kw_only=True)
class PushDevice:
    """Where one browser takes web push messages, and the keys they are encrypted with (RFC 8291)."""

    endpoint: str
    p256dh: str
    auth: str


@dataclass(frozen=True, kw_only=True)
class Message:
    """`id` is ours, unique for ever: providers that can, use it to refuse the same message twice.

    `to` is an email address, a phone number in E.164, or for push whoever has the `devices`. `link` is what a
    notification opens.
    """

    id: str
    to: str
    subject: str
    text: str
    html: str = ""
    link: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    devices: tuple[PushDevice, ...] = ()


class DeliveryFailed(Exception):
    """The provider did not take the message. `permanent` when trying again cannot help.

    `retry_after` is how long the provider asks to be left alone, all messages of this channel together.
    """

    def __init__(self, reason: str, *, permanent: bool, retry_after: timedelta | None = None) -> None:
        super().__init__(reason)
        self.permanent = permanent
        self.retry_after = retry_after


class OutcomeUnknown(Exception):
    """The provider may or may not have taken the message. It must not be sent again by itself."""


class Channel(Protocol):
    """Used as a context, so that one connection serves many messages. `provider` is who carries them: smtp, twilio.

    For `remembers_for` the provider knows a message by its id: handed over again within that time, the same to the
    letter, it leaves once. Zero: what may have left must not be handed over again.
    """

    provider: str
    remembers_for: timedelta

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def send(self, message: Message) -> str:
        """Hand the message over and return the provider's id. Raises DeliveryFailed or OutcomeUnknown."""
        ...


def channel(name: str) -> Channel:
    """Raises KeyError for a channel that settings.CHANNELS does not name."""
    return import_string(settings.CHANNELS[name])()


def provider_of(name: str) -> str:
    """Who carries this channel, such as smtp. Raises KeyError as `channel` does."""
    return channel(name).provider


def available_channels() -> tuple[str, ...]:
    return tuple(settings.CHANNELS)
