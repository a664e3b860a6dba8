"""What may be told of an event, and what it looks like. The classes themselves say it: see DomainEvent.told."""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from integrations.models import OutboundDelivery
from integrations.outbound.base import CannotBeTold, Notice
from tracking.events import DomainEvent, told_events
from tracking.models import Event

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
NOBODY = "00000000-0000-0000-0000-000000000000"
GROUPS = {"loyalty": "Members, orders and points", "campaigns": "Messages"}
# What stands in examples for a property of that name; any other one is shown by its type.
EXAMPLES: dict[str, Any] = {
    "batch": "Spring shelf",
    "campaign": "0b6f6f3c-7f53-4d3e-8a52-0c1f6b8f2d10",
    "channel": "email",
    "currency": "USD",
    "order": "A-1042",
    "points": 120,
    "price": "17.99",
    "proof": "pin",
    "reward": "Corkscrew",
    "send": "c7e0a8d4-1f5b-4a7e-9a55-3b8d2e6f9044",
    "sku": "PINOT-750",
    "source": "app",
    "store": "Harbor",
    "tier": "Gold",
    "topic": "marketing",
    "total": "64.50",
    "tier.changed was": "Silver",
    "was": "21.99",
}
BY_TYPE: dict[Any, Any] = {str: "text", int: 1, bool: True}


@dataclass(frozen=True)
class Told:
    """One kind of event that may be told. `when` says in a sentence when it happens, where its class does."""

    name: str
    group: str
    when: str
    properties: tuple[str, ...]
    example: Mapping[str, Any]
    forgets: bool


@cache
def told() -> dict[str, Told]:
    """By name, grouped by the app they come from."""
    order = list(GROUPS)
    found = [_told(event) for event in told_events()]
    found.sort(key=lambda each: (order.index(each.group) if each.group in order else len(order), each.name))
    return {each.name: each for each in found}


def _told(event: type[DomainEvent]) -> Told:
    doc = event.__doc__ or ""
    types = {field.name: field.type for field in fields(event)}
    properties = tuple(event.told or ())
    return Told(
        name=event.name,
        group=event.__module__.partition(".")[0],
        when="" if doc.startswith(f"{event.__name__}(") else " ".join(doc.split()).partition(". ")[0].rstrip(".") + ".",
        properties=properties,
        example={each: _example(event.name, each, types[each]) for each in properties},
        forgets=event.forgets,
    )


def _example(event: str, name: str, kind: Any) -> Any:
    return EXAMPLES.get(f"{event} {name}", EXAMPLES.get(name, BY_TYPE.get(kind, [])))


def untold_with() -> dict[str, str]:
    """The property with which an event is not told, by the event's name."""
    return {event.name: event.untold_with for event in told_events() if event.untold_with}


def people_in(deliveries: Iterable[OutboundDelivery]) -> Mapping[str, Mapping[str, str]]:
    """Who the members are whom these events are about: asked now, and kept nowhere here."""
    subjects = {delivery.event.subject for delivery in deliveries if delivery.event}
    found: Mapping[str, Mapping[str, str]] = import_string(settings.OUTBOUND_PEOPLE)(subjects) if subjects else {}
    return found


def gone_of(deliveries: Iterable[OutboundDelivery]) -> set[str]:
    """Of the members these events are about, those whom we were asked to forget: the log says so, for ever."""
    subjects = {delivery.event.subject for delivery in deliveries if delivery.event}
    names = [event.name for event in told_events() if event.forgets]
    left = Event.objects.filter(subject__in=subjects, name__in=names)
    return set(left.values_list("subject", flat=True)) if subjects else set()


def notice_of(delivery: OutboundDelivery, people: Mapping[str, Mapping[str, str]], gone: Collection[str]) -> Notice:
    """Raises CannotBeTold for an event that this version tells nobody."""
    event, kind = delivery.event, told().get(delivery.event_name)
    if kind is None:
        raise CannotBeTold("Events of this name are told to nobody any more.")
    if event is None:
        at = delivery.created_at
        return example(kind.name, id=_id(at, str(delivery.public_id)), at=at)
    return Notice(
        id=_id(event.occurred_at, event.key),
        name=kind.name,
        at=event.occurred_at,
        subject=event.subject,
        properties={name: event.properties[name] for name in kind.properties if name in event.properties},
        person=people.get(event.subject, {}),
        is_gone=event.subject in gone,
        forgets=kind.forgets,
    )


def example(name: str, *, id: str, at: datetime) -> Notice:
    """What an event of this name looks like, about nobody. It is never one that `forgets`."""
    return Notice(id=id, name=name, at=at, subject=NOBODY, properties={**told()[name].example, "is_test": True})


def _id(at: datetime, key: str) -> str:
    """A ULID: 48 bits of milliseconds since 1970, and 80 bits that the key alone decides. 26 letters."""
    milliseconds = max(0, int(at.timestamp() * 1_000)) & (2**48 - 1)
    number = milliseconds << 80 | int.from_bytes(hashlib.sha256(key.encode()).digest()[:10])
    return "".join(CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))
