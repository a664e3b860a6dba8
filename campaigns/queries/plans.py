import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Min, Q, QuerySet
from django.utils.dateformat import time_format
from django.utils.timezone import localdate, localtime

from campaigns.models import Plan, PlanStep, Send
from campaigns.queries.policy import policy
from campaigns.rules import goals
from campaigns.rules.proposals import StepProposal
from campaigns.rules.reasons import beyond_the_budget, headline
from loyalty.models import Consent, User
from loyalty.queries.people import who_may
from loyalty.rules.segments import Rule, faults_of


def plans_to_make(now: datetime) -> QuerySet[Plan]:
    """Queued ones, and those whose worker's lease has lapsed."""
    abandoned = Q(status__in=Plan.WORKING, claimed_until__lt=now)
    return Plan.objects.filter(Q(status=Plan.Status.QUEUED) | abandoned).order_by("requested_at")


_WHEN: dict[str, str] = {
    PlanStep.Timing.BUSINESS: "{}",
    PlanStep.Timing.LOCAL: "{} by their own clock",
    PlanStep.Timing.BEST: "at their usual hour, else {}",
}


@dataclass(frozen=True)
class Sent:
    """How far the messages of an approved step have come, and when the next of them is due.

    `waiting` are those that wait for the better of several wordings: when they are due is not known yet.
    """

    messages: int
    away: int
    waiting: int
    next_at: datetime | None

    @property
    def is_due(self) -> bool:
        """It would have left, were it not outside its hours, paused, or behind others."""
        return self.next_at is not None and self.next_at <= localtime()


@dataclass(frozen=True)
class StepView:
    """One step with the line that says what it rests on."""

    step: PlanStep
    headline: str
    why_no_offer: str = ""
    sent: Sent | None = None

    @property
    def day(self) -> date:
        """On which it leaves: the planned one, unless somebody sent it ahead of that."""
        return localdate(self.step.sent_now_at) if self.step.sent_now_at else self.step.day

    @property
    def clock(self) -> str:
        """`5:00 p.m.`"""
        leaves = localtime(self.step.sent_now_at).time() if self.step.sent_now_at else self.step.send_at
        return time_format(leaves, "g:i a")

    @property
    def when(self) -> str:
        """`5:00 p.m. by their own clock`"""
        if self.step.sent_now_at:
            return self.clock
        return _WHEN[self.step.timing].format(self.clock)

    @property
    def has_passed(self) -> bool:
        """Its time, by the clock of the business: then its messages leave as soon as the campaign starts."""
        now = localtime()
        is_kept = self.step.sent_now_at is None and self.step.removed_at is None
        return is_kept and (self.step.day, self.step.send_at) < (now.date(), now.time())

    @property
    def cost(self) -> Decimal:
        return Decimal(self.step.evidence["most_it_can_cost"])


@dataclass(frozen=True)
class Day:
    date: date
    steps: list[StepView]

    @property
    def count_text(self) -> str:
        reached = sum(view.step.evidence["reached"] for view in self.steps if view.step.removed_at is None)
        return f"{reached:,}" if reached else ""

    @property
    def is_today(self) -> bool:
        return self.date == localdate()


def week_of(plan: Plan) -> list[Day]:
    """The plan's days in order, those without a step too."""
    steps: dict[str, list[StepView]] = {day: [] for day in plan.facts.get("days", [])}
    rows = plan.steps.select_related("playbook", "offer", "edited_by").prefetch_related("playbook__offers")
    ordered = list(rows.order_by("day", "send_at", "position"))
    left, sent = _budget_left(plan, ordered), _sent(plan)
    for step in ordered:
        why = headline(step.get_group_display(), step.evidence)
        view = StepView(step, why, _why_no_offer(step, left), sent.get(step.pk))
        steps.setdefault(view.day.isoformat(), []).append(view)
    return [Day(date.fromisoformat(day), views) for day, views in sorted(steps.items())]


def _sent(plan: Plan) -> dict[int, Sent]:
    """By step. What was due at another time than planned shows here: sent now, held for the night or for a cap."""
    pending = Q(status=Send.Status.PENDING)
    counted = (
        Send.objects.filter(action__step__plan=plan)
        .values("action__step")
        .annotate(
            messages=Count("pk"),
            away=Count("pk", filter=Q(status__in=Send.AWAY)),
            waiting=Count("pk", filter=pending & Q(waits_for_winner=True)),
            next_at=Min("due_at", filter=pending & Q(waits_for_winner=False)),
        )
    )
    rows = counted.values_list("action__step", "messages", "away", "waiting", "next_at")
    return {step: Sent(*counts) for step, *counts in rows}


def _budget_left(plan: Plan, steps: Sequence[PlanStep]) -> Decimal | None:
    spent = sum(Decimal(step.evidence["most_it_can_cost"]) for step in steps if step.removed_at is None)
    return None if plan.campaign.budget is None else plan.campaign.budget - spent


