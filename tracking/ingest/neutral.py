"""What every dialect speaks of: one request in, neutral events and an answer out."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal, NamedTuple

Kind = Literal["track", "identify", "page", "screen", "group", "alias", "delete"]
Json = dict[str, Any]


class Fault(NamedTuple):
    """Why an event is not valid. `pointer` is a JSON pointer: into its properties for what a structure found there,
    into the event as it was sent for what is wrong with that; or empty."""

    type: str
    pointer: str
    message: str


class Incoming(NamedTuple):
    """One event as its sender meant it, whatever the wire looked like.

    `properties` are a track's properties or an identify's or group's traits. `timestamp` is as sent: ISO 8601 text,
    or seconds or milliseconds since 1970; `sent_at` likewise, where the event itself has one: it counts before that of
    its batch. `faults` are what is wrong with it already before any structure is asked.
    """

    kind: Kind
    name: str
    message_id: str = ""
    user_id: str = ""
    anonymous_id: str = ""
    timestamp: Any = None
    properties: Json = {}
    context: Json = {}
    faults: tuple[Fault, ...] = ()
    sent_at: Any = None


class Refused(Exception):
    """Nothing of this request can be taken. `code` and `message` go into the answer in every shape SDKs read."""

    def __init__(self, status: int, code: str, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.retry_after = status, code, message, retry_after


@dataclass(frozen=True, slots=True)
class Call:
    """A request as a translation sees it. `body` is its JSON, whatever it was packed in."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    scheme: str = "https"


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is sent as JSON unless it is bytes already."""

    body: Any
    status: int = HTTPStatus.OK
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


# From what is wrong with each event, in their order: the errors as they are stored.
Verdict = Callable[[Sequence[Sequence[Json]]], Answer]


@dataclass(frozen=True, slots=True)
class Translated:
    """`sent_at` is when the sender's clock said it sent this; None leaves the events' times as they are.

    `answer` is the same whatever the structures say, as SDKs need it, or is made from their verdict.
    """

    events: list[Incoming]
    answer: Answer | Verdict
    sent_at: Any = None


@dataclass(frozen=True)
class Source:
    """The system a key belongs to, as its own SDK may ask about it."""

    system_id: int
    public_id: str
    name: str
    partner_id: int
    partner_name: str
    events_per_second: int = 0


Translate = Callable[[Call], Translated]
Look = Callable[[Call, Source], Answer]


@dataclass(frozen=True)
class Ingest:
    """Events come in here. `pattern` is a path without a slash at its end, with `{name}` for one segment of it."""

    method: str
    pattern: str
    translate: Translate
    may_be_empty: bool = False


@dataclass(frozen=True)
class Lookup:
    """A question an SDK asks about itself. An unknown key in the path is answered 404, elsewhere 401."""

    method: str
    pattern: str
    look: Look
    key_in_path: str = ""


@dataclass(frozen=True)
class Courtesy:
    """What an SDK also sends and nobody here wants: answered alike to everybody, and not kept."""

    method: str
    pattern: str
    answer: Answer


Route = Ingest | Lookup | Courtesy


@dataclass(frozen=True)
class Dialect:
    """A family of SDKs. `name` stands on each event it brought."""

    name: str
    routes: tuple[Route, ...] = field(default=())


def refusal_body(code: str, message: str) -> Json:
    """One error in every shape that SDKs read."""
    return {"code": code, "message": message, "detail": message, "meta": {"error": message}}


def as_pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(pattern)))


def text(value: Any) -> str:
    """An id as people write it: SDKs send numbers for text now and then. Anything else is none."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def mapping(value: Any) -> Json:
    return value if isinstance(value, dict) else {}
