"""When messages that wait will leave."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Count, F, QuerySet, Value
from django.db.models.functions import Coalesce

from campaigns.models import Send
from campaigns.queries.policy import policy
from campaigns.rules.hours import local_day


@dataclass(frozen=True)
class Departure:
    """The messages that leave next: how many, when, by whose clock, and whether its hours are over for now."""

    messages: int
    at: datetime
    zone: ZoneInfo
    is_now: bool
    is_closed: bool
    days_ahead: int

    @property
    def local(self) -> datetime:
        return self.at.astimezone(self.zone)


def next_departure(sends: QuerySet[Send], *, now: datetime) -> Departure | None:
    """Of `sends`, those that wait and may leave first. A member's messages a day are counted only when they are due."""
    window, groups = policy().window, dict[tuple[datetime, str], int]()
    for due_at, name, messages in _waiting(sends):
        if groups and due_at > min(groups)[0]:
            break  # they come as they are due, and nothing leaves before it is due
        leaves_at = window.next_open(max(due_at, now), ZoneInfo(name))
        groups[leaves_at, name] = groups.get((leaves_at, name), 0) + messages
    if not groups:
        return None
    at, name = min(groups)
    zone = ZoneInfo(name)
    return Departure(
        messages=sum(messages for (leaves_at, _), messages in groups.items() if leaves_at == at),
        at=at,
        zone=zone,
        is_now=at <= now,
        is_closed=not window.is_open(now, zone),
        days_ahead=(local_day(at, zone) - local_day(now, zone)).days,
    )


def _waiting(sends: QuerySet[Send]) -> QuerySet[Send, tuple[datetime, str, int]]:
    zone = Coalesce(F("member__home_store__time_zone"), Value(settings.TIME_ZONE))
    waiting = sends.filter(status=Send.Status.PENDING).order_by("due_at").values("due_at").annotate(zone=zone)
    return waiting.annotate(messages=Count("pk")).values_list("due_at", "zone", "messages")
