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
    """Make a rule or change one. Points that were entered stay as they are. Raises BadEarnRule."""
    if points_per_unit < 0 or minimum_total < 0:
        raise BadEarnRule("Points and the minimum cannot be negative.")
    if starts_on and ends_on and ends_on < starts_on:
        raise BadEarnRule("The last day is before the first.")
    rule = rule or EarnRule()
    rule.name, rule.points_per_unit, rule.minimum_total = name, points_per_unit, minimum_total
    rule.starts_on, rule.ends_on, rule.priority, rule.is_active = starts_on, ends_on, priority, is_active
    rule.save()
    return rule
