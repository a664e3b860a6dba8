"""From a goal to a week: asked for at once, worked out in the background, approved by a person."""

import logging
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from campaigns.actions import asking, notices
from campaigns.actions.asking import NotWanted
from campaigns.ai import audience, briefing, planner, ranking
from campaigns.ai.planner import Answer
from campaigns.models import Campaign, Notice, Offer, Plan, PlanStep
from campaigns.queries.factors import factors_by_group
from campaigns.queries.house import house, planned_caps
from campaigns.queries.plans import approvers_of
from campaigns.queries.policy import policy
from campaigns.queries.workspace import work_by_hand
from campaigns.rules import proposals
from campaigns.rules.proposals import FreeDays, Limits, PlaybookChoice, StepProposal
from campaigns.sending import assignment, prices
from config.shared.clock import Clock, ticking
from config.shared.errors import DomainError
from config.shared.live import announce
from config.shared.nudge import nudge
from integrations.channels.base import available_channels
from integrations.llm.base import ModelUnavailable, language_model
from loyalty.models import User

# Longer than the language model may take over one answer, with its retries.
LEASE = timedelta(minutes=7)
# A plan that stops its worker every time must not be taken up for ever.
MOST_ATTEMPTS = 3
# From this share of a group on, the hours its members usually answer are worth going by.
ENOUGH_HOURS = 0.5
Status = Plan.Status
logger = logging.getLogger(__name__)


class CannotPlan(DomainError):
    code = "cannot_plan"


@transaction.atomic
def request_plan(*, campaign: Campaign, by: User, now: datetime, losing: int | None = None, note: str = "") -> Plan:
    """Queue a plan for a worker; one that waits for review is replaced. Raises CannotPlan.

    `note` is what should be different from that one, in words, 300 characters at most. `losing` is how many pieces of
    work by hand `by` knows to be lost with it; None where nobody was asked.
    """
    campaign = Campaign.objects.select_for_update().get(pk=campaign.pk)
    if campaign.status != Campaign.Status.DRAFT:
        raise CannotPlan(f"{campaign.name} is {campaign.get_status_display().lower()}; only a draft gets a plan.")
    if campaign.plans.filter(status=Status.APPROVED).exists():
        raise CannotPlan("This campaign's plan is approved. Withdraw the approval to plan again.")
    if not campaign.segments.exists():
        raise CannotPlan("Choose at least one segment first.")
    _free_days(campaign, now)
    replaced = campaign.plans.filter(status=Status.READY)
    if losing is not None and sum(work_by_hand(each).pieces for each in replaced) > losing:
        raise CannotPlan("This plan has work that would be lost, done since you looked. Look at it again first.")
    try:
        with transaction.atomic():
            plan = Plan.objects.create(campaign=campaign, note=note, requested_by=by, requested_at=now)
    except IntegrityError:
        raise CannotPlan("A plan is being made already.") from None
    replaced.update(status=Status.REPLACED, replaced_by=plan)
    nudge("campaigns.make_plan", plan_id=plan.pk)
    return plan


@transaction.atomic
def cancel_plan(*, plan: Plan, now: datetime) -> None:
    """Stop the work; what is under way ends at its next step. Raises CannotPlan when it has ended already."""
    working = Plan.objects.filter(pk=plan.pk, status__in=Plan.WORKING)
    if not working.update(status=Status.CANCELLED, finished_at=now):
        raise CannotPlan("This plan is not being made any more.")
    _bring_back(plan)
    announce(f"plan:{plan.public_id}")


def make_plan(plan_id: int, *, now: datetime) -> bool:
    """Work a queued plan out. False when somebody else has it. Never raises for what the plan itself can tell."""
    clock = ticking(now)
    plan = _claim(plan_id, now)
    if plan is None:
        return False
    try:
        _make(plan, clock)
        _tell_owner(plan, clock())
    except NotWanted:
        logger.info("Plan %s was cancelled", plan_id)
    except (DomainError, ModelUnavailable) as refusal:
        _fail(plan, str(refusal), clock())
        _tell_owner(plan, clock())
    except Exception:
        _fail(plan, "Something went wrong on our side; the plan can be asked for again.", clock())
        raise
    return True


def _tell_owner(plan: Plan, now: datetime) -> None:
    """Nobody pressed a button for a week of a campaign that repeats, so nobody waits in front of the page."""
    campaign = plan.campaign
    if campaign.series_id is None:
        return
    plan.refresh_from_db(fields=["status", "error"])
    if plan.status == Status.READY:
        kind, text = Notice.Kind.PLAN_WAITS, f"{campaign.name} is drafted and waits for your approval."
        notices.notify(campaign=campaign, kind=kind, text=text, now=now, people=approvers_of(plan))
    else:
        kind, text = Notice.Kind.PLAN_FAILED, f"{campaign.name} could not be planned. {plan.error}"
        notices.notify(campaign=campaign, kind=kind, text=text, now=now)


