from datetime import date
from decimal import Decimal

from django.db import transaction

from config.shared.errors import DomainError
from loyalty.models import EarnRule


class BadEarnRule(DomainError):
    code = "bad_earn_rule"


@transaction.atomic
def save_earn_rule(
    *,
    rule: EarnRule | None,
    name: str,
    points_per_unit: Decimal,
    minimum_total: Decimal,
    starts_on: date | None,
    ends_on: date | None,
    priority: int,
    is_active: bool,
) -> EarnRule:
    """Make a rule or change one. A rule that has given points keeps what it gave for good: it is put out of use, and
    a new one with the wishes takes its place. Returns the rule that holds from now on. Raises BadEarnRule.
    """
    if points_per_unit < 0 or minimum_total < 0:
        raise BadEarnRule("Points and the minimum cannot be negative.")
    if starts_on and ends_on and ends_on < starts_on:
        raise BadEarnRule("The last day is before the first.")
    gives = (points_per_unit, minimum_total, starts_on, ends_on)
    if rule and gives != (rule.points_per_unit, rule.minimum_total, rule.starts_on, rule.ends_on):
        rule = _make_way(rule)
    rule = rule or EarnRule()
    rule.name, rule.points_per_unit, rule.minimum_total = name, points_per_unit, minimum_total
    rule.starts_on, rule.ends_on, rule.priority, rule.is_active = starts_on, ends_on, priority, is_active
    rule.save()
    return rule


def _make_way(rule: EarnRule) -> EarnRule | None:
    """The rule itself while nothing rests on it; else it is put out of use, and None asks for a new one."""
    if not rule.entries.exists():
        return rule
    rule.is_active = False
    rule.save(update_fields=["is_active"])
    return None
