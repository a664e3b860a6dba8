from django.db import transaction

from campaigns.models import Attribution
from campaigns.queries.attribution import attribution, rules_in
from campaigns.rules.attribution import WINDOWS, AttributionRules
from config.shared.errors import DomainError


class BadAttribution(DomainError):
    code = "bad_attribution"


@transaction.atomic
def change_attribution(*, rule: str, **hours: int) -> Attribution:
    """Which message has an order, from now on and in every figure shown. Rewrites nothing. Raises BadAttribution."""
    if not any(hours.get(name, 0) for name in WINDOWS):
        raise BadAttribution("Let at least one thing count: without a window no message ever has an order.")
    row = attribution()
    row.rule = rule
    for name in WINDOWS:
        setattr(row, name, hours.get(name, 0))
    row.save()
    return row


def proposed(*, rule: str, **hours: int) -> AttributionRules:
    """What these answers would be as rules; nothing is written."""
    return rules_in(Attribution(pk=1, rule=rule, **hours))