def _claim(plan_id: int, now: datetime) -> Plan | None:
    """A queued plan, or one whose worker died: its lease has lapsed. Given up after a few tries."""
    queued = Plan.objects.filter(pk=plan_id, status=Status.QUEUED)
    abandoned = Plan.objects.filter(pk=plan_id, status__in=Plan.WORKING, claimed_until__lt=now)
    if hopeless := abandoned.filter(attempts__gte=MOST_ATTEMPTS).first():
        _fail(hopeless, f"Its worker stopped {hopeless.attempts} times before the plan was ready.", now)
        asking.give_up(hopeless, now=now)
        return None
    claimed = {"status": Status.RANKING, "claimed_until": now + LEASE, "attempts": F("attempts") + 1}
    if not (queued | abandoned).update(**claimed):
        return None
    plan = Plan.objects.select_related("campaign", "requested_by").get(pk=plan_id)
    asking.give_up(plan, now=now)
    announce(f"plan:{plan.public_id}")
    return plan


def _make(plan: Plan, clock: Clock) -> None:
    now, channels = clock(), available_channels()
    _rank(plan, channels, now)
    free = _free_days(plan.campaign, now)
    facts = briefing.week_facts(plan, free, channels, now=now)
    allowed = replace(limits(plan, channels, now), free=free)
    _refuse_without_playbook(facts)
    _move(plan, Status.WRITING, clock(), facts=facts)
    _write_steps(plan, _settled_answer(plan, facts, allowed, clock), facts, allowed, clock())


def _refuse_without_playbook(facts: dict[str, Any]) -> None:
    groups = {group["group"]: group["label"] for group in facts["groups"]}
    if not any(playbook["group"] in groups and playbook["channels"] for playbook in facts["playbooks"]):
        raise CannotPlan(f"No playbook is in use for {', '.join(groups.values())}. Add one, or turn one on.")


@transaction.atomic
def _rank(plan: Plan, channels: tuple[str, ...], now: datetime) -> None:
    rules = list(plan.campaign.segments.values_list("rule", flat=True))
    target = audience.targeted(rules, now=now)
    plan.candidates.all().delete()
    days = len(_free_days(plan.campaign, now).days)
    wanted = target
    if plan.campaign.follows_goal:
        goal = briefing.understood(plan.asked)
        wanted = audience.whom_goal_is_about(target, goal, channels, now=now)
    ranked = ranking.rank(plan, wanted, channels, factors=factors_by_group(now=now), days=days, now=now)
    left_out = audience.left_out(target, wanted, channels, ranked=ranked, now=now)
    if held := assignment.hold_out(plan):
        left_out[assignment.HELD_OUT] = held
    Plan.objects.filter(pk=plan.pk).update(audience_size=ranked.taken - held, excluded=left_out)
    if not target.exists():
        raise CannotPlan("Nobody is in these segments. Choose others, or import purchases first.")
    if ranked.taken and ranked.taken == held:
        raise CannotPlan("All who may be written to are held out. Hold out fewer, or choose larger segments.")
    if not ranked.taken:
        raise CannotPlan(
            "Nobody in these segments may be written to: "
            + ", ".join(f"{reason.lower()} ({count})" for reason, count in left_out.items() if count)
            + "."
        )


def planned_days(campaign: Campaign, *, now: datetime) -> tuple[date, ...]:
    """Up to seven days from the campaign's first, or from today when that has passed; once today's hours are over, the
    seven after it, too: what is planned for today is still there to be approved, and leaves at once then.
    """
    local = timezone.localtime(now)
    first = max(campaign.starts_on, local.date())
    today_is_over = first == local.date() and local.hour >= policy().window.closes
    days = (first + timedelta(days=number) for number in range(proposals.DAYS + today_is_over))
    return tuple(day for day in days if day <= campaign.ends_on)


def _free_days(campaign: Campaign, now: datetime) -> FreeDays:
    """When a new plan may have its messages leave. Raises CannotPlan when no time is left."""
    days, hours = planned_days(campaign, now=now), policy().window
    if free := proposals.free_days(days, hours, now=timezone.localtime(now)):
        return free
    raise CannotPlan(proposals.NO_DAY_LEFT)


