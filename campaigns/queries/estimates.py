"""What a plan is expected to reach, cost and bring, with how sure that is: shown before anybody approves it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db.models import Count, Q, QuerySet, Sum

from campaigns.models import CampaignPolicy, Candidate, Plan, PlanStep, Send
from campaigns.queries.factors import factors_by_group
from campaigns.queries.policy import policy
from campaigns.rules.priority import ASSUMED, Factor
from campaigns.rules.worth import TakeUp, Worth, of_nth, take_up, worth_of

LOOKS_BACK = timedelta(days=365)
_KEPT_SECONDS = 600


@dataclass(frozen=True)
class Estimate:
    """Of a step or a week: messages, what offers will cost, and what the messages add. Money in the shop's currency.

    `margin` is how much of the added revenue is the shop's to keep, 0 to 1; None where nobody has said so.
    """

    messages: int
    worth: Worth
    cost: float
    cost_low: float
    cost_high: float
    margin: float | None = None

    @property
    def costs_more(self) -> bool:
        """Whether the offers are expected to cost more than the messages add: in margin, or else in revenue."""
        return self.cost > self.worth.expected * (1.0 if self.margin is None else self.margin)

    @property
    def said_of_costs(self) -> str:
        if not self.costs_more:
            return ""
        adds = "the messages add" if self.margin is None else "the margin of what the messages add"
        return f"On these numbers the offers cost more than {adds}."


@dataclass(frozen=True)
class WeekEstimate:
    """`steps` by the step's id."""

    week: Estimate
    steps: Mapping[int, Estimate]


def as_json(estimate: WeekEstimate) -> dict[str, Any]:
    """As a plan keeps it from its approval on."""
    return {"week": asdict(estimate.week), "steps": {str(pk): asdict(step) for pk, step in estimate.steps.items()}}


def expected_of(plan: Plan, *, now: datetime, rules: CampaignPolicy | None = None) -> WeekEstimate | None:
    """Of a plan under review as it stands now, of an approved one as it was approved; None where nobody counted it.

    `rules` are the policy, where it is known already.
    """
    if plan.status == Plan.Status.READY:
        return estimate_of(plan, now=now, rules=rules)
    if plan.status != Plan.Status.APPROVED or not plan.expected:
        return None
    steps = {int(pk): _read(kept) for pk, kept in plan.expected["steps"].items()}
    return WeekEstimate(_read(plan.expected["week"]), steps)


def _read(kept: Mapping[str, Any]) -> Estimate:
    return Estimate(**{**kept, "worth": Worth(**kept["worth"])})


def worth_of_one_message(heard: QuerySet[Candidate], *, now: datetime) -> Worth:
    """What one message to each of these is expected to add."""
    factors = factors_by_group(now=now)
    rows = heard.order_by().values_list("group").annotate(Count("pk"), Sum("value"))
    found = [(members, float(value), factors.get(group, ASSUMED)) for group, members, value in rows]
    return worth_of(sum(members for members, _, _ in found), [(value, factor) for _, value, factor in found])


def estimate_of(plan: Plan, *, now: datetime, rules: CampaignPolicy | None = None) -> WeekEstimate:
    """Of the plan's steps that were not left out, as they stand now; in two queries however many they are."""
    factors, share, percent = factors_by_group(now=now), _take_up(now), (rules or policy()).gross_margin_percent
    margin = None if percent is None else float(percent) / 100
    values = dict(
        Candidate.objects.filter(plan=plan).order_by().values_list("group").annotate(value=Sum("value") / Count("pk"))
    )
    heard, parts, steps = Counter[str](), list[tuple[float, Factor]](), dict[int, Estimate]()
    for step in plan.steps.filter(removed_at=None).select_related("offer").order_by("day", "send_at", "position"):
        reached = step.evidence["reached"]
        factor = factors.get(step.group, ASSUMED)
        adds = of_nth(reached * float(values.get(step.group, 0)), heard[step.group])
        heard[step.group] += 1
        parts.append((adds, factor))
        steps[step.pk] = _estimate(reached, worth_of(reached, [(adds, factor)]), _dearest(step), share, margin)
    messages = sum(each.messages for each in steps.values())
    week = Estimate(
        messages=messages,
        worth=worth_of(messages, parts),
        cost=sum(each.cost for each in steps.values()),
        cost_low=sum(each.cost_low for each in steps.values()),
        cost_high=sum(each.cost_high for each in steps.values()),
        margin=margin,
    )
    return WeekEstimate(week, steps)


def _dearest(step: PlanStep) -> float:
    """What the offer would cost if everybody took it up."""
    return float(step.evidence["most_it_can_cost"])


def _estimate(messages: int, worth: Worth, most: float, share: TakeUp, margin: float | None) -> Estimate:
    return Estimate(messages, worth, most * share.share, most * share.low, most * share.high, margin)


def _take_up(now: datetime) -> TakeUp:
    """As many as click a message that offers something: more of them than take it up in the end.

    Counted anew every ten minutes at most.
    """
    offered = cache.get_or_set(f"take-up:{now:%Y-%m-%d}", lambda: _offered(now), timeout=_KEPT_SECONDS) or {}
    return take_up(**offered)


def _offered(now: datetime) -> dict[str, int]:
    """Messages that left with an offer, and how many of them were clicked."""
    left = Send.objects.filter(action__step__offer__isnull=False, sent_at__gt=now - LOOKS_BACK, status__in=Send.LEFT)
    return left.aggregate(messages=Count("pk"), taken=Count("pk", filter=Q(clicked_at__isnull=False)))
