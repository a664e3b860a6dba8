"""Who wants to hear of what. Filled by each app's handlers module at start-up, never afterwards.

`@on(OrderPaid)` is for a business reaction, one event at a time. `@follow("points", OrderPaid)` is for volume:
a set-based function over many events, which keeps its own place in the log; without a class it hears of everything.
`@follow_received("read model")` is the same for the log of what systems sent, a whole range of it at a time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from tracking.events import DomainEvent

E = TypeVar("E", bound=DomainEvent)
Handler = Callable[[DomainEvent], None]
Apply = Callable[[Sequence[int]], None]
ApplyReceived = Callable[[int, int], None]


@dataclass(frozen=True)
class Subscription:
    event: type[DomainEvent]
    handler: Handler


@dataclass(frozen=True)
class Follower:
    """`apply` takes ids of events in log order; `reset` forgets everything `apply` ever wrote. No `events`: all."""

    name: str
    events: tuple[str, ...]
    apply: Apply
    reset: Callable[[], None]


@dataclass(frozen=True)
class ReceivedFollower:
    """A follower of what systems sent. `apply` takes the transactions after one number and up to another."""

    name: str
    apply: ApplyReceived
    reset: Callable[[], None]


_subscriptions: dict[str, Subscription] = {}
_followers: dict[str, Follower | ReceivedFollower] = {}


def on(event: type[E]) -> Callable[[Callable[[E], None]], Callable[[E], None]]:
    def register(handler: Callable[[E], None]) -> Callable[[E], None]:
        name = f"{handler.__module__}.{handler.__qualname__}"
        if name in _subscriptions:
            raise TypeError(f"{name} hears of something already; write a handler for each event.")
        _subscriptions[name] = Subscription(event, handler)  # type: ignore[arg-type]
        return handler

    return register


def follow(name: str, *events: type[DomainEvent], reset: Callable[[], None]) -> Callable[[Apply], Apply]:
    def register(apply: Apply) -> Apply:
        _followers[name] = Follower(name, tuple(event.name for event in events), apply, reset)
        return apply

    return register


def follow_received(name: str, *, reset: Callable[[], None]) -> Callable[[ApplyReceived], ApplyReceived]:
    def register(apply: ApplyReceived) -> ApplyReceived:
        _followers[name] = ReceivedFollower(name, apply, reset)
        return apply

    return register


def handlers_of(event: type[DomainEvent]) -> list[str]:
    return [name for name, subscription in _subscriptions.items() if subscription.event is event]


def subscription(handler: str) -> Subscription:
    """Raises LookupError for a handler that no longer exists."""
    return _subscriptions[handler]


def followers() -> list[Follower | ReceivedFollower]:
    return list(_followers.values())


def follower(name: str) -> Follower | ReceivedFollower:
    return _followers[name]
