"""When messages that wait will leave."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Count, F, QuerySet, Value
from django.db.models.functions import Coalesce
from django.utils.dateformat import format as formatted

from campaigns.models import Send
from campaigns.queries.policy import policy
from campaigns.rules.hours import local_day


@dataclass(frozen=True)
class Departure:
    """The messages that leave next: how many, when, and by whose clock. `is_held`: its hours are over for now."""

    messages: int
    at: datetime
    zone: ZoneInfo
    is_now: bool
    is_held: bool
    days_ahead: int

    @property
    def when(self) -> str:
        """`tomorrow at 8:00 a.m., America/New_York`"""
        local = self.at.astimezone(self.zone)
        day = {0: "today", 1: "tomorrow"}.get(self.days_ahead) or f"on {formatted(local, 'l, F j')}"
        return f"{day} at {formatted(local, 'g:i a')}, {self.zone.key}"


def next_departure(sends: QuerySet[Send], *, now: datetime, at_once: bool = False) -> Departure | None:
    """Of `sends`, those that wait and may leave first; `at_once`: if all were due now.

    How many messages a member had in a day is counted only when one is due.
    """
    window, groups = policy().window, dict[tuple[datetime, str], int]()
    for due_at, name, messages in _waiting(sends):
        earliest = now if at_once else max(due_at, now)
        if groups and earliest > min(groups)[0]:
            break  # they come as they are due, and nothing leaves before it is due
        leaves_at = window.next_open(earliest, ZoneInfo(name))
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
        is_held=now < at == window.next_open(now, zone),
        days_ahead=(local_day(at, zone) - local_day(now, zone)).days,
    )


def _waiting(sends: QuerySet[Send]) -> QuerySet[Send, tuple[datetime, str, int]]:
    zone = Coalesce(F("member__home_store__time_zone"), Value(settings.TIME_ZONE))
    waiting = sends.filter(status=Send.Status.PENDING).order_by("due_at").values("due_at").annotate(zone=zone)
    return waiting.annotate(messages=Count("pk")).values_list("due_at", "zone", "messages")