def _why_no_offer(step: PlanStep, left: Decimal | None) -> str:
    costs = [offer.cost for offer in step.playbook.offers.all() if offer.is_active]
    is_dear = step.offer is None and beyond_the_budget(costs, step.evidence["reached"], left)
    return "The budget does not carry one for everybody here." if is_dear else ""


@dataclass(frozen=True)
class Card:
    """A step on the board. `cautions` are what a person should look at again."""

    view: StepView
    comments: int
    cautions: list[str]

    @property
    def icon(self) -> str:
        return _ICONS.get(self.view.step.channel, "bell")

    @property
    def tone(self) -> str:
        return "accent" if self.view.step.offer else "neutral"


_ICONS: dict[str, str] = {Consent.Channel.EMAIL: "mail", Consent.Channel.SMS: "message"}


@dataclass(frozen=True)
class Column:
    """One day of the board with the steps that are not left out."""

    day: Day
    cards: list[Card]


def board_of(days: Sequence[Day], comments: Mapping[int, int], cautions: Mapping[int, list[str]]) -> list[Column]:
    """`comments` counts the open ones, `cautions` lists what to look at again; both by step."""
    return [
        Column(
            day,
            [
                Card(view, comments.get(view.step.pk, 0), cautions.get(view.step.pk, []))
                for view in day.steps
                if view.step.removed_at is None
            ],
        )
        for day in days
    ]


def most_it_can_cost(plan: Plan) -> Decimal:
    """If everybody reached takes up every offer."""
    kept = plan.steps.filter(removed_at=None).values_list("evidence", flat=True)
    return sum((Decimal(evidence["most_it_can_cost"]) for evidence in kept), Decimal(0))


def why_two_people(plan: Plan, *, cost: Decimal | None = None) -> str:
    """Why a plan needs somebody else's approval than its maker's; empty when it does not.

    `cost` is what it can cost as things stand; without it, what was worked out when its steps were last changed.
    """
    rules = policy()
    if rules.needs_second_person:
        return "Every plan here needs a second person."
    above = rules.second_person_above
    cost = most_it_can_cost(plan) if cost is None else cost
    if above is not None and cost > above:
        return f"It can cost {cost:,.2f}; above {above:,.2f} a plan needs a second person."
    return ""


def is_own_work(plan: Plan, by: User) -> bool:
    """Whether `by` asked for the plan or for words that stand in it, or wrote in it, whoever wrote after them."""
    wrote = Q(by=by) | Q(undone_by=by) | Q(redone_by=by)
    asked = Q(texts__call__asked_by=by, texts__used_at__isnull=False)
    steps = plan.steps.filter(Q(edited_by=by) | asked)
    return plan.requested_by_id == by.pk or plan.changes.filter(wrote).exists() or steps.exists()


def approvers_of(plan: Plan) -> list[int]:
    """Who is asked for its approval: the campaign's owner, or where it takes a second person all who may be that."""
    if not why_two_people(plan):
        return [plan.campaign.owner_id]
    others = [user.pk for user in who_may("campaigns.approve_plan") if not is_own_work(plan, user)]
    return others or [plan.campaign.owner_id]


def totals_of(days: Sequence[Day]) -> dict[str, Any]:
    live = [view.step for day in days for view in day.steps if view.step.removed_at is None]
    return {
        "steps": len(live),
        "messages": sum(step.evidence["reached"] for step in live),
        "channels": sorted({step.channel for step in live}),
        "has_texts": any(step.channel == Consent.Channel.SMS for step in live),
    }


def as_proposal(step: PlanStep) -> StepProposal:
    """What it says and when, as a planner would have proposed it."""
    return StepProposal(
        day=step.day.isoformat(),
        send_at=f"{step.send_at:%H:%M}",
        group=step.group,
        playbook=step.playbook_id,
        offer=step.offer.code if step.offer else None,
        channel=step.channel,
        timing=step.timing,
        subject=step.subject,
        body=step.body,
        reason=step.reason,
        is_reminder=step.is_reminder,
    )


@dataclass(frozen=True)
class Buyers:
    """Of a category that the goal names: how many of the audience bought from it within a year.

    `segment` is the query of a new segment's page: all members of the campaign's segments who did.
    """

    category: str
    members: int
    segment: str


def buyers_of_goal(plan: Plan) -> list[Buyers]:
    """A goal says what is sold, and the campaign's segments say to whom. None for a plan of before this was counted."""
    bought = plan.facts.get("understood", {}).get("bought", {})
    rules = [segment.rule for segment in plan.campaign.segments.all()] if bought else []
    return [Buyers(category, members, _segment_of(category, rules)) for category, members in bought.items()]


def _segment_of(category: str, rules: Sequence[Rule]) -> str:
    bought = goals.bought(category)
    conditions = rules[0].get("all", rules) if len(rules) == 1 else [{"any": list(rules)}]
    narrowed: Rule = {"all": [*conditions, bought]}
    rule = bought if faults_of(narrowed) else narrowed
    return "?" + urlencode({"name": f"{category} within a year", "rule": json.dumps(rule)})
