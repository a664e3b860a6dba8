"""Occasions to earn that nobody tells us one by one: events of the shop's own systems, birthdays, segments entered."""

from collections.abc import Iterable
from datetime import datetime
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection

from loyalty.actions import ledger
from loyalty.actions.earning import Occasion, earn
from loyalty.models import EarnRule, Programme, Segment
from loyalty.queries.segments import members_matching
from loyalty.queries.terms import terms
from tracking.models import PartnerSystem

MEMBERS_A_STEP = 500
Trigger = EarnRule.Trigger
REVIEW_WRITTEN = "review.written"
# A website's or an app's key stands where everybody can read it: what comes by it gives no points.
TRUSTED = (PartnerSystem.Kind.BACKEND, PartnerSystem.Kind.POINT_OF_SALE)


def hear_received(after: int, upto: int, *, now: datetime) -> None:
    """Earn, and make points usable, by what trusted systems sent in these transactions: valid events of known members,
    each message once.
    """
    programme = terms()
    releasing = programme.pending_event if programme.pending == Programme.Pending.EVENT else ""
    names = _names_of_rules() | ({releasing} if releasing else set())
    if not names:
        return
    parameters = {"after": str(after), "upto": str(upto), "names": sorted(names), "kinds": list(TRUSTED)}
    heard = _rows(_HEARD, parameters)
    earn(
        [
            Occasion(
                trigger=Trigger.REVIEW if name == REVIEW_WRITTEN else Trigger.EVENT,
                member_id=member_id,
                reference=reference,
                at=occurred_at,
                sku=sku or "",
                category=category or "",
                event=name,
            )
            for member_id, name, reference, occurred_at, sku, category in heard
        ],
        now=now,
    )
    if released := sorted({member_id for member_id, name, *_ in heard if name == releasing}):
        ledger.release_for_members(released, event=releasing, now=now)


def congratulate(*, now: datetime) -> int:
    """Birthdays of today, where the shop is; how many earned. 29 February is kept on the 28th in other years."""
    if not EarnRule.objects.filter(trigger=Trigger.BIRTHDAY, is_active=True).exists():
        return 0
    today = now.astimezone(ZoneInfo(settings.TIME_ZONE)).date()
    occasions = [
        Occasion(trigger=Trigger.BIRTHDAY, member_id=row[0], reference=f"{row[0]}:{today.year}", at=now)
        for row in _rows(_BORN_TODAY, {"today": today})
    ]
    return _earn_in_steps(occasions, now=now)


def greet_newcomers(*, now: datetime) -> int:
    """Members who are in a segment that earns and have not earned for it; how many did."""
    earned = 0
    rules = EarnRule.objects.filter(trigger=Trigger.SEGMENT, is_active=True)
    for segment in Segment.objects.filter(earn_rules__in=rules).distinct():
        for rule in rules.filter(segment=segment):
            inside = members_matching(segment.rule, now=now).exclude(points_entries__rule=rule)
            occasions = (
                Occasion(
                    trigger=Trigger.SEGMENT,
                    member_id=member_id,
                    reference=f"{segment.pk}:{member_id}",
                    at=now,
                    segment_id=segment.pk,
                )
                for member_id in list(inside.order_by("pk").values_list("pk", flat=True))
            )
            earned += _earn_in_steps(occasions, now=now)
    return earned


def _earn_in_steps(occasions: Iterable[Occasion], *, now: datetime) -> int:
    """Each step is whole, and can be cut short and repeated."""
    coming, earned = iter(occasions), 0
    while step := list(islice(coming, MEMBERS_A_STEP)):
        earned += len(earn(step, now=now))
    return earned


def _names_of_rules() -> set[str]:
    rules = EarnRule.objects.filter(trigger__in=(Trigger.EVENT, Trigger.REVIEW), is_active=True)
    return {
        REVIEW_WRITTEN if trigger == Trigger.REVIEW else name
        for trigger, name in rules.values_list("trigger", "event_name")
    }


def _rows(sql: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


_HEARD = """
    SELECT DISTINCT ON (r.system_id, r.message_id)
           member.id, r.name, r.system_id || ':' || r.message_id, r.occurred_at,
           coalesce(r.properties ->> 'sku', r.properties ->> 'product_id'), r.properties ->> 'category'
    FROM tracking_receivedevent r
    JOIN tracking_partnersystem system ON system.id = r.system_id AND system.kind = ANY(%(kinds)s)
    JOIN loyalty_member named ON
        named.external_id = r.user_id OR named.email = r.user_id OR
        named.public_id = CASE WHEN pg_input_is_valid(r.user_id, 'uuid') THEN r.user_id::uuid END
    JOIN loyalty_member member ON member.id = coalesce(named.merged_into_id, named.id) AND member.left_at IS NULL
    WHERE r.transaction_id > %(after)s::xid8 AND r.transaction_id <= %(upto)s::xid8
      AND r.name = ANY(%(names)s) AND r.errors = '[]' AND r.user_id <> '' AND length(r.message_id) < 90
    ORDER BY r.system_id, r.message_id, r.received_at, member.id
"""
_BORN_TODAY = """
    SELECT id FROM loyalty_member
    WHERE left_at IS NULL AND merged_into_id IS NULL
      AND extract(month FROM birth_date) = extract(month FROM %(today)s::date)
      AND (
          extract(day FROM birth_date) = extract(day FROM %(today)s::date)
          OR (to_char(birth_date, 'MM-DD') = '02-29' AND to_char(%(today)s::date, 'MM-DD') = '02-28'
              AND to_char(%(today)s::date + 1, 'MM-DD') = '03-01')
      )
    ORDER BY id
"""
