"""What people do with a proposed week: change it, approve it, take the approval back."""

from datetime import date, datetime, time
from typing import Any
from uuid import uuid4

from django.db import IntegrityError, transaction
from django.db.models import Max

from campaigns.actions import experiments, planning
from campaigns.events import PlanApproved
from campaigns.models import Action, Campaign, Letter, Offer, Plan, PlanStep, Send, Template
from campaigns.queries.experiments import undecided
from campaigns.queries.policy import policy
from campaigns.rules import proposals
from campaigns.rules.proposals import Limits, StepProposal, WeekProposal
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
) -> PlanStep:
    """Change one step of a plan under review. The same rules as for a language model; raises CannotEdit.

    `translations` holds subject and body by language, such as es.
    """
    plan = _under_review(step.plan_id)
    before = PlanStep.objects.get(pk=step.pk)
    wanted = {
        "day": day, "timing": timing, "send_at": send_at, "template": template, "offer": offer, "subject": subject,
        "body": body, "translations": translations,
    }  # fmt: skip
    PlanStep.objects.filter(pk=step.pk).update(**wanted, edited_by=by, edited_at=now)
    _refuse_faults_of(step, plan, now)
    _count_cost_again(step, plan, now)
    note_change(before, **{field: (getattr(before, field), value) for field, value in wanted.items()})
    return PlanStep.objects.get(pk=step.pk)


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
    changed.save(force_insert=True)
    others = plan.steps.filter(removed_at=None).exclude(pk__in=[before.pk, changed.pk]).select_related("offer")
    week, limits = [_as_proposal(other) for other in [*others, changed]], _limits(plan, now)
    _refuse_faults(changed, proposals.faults_in_text(week[-1]) + proposals.faults_across(week, limits))
    _count_cost_again(changed, plan, now)
    _press(changed, now, refusal=CannotEdit)
    Send.objects.filter(action__in=held).update(variant="")
    Action.objects.filter(pk__in=held).update(step=changed)
    if not before.actions.exists():
        PlanStep.objects.filter(pk=before.pk).update(removed_at=now)
    words = {"template": template, "offer": offer, "subject": subject, "body": body, "translations": translations}
    told = {field: (getattr(before, field), value) for field, value in words.items()}
    note_change(before, messages_changed=(0, len(held)), **told)
    announce(f"campaign:{plan.campaign.public_id}")
    return changed


def _refuse_unless_running(plan: Plan) -> None:
    campaign = plan.campaign
    if plan.status != Plan.Status.APPROVED or campaign.status not in (Campaign.Status.RUNNING, Campaign.Status.PAUSED):
        raise CannotEdit(f"{campaign.name} is {campaign.get_status_display().lower()}.")
    if policy().needs_second_person:
        raise CannotEdit("Two people approve every message here: cancel what waits, and plan it anew.")


@transaction.atomic
def remove_step(*, step: PlanStep, by: User, now: datetime) -> None:
    _under_review(step.plan_id)
    if PlanStep.objects.filter(pk=step.pk, removed_at=None).update(removed_at=now, edited_by=by, edited_at=now):
        note_change(step, removed=(False, True))


@transaction.atomic
def restore_step(*, step: PlanStep, by: User, now: datetime) -> None:
    plan = _under_review(step.plan_id)
    PlanStep.objects.filter(pk=step.pk).update(removed_at=None, edited_by=by, edited_at=now)
    _refuse_faults_of(step, plan, now)
    note_change(step, removed=(True, False))


