"""What the shop's own holdouts say of the shares that ranking assumes (see docs/priority.md)."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from math import sqrt

from django.core.cache import cache
from django.db import connection

from campaigns.models import Candidate, Plan, PlanStep
from campaigns.queries.lift import outcomes_by_group
from campaigns.rules.priority import Factor, calibrated
from campaigns.rules.statistics import difference_under_one_spread, pooled
from campaigns.rules.worth import of_nth

LOOKS_BACK = timedelta(days=365)
_KEPT_SECONDS = 600


def factors_by_group(*, now: datetime) -> Mapping[str, Factor]:
    """By group, of the campaigns of a year; a group that was never measured is not there, and goes by the assumptions.

    Counted anew every ten minutes at most.
    """
    key = f"factors:{now:%Y-%m-%d}"
    found = cache.get_or_set(key, lambda: _as_pairs(_measured(now)), timeout=_KEPT_SECONDS) or {}
    return {group: Factor(mean, spread) for group, (mean, spread) in found.items()}


def _as_pairs(factors: Mapping[str, Factor]) -> dict[str, tuple[float, float]]:
    return {group: (factor.mean, factor.spread) for group, factor in factors.items()}


def _measured(now: datetime) -> Mapping[str, Factor]:
    """Each campaign's measured share of what was promised of a group, weighed by how sure it is."""
    outcomes = outcomes_by_group(since=now - LOOKS_BACK, now=now)
    promises = promised([campaign for campaign, _ in outcomes])
    seen: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for (campaign, group), (treated, held_out) in outcomes.items():
        expected = promises.get((campaign, group), 0.0)
        if expected > 0:
            value, squared = difference_under_one_spread(treated.revenue, held_out.revenue)
            seen[group].append((value / expected, squared / expected**2))
    factors = {}
    for group, shares in seen.items():
        value, squared = pooled(shares)
        if squared != float("inf"):
            factors[group] = calibrated(expected=1.0, measured=value, error=sqrt(squared))
    return factors


def promised(campaigns: list[int]) -> dict[tuple[int, str], float]:
    """What the assumptions alone promised of a member of each group: without that day's factor, and before the price of
    a text, for what was measured is revenue.
    """
    with connection.cursor() as cursor:
        cursor.execute(_PROMISED, [campaigns])
        return {
            (campaign, group): sum(of_nth(float(value), nth) for nth in range(messages))
            for campaign, group, value, messages in cursor.fetchall()
        }


_CANDIDATE, _PLAN, _STEP = (model._meta.db_table for model in (Candidate, Plan, PlanStep))
# A step whose words were changed on the way became two or more, and is one message to a member still.
_EARLIER_WORDS = f"SELECT FROM {_STEP} earlier WHERE earlier.id = step.changed_from_id AND earlier.plan_id = plan.id"
_LATER_WORDS = f"SELECT FROM {_STEP} later WHERE later.changed_from_id = step.id AND later.plan_id = plan.id"
# To a hundredth of a cent: the value itself is rounded to cents, which is nothing to many a group.
_GROSS = """CASE WHEN candidate.parts ? 'usual' THEN (
               SELECT sum((candidate.parts ->> part)::numeric)
               FROM unnest(ARRAY['usual', 'at_risk', 'lapsed', 'heard']) AS part
           ) ELSE candidate.value END"""
_PROMISED = f"""
    SELECT plan.campaign_id, candidate."group",
           avg({_GROSS} / coalesce((candidate.parts ->> 'factor')::numeric, 1)) AS value,
           (SELECT count(*) FROM {_STEP} step
            WHERE step.plan_id = plan.id AND step."group" = candidate."group" AND NOT EXISTS ({_EARLIER_WORDS})
              AND (step.removed_at IS NULL OR EXISTS ({_LATER_WORDS}))) AS messages
    FROM {_PLAN} plan
    JOIN {_CANDIDATE} candidate ON candidate.plan_id = plan.id
    WHERE plan.campaign_id = ANY(%s) AND plan.status = 'APPROVED'
    GROUP BY plan.campaign_id, plan.id, candidate."group"
"""
