"""What a sender of reports is. Nothing here, and no translation, knows Django or a database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Kind(StrEnum):
    """As in ProviderReport.Kind, which a test holds against it."""

    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    DEFERRED = "deferred"
    BOUNCED = "bounced"
    FAILED = "failed"
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"
    SUBSCRIBED = "subscribed"
    ASKED_HELP = "asked_help"
    OTHER = "other"


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request as it came. Names of headers are lower-case; `url` is the public one the provider called."""

    body: bytes
    received_at: datetime
    headers: Mapping[str, str] = field(default_factory=dict)
    url: str = ""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What is left of a call once it was believed: enough to read it, and to read it again.

    `key` is unique to this call, for reports whose provider gives none.
    """

    key: str
    body: bytes
    received_at: datetime
    query: str = ""


@dataclass(frozen=True, kw_only=True)
class Report:
    """One thing a provider says of a message or of an address. `key` makes it the same when it is told twice.

    `message_id` is our own id where the provider gives it back, without <>; `provider_id` is the provider's, written as
    its channel returns it for a message that was handed over.
    """

    key: str
    channel: str
    kind: Kind
    occurred_at: datetime
    message_id: str = ""
    provider_id: str = ""
    address: str = ""
    is_permanent: bool = False
    reason: str = ""


@dataclass(frozen=True)
class Answer:
    """What the provider reads; most read the status only."""

    text: str = ""
    content_type: str = "text/plain"


class Forged(Exception):
    """The proof is missing, wrong or too old: whoever called is not believed."""


class NotNow(Exception):
    """The proof cannot be looked at, or be answered, at this moment. The provider calls again."""


class Unreadable(Exception):
    """The call is genuine, but is not what its sender documents. It is kept, and can be read again."""


class Sender:
    """One provider. `name` is the last part of its address, `variable` the setting with its secrets."""

    name: str
    label: str
    variable: str
    where: str  # what a person does at the provider with the address
    url_holds_credentials = False
    is_quick = True  # False when proving or welcoming a call may ask others, and wait for them

    def verify(self, call: Call, secrets: Sequence[str]) -> None:
        """Raises Forged unless one of the secrets proves who called."""
        raise NotImplementedError

    def identity(self, call: Call) -> bytes:
        """What makes two calls the same one."""
        return call.body

    def welcome(self, call: Call) -> None:
        """Whatever a genuine call asks for before it is kept. Raises NotNow."""

    def translate(self, kept: Kept) -> list[Report]:
        """Raises Unreadable."""
        raise NotImplementedError

    def asked_by(self, body: bytes) -> str:
        """The address of the person who wrote this and waits for an answer; empty for every other call."""
        return ""

    def answer(self, body: bytes, *, had_left: bool, shop: str) -> Answer:
        """What to say to that person, who `had_left` already or not."""
        return Answer()

    def silence(self) -> Answer:
        """The answer when there is nothing to say."""
        return Answer()
