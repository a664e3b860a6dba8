"""Points by the shop's rules: for orders, and for every other occasion."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction

from loyalty.actions.ledger import Credit, Reversal, credit, lock_accounts, reverse
from loyalty.events import PointsAwarded
from loyalty.models import EarnRule, Member, PointsEntry
from loyalty.queries.earning import Caps, Due, KnownRule, active_rules, all_rules, orders_due, segments_of, tiers_of
from loyalty.queries.terms import terms
from loyalty.rules.earning import Facts, Line, Room, Rule, earned, given
from tracking.actions import record_all
from tracking.actions.record import Occurrence

Reason, Trigger = PointsEntry.Reason, EarnRule.Trigger
LATE = timedelta(days=2)
REASONS = {
    Trigger.EVENT: Reason.EVENT,
    Trigger.REVIEW: Reason.EVENT,
    Trigger.SCAN: Reason.SCAN,
    Trigger.REFERRAL: Reason.REFERRAL,
    Trigger.BIRTHDAY: Reason.BIRTHDAY,
    Trigger.SEGMENT: Reason.SEGMENT,
}


@dataclass(frozen=True, kw_only=True)
class Occasion:
    """Something else than an order that may earn. `reference` says which one: it earns once by each rule."""

    trigger: EarnRule.Trigger
    member_id: int
    reference: str
    at: datetime
    sku: str = ""
    category: str = ""
    store: str = ""
    event: str = ""
    segment_id: int | None = None


@dataclass
class _Entered:
    credits: list[Credit] = field(default_factory=list)
    reversals: list[Reversal] = field(default_factory=list)


def award_for_orders(event_ids: Sequence[int], *, now: datetime) -> int:
    """Enter what the orders of these events are due and have not got yet; how many entries that made.

    An order is evaluated by the rules that were in use when it was told as paid; see loyalty.rules.earning. One that
    changes, or is returned, keeps the rules it had, and what a rule gives never changes: no rule changes the past. The
    order is looked at as it is at this moment, so the same events again, or late, enter nothing twice. Which tier and
    segments a member is in is known for today alone: rules that ask for them do not apply to orders told before LATE.
    """
    rules = all_rules()
    by_trigger = [known for known in rules if known.rule.trigger == Trigger.ORDER]
    lock_accounts(_members_told_of(event_ids))
    due = orders_due(event_ids, [known.rule for known in by_trigger], now=now)
    caps = Caps([known.rule for known in by_trigger], {each.member_id for each in due}, settings.TIME_ZONE)
    mode, entered = terms().earning, _Entered()
    for order in due:
        _evaluate(order, by_trigger, caps, mode, entered, now=now)
    credit(entered.credits, now=now)
    reverse(entered.reversals, now=now)
    _tell(entered, {order.order_id: order.number for order in due}, now=now)
    return len(entered.credits) + len(entered.reversals)


@transaction.atomic
def earn(occasions: Sequence[Occasion], *, now: datetime) -> dict[str, int]:
    """Points by the reference of each occasion, as far as they are news."""
    points: dict[str, int] = {}
    for trigger in {occasion.trigger for occasion in occasions}:
        points |= _earn([each for each in occasions if each.trigger == trigger], trigger, now=now)
    return points


def _evaluate(
    order: Due, rules: Sequence[KnownRule], caps: Caps, mode: str, entered: _Entered, *, now: datetime
) -> None:
    chosen = [known.rule for known in rules if known.rule.id in order.nets]
    open_rules = [known.rule for known in rules if known.was_in_use_at(order.told_at)]
    if order.told_at < now - LATE:
        open_rules = [rule for rule in open_rules if not (rule.conditions.tiers or rule.conditions.segments)]
    day, cause = order.ordered_at.astimezone(ZoneInfo(settings.TIME_ZONE)).date(), f"order:{order.order_id}"
    room = caps.room(chosen or open_rules, order.member_id, day, cause=cause)
    room = {rule_id: left.at_least(order.nets.get(rule_id, 0)) for rule_id, left in room.items()}
    facts = order.facts
    due = given(chosen, facts, room) if chosen else earned(open_rules, facts, mode=mode, room=room)
    for rule_id, points in due.items():
        caps.note(rule_id, order.member_id, day, cause=cause, points=points)
        _enter_difference(order, rule_id, points, entered)


def _enter_difference(order: Due, rule_id: int, points: int, entered: _Entered) -> None:
    net = order.nets.get(rule_id)
    reference = f"{order.number}:{rule_id}" if net is None else f"{order.number}:{rule_id}:{order.event_id}"
    difference = points - (net or 0)
    if difference > 0:
        entered.credits.append(
            Credit(
                member_id=order.member_id,
                points=difference,
                reason=Reason.PURCHASE,
                reference=reference,
                occurred_at=order.ordered_at,
                rule_id=rule_id,
                order_id=order.order_id,
                is_delivered=order.is_delivered,
            )
        )
    elif difference < 0:
        entered.reversals.append(
            Reversal(
                member_id=order.member_id,
                order_id=order.order_id,
                rule_id=rule_id,
                points=-difference,
                net=max(net or 0, -difference),
                reference=reference,
                occurred_at=order.ordered_at,
            )
        )


def _tell(entered: _Entered, numbers: dict[int, str], *, now: datetime) -> None:
    changes = [(each, each.points) for each in entered.credits] + [(each, -each.points) for each in entered.reversals]
    subjects = _subjects(change.member_id for change, _ in changes)
    record_all(
        [
            Occurrence(
                PointsAwarded(
                    subject=subjects[change.member_id], points=points, order=numbers.get(change.order_id or 0, "")
                ),
                change.reference,
                now,
            )
            for change, points in changes
        ]
    )


def _earn(occasions: Sequence[Occasion], trigger: EarnRule.Trigger, *, now: datetime) -> dict[str, int]:
    rules = active_rules(trigger)
    if not rules:
        return {}
    members = {occasion.member_id for occasion in occasions}
    lock_accounts(members)
    tiers, segments = tiers_of(members), segments_of(members, rules, now=now)
    caps, mode = Caps(rules, members, settings.TIME_ZONE), terms().earning
    credits: dict[str, tuple[str, Credit]] = {}
    for occasion in sorted(occasions, key=lambda each: each.at):
        facts = Facts(
            at=occasion.at.astimezone(ZoneInfo(settings.TIME_ZONE)),
            lines=(Line(occasion.sku, occasion.category, Decimal(0)),) if occasion.sku or occasion.category else (),
            store=occasion.store,
            tier=tiers.get(occasion.member_id),
            segments=segments.get(occasion.member_id, frozenset()),
        )
        fitting = [rule for rule in rules if _is_about(rule, occasion)]
        for made in _credits(occasion, facts, fitting, caps, mode):
            credits[made.reference] = (occasion.reference, made)
    news = credit([made for _, made in credits.values()], now=now)
    points: dict[str, int] = {}
    for made in news:
        occasion_reference = credits[made.reference][0]
        points[occasion_reference] = points.get(occasion_reference, 0) + made.points
    _tell(_Entered(news), {}, now=now)
    return points


def _credits(occasion: Occasion, facts: Facts, rules: Sequence[Rule], caps: Caps, mode: str) -> Iterable[Credit]:
    day = facts.at.date()
    references = {rule.id: f"{occasion.trigger}:{occasion.reference}:{rule.id}" for rule in rules}
    room: dict[int, Room] = {}
    for rule in rules:
        room |= caps.room([rule], occasion.member_id, day, cause=references[rule.id])
    for rule_id, points in earned(rules, facts, mode=mode, room=room).items():
        if points > 0:
            caps.note(rule_id, occasion.member_id, day, cause=references[rule_id], points=points)
            yield Credit(
                member_id=occasion.member_id,
                points=points,
                reason=REASONS[occasion.trigger],
                reference=references[rule_id],
                occurred_at=occasion.at,
                rule_id=rule_id,
            )


def _is_about(rule: Rule, occasion: Occasion) -> bool:
    if rule.trigger == Trigger.EVENT:
        return rule.event_name == occasion.event
    return rule.trigger != Trigger.SEGMENT or rule.segment_id == occasion.segment_id


def _members_told_of(event_ids: Sequence[int]) -> list[int]:
    told = Member.objects.raw(_MEMBERS, [list(event_ids)])
    return [member.pk for member in told]


def _subjects(member_ids: Iterable[int]) -> dict[int, str]:
    return {
        pk: str(public_id)
        for pk, public_id in Member.objects.filter(pk__in=set(member_ids)).values_list("pk", "public_id")
    }


_MEMBERS = """
    SELECT DISTINCT o.member_id AS id
    FROM tracking_event e JOIN loyalty_order o ON o.number = e.properties ->> 'order'
    WHERE e.id = ANY(%s) AND o.member_id IS NOT NULL
"""
