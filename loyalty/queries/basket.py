"""The dry run: what a basket would earn, and what could be had for the points. Nothing is written."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.conf import settings

from loyalty.models import EarnRule, Member, Product, Store
from loyalty.queries.earning import Caps, active_rules, rule_of, segments_of, tiers_of
from loyalty.queries.terms import terms
from loyalty.rules.earning import Facts, Line, Room, Rule, earned

CAUSE = "dry run"


@dataclass(frozen=True, kw_only=True)
class BasketLine:
    """Without a `category`, the product's."""

    sku: str
    quantity: Decimal
    amount: Decimal
    category: str = ""


@dataclass(frozen=True)
class RulePoints:
    rule: str
    points: int


@dataclass(frozen=True)
class Examined:
    """`balance_after` counts points that will wait as well; a stranger starts from nothing."""

    points: int
    rules: list[RulePoints]
    balance: int
    balance_after: int


def examine(
    *,
    member: Member | None,
    lines: Sequence[BasketLine],
    store: Store | None,
    at: datetime,
    paid_with_points: Decimal = Decimal(0),
    draft: EarnRule | None = None,
) -> Examined:
    """By the rules in use; a `draft` of a rule, which needs no row of its own yet, is asked in its place among them."""
    rules = _with_draft(active_rules(EarnRule.Trigger.ORDER), draft)
    zone = store.time_zone if store else settings.TIME_ZONE
    unnamed = {line.sku for line in lines if not line.category}
    known = dict(Product.objects.filter(sku__in=unnamed).values_list("sku", "category"))
    facts = Facts(
        at=at.astimezone(ZoneInfo(zone)),
        total=sum((line.amount for line in lines), Decimal(0)),
        lines=tuple(Line(line.sku, line.category or known.get(line.sku, ""), line.amount) for line in lines),
        paid_with_points=paid_with_points,
        store=store.code if store else "",
        tier=tiers_of([member.pk]).get(member.pk) if member else None,
        segments=segments_of([member.pk], rules, now=at).get(member.pk, frozenset()) if member else frozenset(),
    )
    points = earned(rules, facts, mode=terms().earning, room=_room(member, rules, at))
    names = {rule.id: rule.name for rule in rules}
    total, balance = sum(points.values()), member.points_account.balance if member else 0
    told = [RulePoints(names[rule_id], value) for rule_id, value in points.items() if value]
    return Examined(total, told, balance, balance + total)


def _with_draft(rules: list[Rule], draft: EarnRule | None) -> list[Rule]:
    if draft is None:
        return rules
    order = {row.pk: row.priority for row in EarnRule.objects.only("priority")}
    draft.pk = draft.pk or 0
    order[draft.pk] = draft.priority
    kept = [rule for rule in rules if rule.id != draft.pk]
    return sorted([*kept, rule_of(draft)], key=lambda rule: (order[rule.id], rule.id))


def _room(member: Member | None, rules: Sequence[Rule], at: datetime) -> dict[int, Room]:
    if member is None:
        return {rule.id: Room(rule.cap_points, rule.cap_times) for rule in rules if rule.is_capped}
    caps = Caps([rule for rule in rules if rule.id], [member.pk], settings.TIME_ZONE)
    day = at.astimezone(ZoneInfo(settings.TIME_ZONE)).date()
    drafts = {rule.id: Room(rule.cap_points, rule.cap_times) for rule in rules if rule.is_capped and not rule.id}
    return caps.room([rule for rule in rules if rule.id], member.pk, day, cause=CAUSE) | drafts
