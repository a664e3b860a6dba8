"""When each member's message of a step is due, for any number of members in one statement.

`timing` says by whose clock: of the business, of the member (as `gate.zone_of` knows it), or at the hour at which the
member usually answers, else the hour most members of their store do, else the step's time. Such an hour is drawn into
those at which the step's channel may leave there. Nothing is due before now; what is due before the campaign starts
simply leaves when it does.

PostgreSQL reads a time that spring leaves out as an hour later, and one that autumn has twice as the second.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Count, IntegerField, QuerySet
from django.db.models.aggregates import Aggregate
from django.db.models.functions import Left

from campaigns.models import Action, MemberHour, PlanStep, Send
from campaigns.rules.hours import SendWindow
from campaigns.sending import gate
from loyalty.models import Consent, Member, Store
from loyalty.rules.contacts import PHONE_START, zone_of_phone

# Of fewer members with an hour of their own, a store's tells nothing.
MEMBERS_TELL = 10
_STEP, _ACTION, _SEND, _MEMBER, _HOUR = (model._meta.db_table for model in (PlanStep, Action, Send, Member, MemberHour))


class Mode(Aggregate):
    """The most frequent value; of several the least."""

    template = "mode() WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = IntegerField()


@dataclass(frozen=True)
class Timed:
    """`due_at` is SQL over `step` and `member` and what `joins` adds to them, with its parameters."""

    joins: str
    due_at: str
    parameters: tuple[Any, ...]


def timed(steps: QuerySet[PlanStep], members: QuerySet[Member], channel: str, *, now: datetime) -> Timed:
    """For `steps`, all of one channel, and whoever of `members` gets them."""
    if not steps.exclude(timing=PlanStep.Timing.BUSINESS).exists():
        return Timed(_BUSINESS, "(step.day + step.send_at) AT TIME ZONE business.zone", (now, settings.TIME_ZONE))
    return _by_members_clock(members, channel, now)


def _by_members_clock(members: QuerySet[Member], channel: str, now: datetime) -> Timed:
    known = (json.dumps(_places(channel)), json.dumps(_dialled(members, channel)))
    return Timed(_BUSINESS + _MEMBERS_CLOCK, _DUE_AT, (now, settings.TIME_ZONE, *known))


def _places(channel: str) -> dict[str, dict[str, Any]]:
    """By the id of a home store, and for whoever has none: its zone, when `channel` may leave there, and at which hour
    most of its members answer.
    """
    terms, hours = gate.terms(), _hours_of_stores()
    places = {"": _window(terms.window(channel, state=""))}
    for store in Store.objects.all():
        window = _window(terms.window(channel, state=store.state))
        places[str(store.pk)] = window | {"zone": store.time_zone, "hour": hours.get(store.pk)}
    return places


def _window(window: SendWindow) -> dict[str, Any]:
    sunday = max(window.opens, window.sunday_opens or 0)
    return {"opens": window.opens, "sunday": sunday, "closes": window.closes}


def _hours_of_stores() -> dict[int, int]:
    of_store = MemberHour.objects.filter(member__home_store__isnull=False).order_by().values("member__home_store")
    counted = of_store.annotate(hour=Mode("hour"), members=Count("pk")).filter(members__gte=MEMBERS_TELL)
    return dict(counted.values_list("member__home_store", "hour"))


def _dialled(members: QuerySet[Member], channel: str) -> dict[str, str]:
    """Zones by the first digits of telephone numbers, of those whose clock only the number tells."""
    if channel != Consent.Channel.SMS:
        return {}
    numbers = members.filter(home_store=None, phone__isnull=False).order_by()
    starts = numbers.values_list(Left("phone", PHONE_START), flat=True).distinct()
    return {start: zone for start in starts if (zone := zone_of_phone(start))}


_BUSINESS = " CROSS JOIN (SELECT %s::timestamptz AS now, %s::text AS zone) business"
# The member's clock and, for their best hour, whose habit it is. What holds for a place is looked up and not joined:
# how many rows there will be is not known to the planner, and a wrong guess joins each with each.
_MEMBERS_CLOCK = f"""
    CROSS JOIN (SELECT %s::jsonb AS places, %s::jsonb AS dialled) known
    LEFT JOIN {_HOUR} own ON own.member_id = member.id
    CROSS JOIN LATERAL (
        SELECT known.places -> coalesce(member.home_store_id::text, '') AS found OFFSET 0
    ) place
    CROSS JOIN LATERAL (
        SELECT coalesce(
                   place.found ->> 'zone',
                   CASE WHEN member.home_store_id IS NULL THEN known.dialled ->> left(member.phone, {PHONE_START}) END,
                   business.zone
               ) AS zone,
               (place.found ->> 'hour')::int AS store_hour,
               (place.found ->> CASE extract(isodow FROM step.day) WHEN 7 THEN 'sunday' ELSE 'opens' END)::int AS opens,
               (place.found ->> 'closes')::int AS closes
        OFFSET 0
    ) clock
    CROSS JOIN LATERAL (
        SELECT coalesce(make_time(coalesce(own.hour, clock.store_hour), 0, 0), step.send_at) AS best
    ) habit
"""
_DUE_AT = """
    CASE step.timing
        WHEN 'BUSINESS' THEN (step.day + step.send_at) AT TIME ZONE business.zone
        WHEN 'LOCAL' THEN greatest(business.now, (step.day + step.send_at) AT TIME ZONE clock.zone)
        ELSE greatest(business.now, (step.day + CASE
            WHEN clock.opens >= clock.closes THEN habit.best
            WHEN extract(hour FROM habit.best) < clock.opens THEN make_time(clock.opens, 0, 0)
            WHEN extract(hour FROM habit.best) >= clock.closes THEN make_time(clock.closes - 1, 0, 0)
            ELSE habit.best
        END) AT TIME ZONE clock.zone)
    END
"""


# --- What the marketer is shown ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Departures:
    """How many messages of a step are due at each hour (0 to 23) of the members' own clock, and by whose habit."""

    by_hour: tuple[int, ...]
    by_own_habit: int
    by_store_habit: int

    @property
    def messages(self) -> int:
        return sum(self.by_hour)


def departures_of(step: PlanStep, members: QuerySet[Member], *, now: datetime) -> Departures:
    """Of a step that nobody approved: if it were approved now, for `members`. Else as its messages are due."""
    by_clock = _by_members_clock(members, step.channel, now)
    chosen, of_members = members.values("pk").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            _COUNTED.format(joins=by_clock.joins, due_at=by_clock.due_at, members=chosen),
            [*by_clock.parameters, step.pk, *of_members],
        )
        rows = cursor.fetchall()
    by_hour = [0] * 24
    for hour, _, messages in rows:
        by_hour[hour] += messages
    own, store = (sum(messages for _, habit, messages in rows if habit == whose) for whose in ("own", "store"))
    return Departures(tuple(by_hour), own, store)


_COUNTED = f"""
    SELECT extract(hour FROM coalesce(send.due_at, {{due_at}}) AT TIME ZONE clock.zone)::int AS hour,
           CASE WHEN own.hour IS NOT NULL THEN 'own' WHEN clock.store_hour IS NOT NULL THEN 'store' END AS whose,
           count(*)
    FROM {_STEP} step
    CROSS JOIN {_MEMBER} member
    LEFT JOIN {_ACTION} action ON action.step_id = step.id AND action.member_id = member.id
    LEFT JOIN {_SEND} send ON send.action_id = action.id
    {{joins}}
    WHERE step.id = %s AND member.id IN ({{members}})
    GROUP BY 1, 2
"""
