"""The port every way to a person stands behind: a neutral message in, the provider's id out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

from django.conf import settings
from django.utils.module_loading import import_string


@dataclass(frozen=True, kw_only=True)
class Message:
    """`id` is ours, unique for ever: providers that can, use it to refuse the same message twice."""

    id: str
    to: str
    subject: str
    text: str
    html: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


class DeliveryFailed(Exception):
    """The provider did not take the message. `permanent` when trying again cannot help."""

    def __init__(self, reason: str, *, permanent: bool) -> None:
        super().__init__(reason)
        self.permanent = permanent


class OutcomeUnknown(Exception):
    """The provider may or may not have taken the message. It must not be sent again by itself."""


class Channel(Protocol):
    """Used as a context, so that one connection serves many messages."""

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


def available_channels() -> tuple[str, ...]:
    return tuple(settings.CHANNELS)
