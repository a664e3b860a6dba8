"""When messages that wait will leave."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Case, Count, F, QuerySet, When
from django.db.models.functions import Left
from django.utils.dateformat import format as formatted

from campaigns.models import Send
from campaigns.queries.permits import state_hours
from campaigns.queries.policy import policy
from campaigns.rules.hours import local_day
from loyalty.models import Consent
from loyalty.rules.contacts import PHONE_START, zone_of_phone


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

    By the hours of the shop and of each state, on the clock the gate goes by. How many messages a member had in a day
    is counted only when one is due.
    """
    shop, by_law, groups = policy().window, state_hours(), dict[tuple[datetime, str], _Group]()
    for wait in _waiting(sends):
        earliest = now if at_once else max(wait.due_at, now)
        if groups and earliest > min(groups)[0]:
            break  # they come as they are due, and nothing leaves before it is due
        window = shop.within(by_law[wait.place]) if wait.place in by_law else shop
        if window.is_never_open:
            continue  # it will be put aside
        zone = ZoneInfo(wait.zone)
        leaves_at = window.next_open(earliest, zone)
        group = groups.setdefault((leaves_at, wait.zone), _Group())
        group.messages += wait.messages
        group.is_held |= now < leaves_at == window.next_open(now, zone)
    if not groups:
        return None
    at, name = min(groups)
    first = [group for (leaves_at, _), group in groups.items() if leaves_at == at]
    zone = ZoneInfo(name)
    return Departure(
        messages=sum(group.messages for group in first),
        at=at,
        zone=zone,
        is_now=at <= now,
        is_held=any(group.is_held for group in first),
        days_ahead=(local_day(at, zone) - local_day(now, zone)).days,
    )


@dataclass
class _Group:
    """Messages that leave together."""

    messages: int = 0
    is_held: bool = False


@dataclass(frozen=True)
class _Wait:
    """Messages that are due together, where the same hours hold. `place` is (state, channel)."""

    due_at: datetime
    zone: str
    place: tuple[str, str]
    messages: int


def _waiting(sends: QuerySet[Send]) -> Iterator[_Wait]:
    """As they are due. Where only the telephone number tells the zone, its first digits do."""
    number = Case(When(channel=Consent.Channel.SMS, member__home_store=None, then=Left("member__phone", PHONE_START)))
    waiting = (
        sends.filter(status=Send.Status.PENDING, waits_for_winner=False).order_by("due_at").values("due_at", "channel")
    )
    rows = waiting.annotate(
        zone=F("member__home_store__time_zone"), state=F("member__home_store__state"), number=number
    ).annotate(messages=Count("pk"))
    for row in rows.iterator():
        zone = row["zone"] or zone_of_phone(row["number"] or "") or settings.TIME_ZONE
        yield _Wait(row["due_at"], zone, (row["state"] or "", row["channel"]), row["messages"])
