"""What the earning engine (loyalty.rules.earning) looks at, read for many orders or occasions at once."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db import connection

from loyalty.models import EarnRule, Segment, TierStanding
from loyalty.queries.segments import members_matching
from loyalty.rules.earning import Facts, Line, Room, Rule, period_start, read_brackets, read_conditions


@dataclass(frozen=True)
class Due:
    """An order that was told of. `nets` is what each rule has given for it so far, `told_at` when it was paid."""

    order_id: int
    number: str
    member_id: int
    event_id: int
    told_at: datetime
    ordered_at: datetime
    facts: Facts
    nets: dict[int, int]
    is_delivered: bool


@dataclass(frozen=True)
class KnownRule:
    """A rule with what the engine does not ask: when it was in use."""

    rule: Rule
    active_since: datetime
    retired_at: datetime | None
    is_active: bool

    def was_in_use_at(self, at: datetime) -> bool:
        return self.active_since <= at and (self.is_active or (self.retired_at is not None and at < self.retired_at))


def rule_of(row: EarnRule) -> Rule:
    return Rule(
        id=row.pk,
        name=row.name,
        trigger=row.trigger,
        effect=row.effect,
        points_per_unit=row.points_per_unit,
        points=row.points,
        multiplier=row.multiplier,
        brackets=read_brackets(row.brackets),
        conditions=read_conditions(row.conditions),
        minimum_total=row.minimum_total,
        starts_on=row.starts_on,
        ends_on=row.ends_on,
        cap_points=row.cap_points,
        cap_times=row.cap_times,
        cap_period=row.cap_period,
        event_name=row.event_name,
        segment_id=row.segment_id,
    )


def all_rules() -> list[KnownRule]:
    """In the order they are asked."""
    rows = EarnRule.objects.order_by("priority", "pk")
    return [KnownRule(rule_of(row), row.active_since, row.retired_at, row.is_active) for row in rows]


def active_rules(trigger: str) -> list[Rule]:
    rows = EarnRule.objects.filter(trigger=trigger, is_active=True).order_by("priority", "pk")
    return [rule_of(row) for row in rows]


def orders_due(event_ids: Sequence[int], rules: Sequence[Rule], *, now: datetime) -> list[Due]:
    """Orders of members that these events tell of, oldest first, with what the rules ask of them."""
    with connection.cursor() as cursor:
        cursor.execute(_ORDERS, [list(event_ids)])
        rows = cursor.fetchall()
    members = {row[2] for row in rows}
    tiers = tiers_of(members) if any(rule.conditions.tiers for rule in rules) else {}
    segments = segments_of(members, rules, now=now)
    lines = _lines_of(row[0] for row in rows) if any(rule.conditions.asks_for_products for rule in rules) else {}
    return [
        Due(
            order_id=order_id,
            number=number,
            member_id=member_id,
            event_id=event_id,
            told_at=told_at,
            ordered_at=ordered_at,
            facts=Facts(
                at=ordered_at.astimezone(ZoneInfo(zone)),
                total=Decimal(0) if is_void else total,
                paid_with_points=Decimal(0) if is_void else paid_with_points,
                lines=() if is_void else tuple(lines.get(order_id, ())),
                store=store,
                tier=tiers.get(member_id),
                segments=segments.get(member_id, frozenset()),
            ),
            nets=dict(zip(rules_so_far, nets, strict=True)),
            is_delivered=is_delivered,
        )
        for (order_id, number, member_id, event_id, told_at, ordered_at, zone, total, paid_with_points, is_void, store,
             is_delivered, rules_so_far, nets) in rows
    ]  # fmt: skip


def tiers_of(member_ids: Collection[int]) -> dict[int, int | None]:
    return dict(TierStanding.objects.filter(member__in=member_ids).values_list("member_id", "tier_id"))


def segments_of(member_ids: Collection[int], rules: Iterable[Rule], *, now: datetime) -> dict[int, frozenset[int]]:
    """Of the segments the rules ask for, those each member is in."""
    wanted = {segment for rule in rules for segment in rule.conditions.segments}
    found: dict[int, set[int]] = defaultdict(set)
    for segment in Segment.objects.filter(pk__in=wanted):
        inside = members_matching(segment.rule, now=now).filter(pk__in=member_ids)
        for member_id in inside.values_list("pk", flat=True):
            found[member_id].add(segment.pk)
    return {member_id: frozenset(segments) for member_id, segments in found.items()}


class Caps:
    """How much room the caps of some rules leave to some members. What is given meanwhile is noted."""

    def __init__(self, rules: Iterable[Rule], member_ids: Collection[int], zone: str) -> None:
        self._rules = {rule.id: rule for rule in rules if rule.is_capped}
        self._used: dict[tuple[int, int, date], dict[str, int]] = defaultdict(dict)
        if self._rules:
            self._read(member_ids, zone)

    def room(self, rules: Iterable[Rule], member_id: int, day: date, *, cause: str) -> dict[int, Room]:
        """By rule. What the same `cause` has got already does not count against it."""
        return {
            rule.id: self._room(self._rules[rule.id], member_id, day, cause) for rule in rules if rule.id in self._rules
        }

    def note(self, rule_id: int, member_id: int, day: date, *, cause: str, points: int) -> None:
        if rule_id in self._rules:
            self._causes(rule_id, member_id, day)[cause] = points

    def _room(self, rule: Rule, member_id: int, day: date, cause: str) -> Room:
        others = [points for each, points in self._causes(rule.id, member_id, day).items() if each != cause and points]
        return Room(
            points=None if rule.cap_points is None else rule.cap_points - sum(others),
            times=None if rule.cap_times is None else rule.cap_times - len(others),
        )

    def _causes(self, rule_id: int, member_id: int, day: date) -> dict[str, int]:
        return self._used[rule_id, member_id, period_start(self._rules[rule_id].cap_period, day)]

    def _read(self, member_ids: Collection[int], zone: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(_USED, {"zone": zone, "rules": list(self._rules), "members": list(member_ids)})
            for rule_id, member_id, day, cause, points in cursor.fetchall():
                causes = self._causes(rule_id, member_id, day)
                causes[cause] = causes.get(cause, 0) + points


def _lines_of(order_ids: Iterable[int]) -> dict[int, list[Line]]:
    lines: dict[int, list[Line]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(_LINES, [list(order_ids)])
        for order_id, sku, category, amount in cursor.fetchall():
            lines[order_id].append(Line(sku, category, amount))
    return lines


_ORDERS = """
    WITH told AS (
        SELECT properties ->> 'order' AS number, max(id) AS event_id, min(recorded_at) AS told_at
        FROM tracking_event WHERE id = ANY(%s) GROUP BY 1
    ),
    nets AS (
        SELECT order_id, array_agg(rule_id) AS rules, array_agg(net::bigint) AS nets
        FROM (
            SELECT entry.order_id, entry.rule_id, sum(entry.points + entry.pending - entry.waived) AS net
            FROM told
            JOIN loyalty_order o ON o.number = told.number
            JOIN loyalty_pointsentry entry ON entry.order_id = o.id
            WHERE entry.rule_id IS NOT NULL
            GROUP BY entry.order_id, entry.rule_id
        ) each_rule
        GROUP BY order_id
    )
    SELECT o.id, o.number, o.member_id, told.event_id, coalesce(paid.recorded_at, told.told_at),
           o.ordered_at, store.time_zone, o.total,
           o.paid_with_points, o.voided_at IS NOT NULL, store.code,
           o.delivered_at IS NOT NULL, coalesce(nets.rules, '{}'), coalesce(nets.nets, '{}')
    FROM told
    JOIN loyalty_order o ON o.number = told.number
    JOIN loyalty_store store ON store.id = o.store_id
    LEFT JOIN nets ON nets.order_id = o.id
    LEFT JOIN tracking_event paid ON paid.key = 'order.paid:' || o.number
    WHERE o.member_id IS NOT NULL
    ORDER BY o.ordered_at, o.id
"""
_LINES = """
    SELECT line.order_id, product.sku, product.category, line.amount
    FROM loyalty_orderline line JOIN loyalty_product product ON product.id = line.product_id
    WHERE line.order_id = ANY(%s)
"""
# One cause is an order, or whatever else an entry refers to. What a member earned under an account that is part of
# theirs now counts as theirs, as it does for tiers.
_USED = """
    SELECT entry.rule_id, coalesce(member.merged_into_id, member.id), (entry.occurred_at AT TIME ZONE %(zone)s)::date,
           coalesce('order:' || entry.order_id, entry.reference), sum(entry.points + entry.pending - entry.waived)
    FROM loyalty_pointsentry entry JOIN loyalty_member member ON member.id = entry.member_id
    WHERE entry.rule_id = ANY(%(rules)s) AND entry.member_id IN (
        SELECT id FROM loyalty_member WHERE id = ANY(%(members)s) OR merged_into_id = ANY(%(members)s)
    )
    GROUP BY 1, 2, 3, 4
"""
