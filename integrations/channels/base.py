"""The port every way to a person stands behind: a neutral message in, the provider's id out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

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
    notification opens. An email is from `sender_name` where EMAIL_FROM has no name of its own.
    """

    id: str
    to: str
    subject: str
    text: str
    html: str = ""
    link: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    devices: tuple[PushDevice, ...] = ()
    sender_name: str = ""


# Who asks for no time at all, or for a moment that has passed, is not asked again at once, for ever.
SHORTEST_QUIET = timedelta(seconds=5)


# How long nobody knocks again at a door that was closed.
UNREACHABLE_FOR = timedelta(minutes=1)


class DeliveryFailed(Exception):
    """The provider did not take the message. `permanent` when trying again cannot help.

    `retry_after` is how long the provider asks to be left alone, all messages of this channel together.
    """

    def __init__(self, reason: str, *, permanent: bool, retry_after: timedelta | None = None) -> None:
        super().__init__(reason)
        self.permanent = permanent
        self.retry_after = None if retry_after is None else max(retry_after, SHORTEST_QUIET)


class Unreachable(DeliveryFailed):
    """Nobody took the call, or our account is not let in: no message was spoken of, and none is to blame.

    All of them wait, for as long as it lasts, and none has used up a try.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason, permanent=False, retry_after=UNREACHABLE_FOR)


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


# What became of a message: the provider's id, or why it has none, or None when nobody has spoken of it.
Told = str | Exception | None


@runtime_checkable
class ManyAtOnce(Protocol):
    """What a channel has as well if it hands several messages over side by side: `at_once` of them."""

    at_once: int

    def send_many(self, messages: Sequence[Message], *, within: timedelta) -> list[Told]:
        """What became of each, in their order.

        The first is begun whatever the time, another only `within` so much time of the call, and none after a provider
        has asked for quiet. An exception is one of those that `send` raises.
        """
        ...


def at_once(outlet: Channel) -> int:
    """How many messages it hands over side by side."""
    return outlet.at_once if isinstance(outlet, ManyAtOnce) else 1


def send_many(outlet: Channel, messages: Sequence[Message], *, within: timedelta) -> list[Told]:
    """By the channel itself, or one by one. Whatever else goes wrong with one is in its place, too."""
    if isinstance(outlet, ManyAtOnce):
        return outlet.send_many(messages, within=within)
    told, ends = list[Told](), monotonic() + within.total_seconds()
    for message in messages:
        told.append(_sent(outlet, message))
        if monotonic() >= ends or getattr(told[-1], "retry_after", None) is not None:
            break
    return told + [None] * (len(messages) - len(told))


def _sent(outlet: Channel, message: Message) -> Told:
    try:
        return outlet.send(message)
    except Exception as error:  # the caller tells an adapter's bug from a failure
        return error


def channel(name: str) -> Channel:
    """Raises KeyError for a channel that settings.CHANNELS does not name."""
    return import_string(settings.CHANNELS[name])()


def provider_of(name: str) -> str:
    """Who carries this channel, such as smtp. Raises KeyError as `channel` does."""
    return channel(name).provider


def available_channels() -> tuple[str, ...]:
    return tuple(settings.CHANNELS)
