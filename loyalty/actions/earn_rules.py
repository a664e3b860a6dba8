from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from config.shared.errors import DomainError
from loyalty.models import EarnRule
from loyalty.rules.earning import BadConditions, read_brackets, read_conditions

# What a rule gives. The rest of it (its name, its place, whether it is in use) may change at any time.
GIVES = (
    "trigger", "event_name", "segment", "effect", "points_per_unit", "points", "multiplier", "brackets", "conditions",
    "minimum_total", "starts_on", "ends_on", "cap_points", "cap_times", "cap_period",
)  # fmt: skip
MAY_CHANGE = ("name", "priority", "is_active")
OF_ORDERS = {EarnRule.Effect.PER_UNIT, EarnRule.Effect.MULTIPLIER, EarnRule.Effect.BRACKET}


class BadEarnRule(DomainError):
    code = "bad_earn_rule"


@transaction.atomic
def save_earn_rule(*, rule: EarnRule | None, **fields: Any) -> EarnRule:
    """Make a rule or change the named fields of one (GIVES and MAY_CHANGE).

    A rule that has given points keeps what it gave for good: it is put out of use, and a new one with the wishes takes
    its place. Returns the rule that holds from now on. Raises BadEarnRule.
    """
    wanted = draft_of(rule, **fields)
    if rule and any(getattr(wanted, name) != getattr(rule, name) for name in GIVES):
        rule = _make_way(rule)
    wanted.pk = rule.pk if rule else None
    wanted._state.adding = rule is None
    if rule:
        wanted.created_at, wanted.active_since, wanted.retired_at = rule.created_at, rule.active_since, rule.retired_at
    if rule and wanted.is_active != rule.is_active:
        wanted.active_since = timezone.now() if wanted.is_active else rule.active_since
        wanted.retired_at = None if wanted.is_active else timezone.now()
    wanted.save()
    return wanted


def draft_of(rule: EarnRule | None, **fields: Any) -> EarnRule:
    """The rule as it would be, not written. Raises BadEarnRule."""
    if unknown := set(fields) - {*GIVES, *MAY_CHANGE}:
        raise TypeError(f"A rule has no {min(unknown)}.")
    draft = EarnRule()
    kept = {name: getattr(rule, name) for name in (*GIVES, *MAY_CHANGE)} if rule else {}
    for name, value in (kept | fields).items():
        setattr(draft, name, value)
    try:
        draft.clean_fields(exclude=["segment", "conditions", "brackets"])
    except ValidationError as fault:
        raise BadEarnRule(" ".join(fault.messages)) from None
    _check(draft)
    return draft


def _check(rule: EarnRule) -> None:
    if Decimal(rule.points_per_unit) < 0 or Decimal(rule.minimum_total) < 0:
        raise BadEarnRule("Points and the minimum cannot be negative.")
    if rule.starts_on and rule.ends_on and rule.ends_on < rule.starts_on:
        raise BadEarnRule("The last day is before the first.")
    if rule.trigger != EarnRule.Trigger.ORDER and rule.effect in OF_ORDERS:
        raise BadEarnRule("Only an order has a total: give a fixed number of points for anything else.")
    if rule.trigger == EarnRule.Trigger.EVENT and not rule.event_name.strip():
        raise BadEarnRule("Name the event that earns.")
    if rule.trigger == EarnRule.Trigger.SEGMENT and rule.segment is None:
        raise BadEarnRule("Choose the segment that earns.")
    if rule.effect == EarnRule.Effect.PER_UNIT and not Decimal(rule.points_per_unit):
        raise BadEarnRule("Say how many points each unit of the currency gives, more than 0.")
    if rule.effect == EarnRule.Effect.MULTIPLIER and Decimal(rule.multiplier) <= 1:
        raise BadEarnRule("A multiplier is more than 1, such as 2 for double points.")
    if rule.effect == EarnRule.Effect.FIXED and not rule.points:
        raise BadEarnRule("Say how many points it gives.")
    if rule.effect == EarnRule.Effect.BRACKET and not rule.brackets:
        raise BadEarnRule("Give at least one bracket.")
    try:
        read_conditions(rule.conditions)
        read_brackets(rule.brackets)
    except BadConditions as fault:
        raise BadEarnRule(str(fault)) from None


def _make_way(rule: EarnRule) -> EarnRule | None:
    """The rule itself while nothing rests on it; else it is put out of use, and None asks for a new one."""
    if not rule.entries.exists():
        return rule
    EarnRule.objects.filter(pk=rule.pk).update(is_active=False, retired_at=timezone.now())
    return None