@transaction.atomic
def approve_plan(*, plan: Plan, by: User, now: datetime) -> int:
    """Turn the steps into actions and sends; how many sends. Nothing leaves before the campaign is started.

    Raises CannotApprove, among others when the business asks for two people and the plan is the work of `by`.
    """
    if policy().needs_second_person and is_own_work(plan, by):
        raise CannotApprove("Somebody else has to approve this plan: you asked for it or wrote in it.")
    plan = _under_review(plan.pk, refusal=CannotApprove)
    if plan.campaign.status != Campaign.Status.DRAFT:
        raise CannotApprove(f"{plan.campaign.name} is {plan.campaign.get_status_display().lower()}.")
    if faults := proposals.faults_in(_proposal(plan), _limits(plan, now)):
        raise CannotApprove(" ".join(faults[:3]))
    try:
        with transaction.atomic():
            Plan.objects.filter(pk=plan.pk).update(status=Plan.Status.APPROVED, approved_by=by, approved_at=now)
    except IntegrityError:
        raise CannotApprove("Another plan of this campaign is approved already.") from None
    note_change(plan, status=(plan.status, Plan.Status.APPROVED))
    for step in plan.steps.filter(removed_at=None).select_related("offer", "template", "plan__campaign"):
        _press(step, now)
        experiments.press_variants(step, now=now, refusal=CannotApprove)
    for channel in available_channels():
        recipients.materialise(plan, channel, now=now)
    sends = Send.objects.filter(action__step__plan=plan).count()
    if not sends:
        raise CannotApprove("Nobody in this plan may be written to any more. Make a new plan.")
    event = PlanApproved(subject=str(plan.campaign.public_id), plan=str(plan.public_id), sends=sends, approved_by=by.pk)
    record(event, key=f"{plan.public_id}@{now.isoformat()}", at=now)
    announce(f"campaign:{plan.campaign.public_id}")
    return sends


def _press(step: PlanStep, now: datetime, *, refusal: type[DomainError] = CannotApprove) -> None:
    """From here on the step says what it says now, whatever becomes of its template.

    A template may have a subject of its own: then that is the step's, wherever it is told of.
    """
    try:
        said = press.best_for(press.BASE_LANGUAGE, press.press(step, now=now)).subject
    except press.CannotPress as fault:
        raise refusal(f"{step}: no letter can be made of it. {fault}") from fault
    if said and said != step.subject and len(said) <= proposals.LONGEST_SUBJECT:
        PlanStep.objects.filter(pk=step.pk).update(subject=said)


def is_own_work(plan: Plan, by: User) -> bool:
    """Whether `by` asked for the plan or wrote in it."""
    return plan.requested_by_id == by.pk or plan.steps.filter(edited_by=by).exists()


@transaction.atomic
def withdraw_approval(*, plan: Plan, by: User, now: datetime) -> None:
    """Back to review, as long as the campaign has not begun. Raises CannotEdit."""
    locked = _locked(plan.pk)
    if locked.status != Plan.Status.APPROVED or locked.campaign.status != Campaign.Status.DRAFT:
        raise CannotEdit("The campaign has begun; pause or cancel it instead.")
    Send.objects.filter(action__step__plan=plan).delete()
    Letter.objects.filter(step__plan=plan).delete()
    Action.objects.filter(step__plan=plan).delete()
    Plan.objects.filter(pk=plan.pk).update(status=Plan.Status.READY, approved_by=None, approved_at=None)
    note_change(plan, status=(Plan.Status.APPROVED, Plan.Status.READY))
    announce(f"campaign:{locked.campaign.public_id}")


def _under_review(plan_id: int, *, refusal: type[DomainError] = CannotEdit) -> Plan:
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
    faults = proposals.faults_in_step(_as_proposal(edited), limits)
    if edited.removed_at is None:
        faults += proposals.faults_across(_proposal(plan).steps, limits)
    _refuse_faults(edited, faults)


def _refuse_faults(step: PlanStep, faults: list[str]) -> None:
    for language, words in step.translations.items():
        translated = _as_proposal(step).model_copy(update=words)
        faults = faults + [f"in {language}, {fault}" for fault in proposals.faults_in_text(translated)]
    if faults:
        raise CannotEdit(" ".join(fault[0].upper() + fault[1:] for fault in faults[:3]))


def _count_cost_again(step: PlanStep, plan: Plan, now: datetime) -> None:
    edited = PlanStep.objects.select_related("offer").get(pk=step.pk)
    cost = str(proposals.cost_of(_as_proposal(edited), _limits(plan, now)))
    PlanStep.objects.filter(pk=step.pk).update(evidence={**edited.evidence, "most_it_can_cost": cost})


def _limits(plan: Plan, now: datetime) -> Limits:
    return planning.limits(plan, available_channels(), now)


def _proposal(plan: Plan) -> WeekProposal:
    steps = plan.steps.filter(removed_at=None).select_related("offer")
    return WeekProposal(steps=[_as_proposal(step) for step in steps])


def _as_proposal(step: PlanStep) -> StepProposal:
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
    )