def limits(plan: Plan, channels: tuple[str, ...], now: datetime) -> Limits:
    """What a proposal for this plan is held against, as things stand now."""
    reach = {
        (group, channel): members
        for channel in channels
        for group, members in audience.reach(plan, channel, now=now).items()
    }
    offers = list(Offer.objects.filter(is_active=True))
    return Limits(
        days=planned_days(plan.campaign, now=now),
        reach=reach,
        playbooks={
            playbook.pk: PlaybookChoice(
                group=playbook.group,
                channels=tuple(playbook.channels),
                offers=tuple(offer.code for offer in playbook.offers.all()),
                subject=playbook.subject,
                body=playbook.body,
            )
            for playbook in briefing.playbooks()
        },
        offers={offer.code: offer.cost for offer in offers},
        offer_words={offer.code: offer.said for offer in offers},
        budget=plan.campaign.budget,
        hours=policy().window,
        texts=prices.teller(plan, now=now),
        house=house(),
        caps=planned_caps(),
    )


def _settled_answer(plan: Plan, facts: dict[str, Any], allowed: Limits, clock: Clock) -> Answer:
    """The first answer without a fault. No transaction is open meanwhile."""
    model, faults = language_model(), list[str]()
    for attempt in range(1, planner.ATTEMPTS + 1):
        purpose = asking.Purpose(
            plan,
            lambda: _is_wanted(plan),
            by=plan.requested_by,
            attempt=attempt,
            longest=planner.LONGEST_ANSWER,
        )
        call = asking.ask(purpose, model, *planner.question(facts, faults=faults), clock=clock)
        _move(plan, Status.CHECKING, clock(), model_name=model.name)
        answer = planner.read(call.raw, allowed)
        if not answer.faults:
            return answer
        asking.find_fault(call, answer.faults, has_shape=answer.proposal is not None)
        faults = answer.faults
        _move(plan, Status.WRITING, clock())
    raise CannotPlan(
        f"{model.name} proposed a week that cannot be used, twice. The last time: {' '.join(faults[:3])}"[:500]
    )


def _is_wanted(plan: Plan) -> bool:
    return Plan.objects.filter(pk=plan.pk, status__in=Plan.WORKING).exists()


@transaction.atomic
def _write_steps(plan: Plan, answer: Answer, facts: dict[str, Any], allowed: Limits, now: datetime) -> None:
    assert answer.proposal is not None
    groups = {group["group"]: group for group in facts["groups"]}
    offers = {offer.code: offer for offer in Offer.objects.filter(is_active=True)}
    playbooks = {playbook.pk: playbook for playbook in briefing.playbooks()}
    plan.steps.all().delete()
    PlanStep.objects.bulk_create(
        PlanStep(
            plan=plan,
            day=date.fromisoformat(step.day),
            position=position,
            group=step.group,
            playbook=playbooks[step.playbook],
            template=playbooks[step.playbook].template,
            offer=offers.get(step.offer or ""),
            channel=step.channel,
            send_at=time.fromisoformat(step.send_at),
            timing=step.timing or _usual_timing(groups[step.group]),
            subject=step.subject,
            body=step.body,
            reason=step.reason[:300],
            is_reminder=step.is_reminder,
            evidence=_evidence(step, groups[step.group], allowed),
        )
        for position, step in enumerate(answer.proposal.steps)
    )
    _move(plan, Status.READY, now, finished_at=now)


def _usual_timing(group: dict[str, Any]) -> PlanStep.Timing:
    """Where a proposal leaves it to us."""
    is_known = group["hours_known"] >= ENOUGH_HOURS * group["members"]
    return PlanStep.Timing.BEST if is_known else PlanStep.Timing.LOCAL


def _evidence(step: StepProposal, group: dict[str, Any], allowed: Limits) -> dict[str, Any]:
    return {
        "reached": group["reachable"][step.channel],
        "members": group["members"],
        "last_bought_days": group["last_bought_days"],
        "median_orders": group["median_orders"],
        "average_order": group["average_order"],
        "usual_weekday": group["usual_weekday"],
        "usual_hour": group["usual_hour"],
        "favourite_categories": group["favourite_categories"],
        "hours_known": group["hours_known"],
        "most_it_can_cost": str(proposals.cost_of(step, allowed)),
    }


def _move(plan: Plan, status: str, now: datetime, **fields: Any) -> None:
    """On to the next state, unless somebody cancelled meanwhile."""
    working = Plan.objects.filter(pk=plan.pk, status__in=Plan.WORKING)
    if not working.update(status=status, claimed_until=now + LEASE, **fields):
        raise NotWanted
    announce(f"plan:{plan.public_id}")


def _fail(plan: Plan, reason: str, now: datetime) -> None:
    with transaction.atomic():
        working = Plan.objects.filter(pk=plan.pk, status__in=Plan.WORKING)
        if working.update(status=Status.FAILED, error=reason[:500], finished_at=now):
            _bring_back(plan)
        announce(f"plan:{plan.public_id}")


def _bring_back(plan: Plan) -> None:
    """What it was to take the place of, since it comes to nothing: work by hand is in there."""
    plan.replaces.filter(status=Status.REPLACED).update(status=Status.READY)
