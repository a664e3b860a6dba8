"""What people do with a proposed week: change it, approve it, take the approval back."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, time
from typing import Any
from uuid import uuid4

from django.db import IntegrityError, transaction
from django.db.models import Max

from campaigns.actions import experiments, notices, planning
from campaigns.events import PlanApproved
from campaigns.models import Action, Campaign, Letter, Notice, Offer, Plan, PlanChange, PlanStep, Send, Template
from campaigns.queries import estimates
from campaigns.queries.experiments import undecided
from campaigns.queries.plans import as_proposal, is_own_work, why_two_people
from campaigns.rules import proposals
from campaigns.rules.proposals import Limits, WeekProposal
from campaigns.rules.reasons import told
from campaigns.rules.steps import StepState
from campaigns.sending import recipients
from campaigns.writing import press
from config.shared.errors import DomainError
from config.shared.live import announce
from config.shared.trail import note_change
from integrations.channels.base import available_channels
from loyalty.models import User
from tracking.actions import record


class CannotEdit(DomainError):
    code = "cannot_edit"


class ChangedMeanwhile(CannotEdit):
    """Somebody else was quicker."""

    code = "changed_meanwhile"


class CannotApprove(DomainError):
    code = "cannot_approve"


@transaction.atomic
def edit_step(
    *,
    step: PlanStep,
    day: date,
    timing: str,
    send_at: time,
    template: Template | None,
    offer: Offer | None,
    subject: str,
    body: str,
    translations: dict[str, Any],
    by: User,
    now: datetime,
    seen: int | None = None,
) -> PlanStep:
    """Change one step of a plan under review. Raises CannotEdit, and ChangedMeanwhile.

    `translations` holds subject and body by language, such as es. `seen` is the revision of the step looked at.
    """
    wanted = {
        "day": day.isoformat(), "timing": timing, "send_at": f"{send_at:%H:%M}", "subject": subject, "body": body,
        "template": template.pk if template else None, "offer": offer.pk if offer else None,
        "translations": translations,
    }  # fmt: skip
    return change_step(step=step, wanted=wanted, kind=PlanChange.Kind.EDITED, by=by, now=now, seen=seen)


@transaction.atomic
def change_step(
    *, step: PlanStep, wanted: Mapping[str, Any], kind: str, by: User, now: datetime, seen: int | None = None
) -> PlanStep:
    """Change a step under review, and keep what it was. Raises CannotEdit, ChangedMeanwhile.

    `wanted` are fields of StepState; what it does not name stays as it is once the plan is held.
    """
    plan = under_review(step.plan_id)
    after = replace(state_of(PlanStep.objects.get(pk=step.pk)), **wanted)
    before = put(step=step, wanted=after, plan=plan, by=by, now=now, seen=seen)
    if before != after:
        last = plan.changes.aggregate(last=Max("number"))["last"] or 0
        PlanChange.objects.create(
            plan=plan, step=step, number=last + 1, kind=kind, before=before.as_json(), after=after.as_json(), by=by,
            at=now,
        )  # fmt: skip
    return PlanStep.objects.get(pk=step.pk)


def put(
    *, step: PlanStep, wanted: StepState, plan: Plan, by: User, now: datetime, seen: int | None = None
) -> StepState:
    """Write a step of a plan that is held, judge it, and tell what it was before. Keeps nothing for undoing."""
    before = PlanStep.objects.get(pk=step.pk)
    was = state_of(before)
    refuse_stale(before, seen)
    PlanStep.objects.filter(pk=step.pk).update(
        day=wanted.date, timing=wanted.timing, send_at=wanted.time, template_id=wanted.template, offer_id=wanted.offer,
        subject=wanted.subject, body=wanted.body, translations=wanted.translations, picture_id=wanted.picture,
        removed_at=(before.removed_at or now) if wanted.is_removed else None, revision=before.revision + 1,
        edited_by=by, edited_at=now,
    )  # fmt: skip
    if wanted.experiment != was.experiment:
        edited = PlanStep.objects.select_related("plan__campaign", "offer", "template").get(pk=step.pk)
        experiments.try_beside(edited, wanted.experiment, now=now)
    # To leave something out is never wrong, and other wordings have been judged.
    if replace(wanted, experiment=was.experiment) not in (was, replace(was, is_removed=True)):
        _refuse_faults_of(step, plan, now)
        _count_cost_again(step, plan, now)
    old, new = was.as_json(), wanted.as_json()
    note_change(before, **{name: (old[name], new[name]) for name in new})
    announce(f"campaign:{plan.campaign.public_id}")
    return was


def refuse_stale(step: PlanStep, seen: int | None) -> None:
    """`seen` is the revision somebody looked at; None where nobody did. Raises ChangedMeanwhile."""
    if seen is not None and seen != step.revision:
        who = step.edited_by.get_short_name() if step.edited_by else "Somebody"
        raise ChangedMeanwhile(f"{who} has changed this step since you looked. Look at it again, then change it.")


def state_of(step: PlanStep) -> StepState:
    """As it stands, with the other wordings that are tried."""
    return StepState(
        day=step.day.isoformat(), timing=step.timing, send_at=f"{step.send_at:%H:%M}", template=step.template_id,
        offer=step.offer_id, subject=step.subject, body=step.body, translations=step.translations,
        is_removed=step.removed_at is not None, picture=step.picture_id, experiment=experiments.tried_beside(step),
    )  # fmt: skip


@transaction.atomic
def change_running_step(
    *,
    step: PlanStep,
    template: Template | None,
    offer: Offer | None,
    subject: str,
    body: str,
    translations: dict[str, Any],
    by: User,
    now: datetime,
) -> PlanStep:
    """Other words for what of a running step has not been taken up yet. Raises CannotEdit.

    Who has the message keeps the step as it was, with its letters and its figures; the rest moves to a new step.
    """
    plan = _locked(step.plan_id)
    _refuse_unless_running(plan)
    if undecided(step):
        raise CannotEdit("This step tries several wordings. Choose one for the rest first; then it can be changed.")
    waiting = Send.objects.filter(action__step=step, status=Send.Status.PENDING, doubtful_since=None)
    held = list(waiting.order_by("pk").select_for_update(of=("self",)).values_list("action_id", flat=True))
    if not held:
        raise CannotEdit("Nothing of this step waits any more: all its messages are on their way or settled.")
    before = PlanStep.objects.get(pk=step.pk)
    last = plan.steps.filter(day=before.day).aggregate(last=Max("position"))["last"]
    changed = PlanStep.objects.get(pk=step.pk)
    changed.pk, changed.public_id, changed.changed_from, changed.position = None, uuid4(), before, last + 1
    changed.template, changed.offer, changed.subject, changed.body = template, offer, subject, body
    changed.translations, changed.edited_by, changed.edited_at = translations, by, now
    changed.approved_offer = None
    changed.save(force_insert=True)
    others = plan.steps.filter(removed_at=None).exclude(pk__in=[before.pk, changed.pk]).select_related("offer")
    week, limits = [as_proposal(other) for other in [*others, changed]], _limits(plan, now)
    _refuse_faults(changed, proposals.faults_in_text(week[-1]) + proposals.faults_across(week, limits), limits)
    _count_cost_again(changed, plan, now)
    _press(changed, now, refusal=CannotEdit)
    Send.objects.filter(action__in=held).update(variant="")
    Action.objects.filter(pk__in=held).update(step=changed)
    if not before.actions.exists():
        PlanStep.objects.filter(pk=before.pk).update(removed_at=now)
    _refuse_alone(plan)
    words = {"template": template, "offer": offer, "subject": subject, "body": body, "translations": translations}
    told = {field: (getattr(before, field), value) for field, value in words.items()}
    note_change(before, messages_changed=(0, len(held)), **told)
    announce(f"campaign:{plan.campaign.public_id}")
    return changed


def _refuse_unless_running(plan: Plan) -> None:
    campaign = plan.campaign
    if plan.status != Plan.Status.APPROVED or campaign.status not in (Campaign.Status.RUNNING, Campaign.Status.PAUSED):
        raise CannotEdit(f"{campaign.name} is {campaign.get_status_display().lower()}.")
    _refuse_alone(plan)


def _refuse_alone(plan: Plan) -> None:
    if why := why_two_people(plan):
        raise CannotEdit(f"Two people approve what such a plan says: cancel what waits, and plan it anew. {why}")


def remove_step(*, step: PlanStep, by: User, now: datetime, seen: int | None = None) -> None:
    change_step(step=step, wanted={"is_removed": True}, kind=PlanChange.Kind.REMOVED, by=by, now=now, seen=seen)


def restore_step(*, step: PlanStep, by: User, now: datetime, seen: int | None = None) -> None:
    change_step(step=step, wanted={"is_removed": False}, kind=PlanChange.Kind.RESTORED, by=by, now=now, seen=seen)


@transaction.atomic
def approve_plan(*, plan: Plan, by: User, now: datetime) -> int:
    """Turn the steps into actions and sends; how many sends. Nothing leaves before the campaign is started.

    Raises CannotApprove, among others when the business asks for two people and the plan is the work of `by`.
    """
    plan = under_review(plan.pk, refusal=CannotApprove)
    week, limits = _proposal(plan), _limits(plan, now)
    if is_own_work(plan, by) and (why := why_two_people(plan, cost=proposals.cost_of_all(week.steps, limits))):
        raise CannotApprove(f"Somebody else has to approve this plan: you asked for it or wrote in it. {why}")
    if plan.campaign.status != Campaign.Status.DRAFT:
        raise CannotApprove(f"{plan.campaign.name} is {plan.campaign.get_status_display().lower()}.")
    if faults := proposals.faults_in(week, limits):
        raise CannotApprove(" ".join(told(fault) for fault in faults[:3]))
    approved = {"status": Plan.Status.APPROVED, "approved_by": by, "approved_at": now}
    approved["expected"] = estimates.as_json(estimates.estimate_of(plan, now=now))
    try:
        with transaction.atomic():
            Plan.objects.filter(pk=plan.pk).update(**approved)
    except IntegrityError:
        raise CannotApprove("Another plan of this campaign is approved already.") from None
    note_change(plan, status=(plan.status, Plan.Status.APPROVED))
    for step in plan.steps.filter(removed_at=None).select_related("offer", "template", "plan__campaign"):
        _press(step, now)
        experiments.press_variants(step, now=now, refusal=CannotApprove)
    for channel in available_channels():
        recipients.materialise(plan, channel, now=now)
    experiments.settle_empty(plan, now=now)
    sends = Send.objects.filter(action__step__plan=plan).count()
    if not sends:
        raise CannotApprove("Nobody in this plan may be written to any more. Make a new plan.")
    event = PlanApproved(subject=str(plan.campaign.public_id), plan=str(plan.public_id), sends=sends, approved_by=by.pk)
    record(event, key=f"{plan.public_id}@{now.isoformat()}", at=now)
    notices.mark_settled(campaign=plan.campaign, kind=Notice.Kind.PLAN_WAITS, now=now)
    announce(f"campaign:{plan.campaign.public_id}")
    return sends


def _press(step: PlanStep, now: datetime, *, refusal: type[DomainError] = CannotApprove) -> None:
    """From here on the step says what it says now, whatever becomes of its template and its offer.

    A template may have a subject of its own: then that is the step's, wherever it is told of.
    """
    try:
        said = press.best_for(press.BASE_LANGUAGE, press.press(step, now=now)).subject
    except press.CannotPress as fault:
        raise refusal(f"{step}: no letter can be made of it. {fault}") from fault
    if said and said != step.subject and len(said) <= proposals.LONGEST_SUBJECT:
        PlanStep.objects.filter(pk=step.pk).update(subject=said)
    PlanStep.objects.filter(pk=step.pk).update(approved_offer=step.offer_now)


@transaction.atomic
def withdraw_approval(*, plan: Plan, by: User, now: datetime) -> None:
    """Back to review, as long as the campaign has not begun. Raises CannotEdit."""
    locked = _locked(plan.pk)
    if locked.status != Plan.Status.APPROVED or locked.campaign.status != Campaign.Status.DRAFT:
        raise CannotEdit("The campaign has begun; pause or cancel it instead.")
    Send.objects.filter(action__step__plan=plan).delete()
    Letter.objects.filter(step__plan=plan).delete()
    Action.objects.filter(step__plan=plan).delete()
    plan.steps.update(approved_offer=None)
    experiments.reopen(plan)
    Plan.objects.filter(pk=plan.pk).update(status=Plan.Status.READY, approved_by=None, approved_at=None, expected={})
    note_change(plan, status=(Plan.Status.APPROVED, Plan.Status.READY))
    announce(f"campaign:{locked.campaign.public_id}")


def under_review(plan_id: int, *, refusal: type[DomainError] = CannotEdit) -> Plan:
    plan = _locked(plan_id)
    if plan.status != Plan.Status.READY:
        raise refusal(f"This plan is not under review: {plan.get_status_display().lower()}.")
    return plan


def _locked(plan_id: int) -> Plan:
    """The plan with its campaign, both held, the campaign first: everybody takes them in this order."""
    Campaign.objects.select_for_update().get(plans=plan_id)
    return Plan.objects.select_for_update(of=("self",)).select_related("campaign").get(pk=plan_id)


def _refuse_faults_of(step: PlanStep, plan: Plan, now: datetime) -> None:
    """What is wrong with this step or with the week it makes. Other steps may wait for their own mending."""
    limits, edited = _limits(plan, now), PlanStep.objects.select_related("offer", "template").get(pk=step.pk)
    faults = proposals.faults_in_step(as_proposal(edited), limits)
    if edited.removed_at is None:
        week = _proposal(plan).steps
        faults += proposals.faults_across(week, limits)
        faults += proposals.faults_in_order([each for each in week if each.group == edited.group])
    _refuse_faults(edited, faults, limits)
    experiments.refuse_too_late(edited, campaign=plan.campaign, refusal=CannotEdit)


def _refuse_faults(step: PlanStep, faults: list[str], limits: Limits) -> None:
    faults = faults + [fault for fault in proposals.faults_by_law(as_proposal(step), limits) if fault not in faults]
    for language, words in step.translations.items():
        translated = as_proposal(step).model_copy(update=words)
        found = proposals.faults_in_text(translated) + proposals.faults_by_law(translated, limits, language)
        faults = faults + [f"in {language}, {fault}" for fault in found]
    if faults:
        raise CannotEdit(" ".join(told(fault) for fault in faults[:3]))


def _count_cost_again(step: PlanStep, plan: Plan, now: datetime) -> None:
    edited = PlanStep.objects.select_related("offer").get(pk=step.pk)
    cost = str(proposals.cost_of(as_proposal(edited), _limits(plan, now)))
    PlanStep.objects.filter(pk=step.pk).update(evidence={**edited.evidence, "most_it_can_cost": cost})


def _limits(plan: Plan, now: datetime) -> Limits:
    return planning.limits(plan, available_channels(), now)


def _proposal(plan: Plan) -> WeekProposal:
    steps = plan.steps.filter(removed_at=None).select_related("offer")
    return WeekProposal(steps=[as_proposal(step) for step in steps])
