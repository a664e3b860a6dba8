import json
from calendar import day_name
from datetime import datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.dateformat import time_format
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from campaigns.actions import planning, review
from campaigns.actions import sends as sending
from campaigns.ai.briefing import as_told
from campaigns.dashboard.previews import fault_response, is_dark, message_response, specimen_member, wording_of
from campaigns.forms import AnewForm, StepForm, WordsForm
from campaigns.models import Campaign, CampaignPolicy, Plan, PlanStep, Send
from campaigns.queries.calls import bill_of, calls_of
from campaigns.queries.cautions import cautions_of
from campaigns.queries.departures import Departure, next_departure
from campaigns.queries.estimates import expected_of
from campaigns.queries.experiments import undecided
from campaigns.queries.plans import StepView, why_two_people
from campaigns.queries.policy import policy
from campaigns.queries.results import counts_of
from campaigns.queries.templates import drifts_of
from campaigns.rules import content as c
from campaigns.rules import wording
from campaigns.rules.checking import Check
from campaigns.rules.reasons import headline
from campaigns.sending import specimens
from campaigns.sending.checklist import told_drift
from campaigns.writing import press
from config.shared.access import needs
from config.shared.htmx import page
from config.shared.live import stream
from config.shared.tags import money
from integrations.llm.rules import RulesModel
from loyalty.queries.brand import brand, business


@require_POST
@needs("campaigns.change_campaign")
def plan_request(request: HttpRequest, public_id: UUID) -> HttpResponse:
    campaign = get_object_or_404(Campaign, public_id=public_id)
    form = AnewForm(request.POST)
    if not form.is_valid():
        raise planning.CannotPlan(" ".join(str(fault) for faults in form.errors.values() for fault in faults))
    losing, note = form.cleaned_data["losing"] or 0, form.cleaned_data["note"]
    planning.request_plan(campaign=campaign, by=request.user, now=timezone.now(), losing=losing, note=note)
    return redirect("campaigns:campaign", public_id)


@require_POST
@needs("campaigns.change_campaign")
def plan_cancel(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    plan = _plan(plan_id)
    planning.cancel_plan(plan=plan, now=timezone.now())
    messages.info(request, "The plan was cancelled.")
    return redirect("campaigns:campaign", plan.campaign.public_id)


@require_POST
@needs("campaigns.approve_plan")
def plan_approve(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    plan = _plan(plan_id)
    sends = review.approve_plan(plan=plan, by=request.user, now=timezone.now())
    messages.success(request, f"Approved: {sends:,} messages are ready. Start the campaign to let them go.")
    return redirect("campaigns:campaign", plan.campaign.public_id)


@require_POST
@needs("campaigns.approve_plan")
def plan_withdraw(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    plan = _plan(plan_id)
    review.withdraw_approval(plan=plan, by=request.user, now=timezone.now())
    messages.info(request, "The plan is under review again.")
    return redirect("campaigns:campaign", plan.campaign.public_id)


@require_GET
@needs("campaigns.view_plan")
def plan_stream(request: HttpRequest, plan_id: UUID) -> StreamingHttpResponse:
    return stream(f"plan:{_plan(plan_id).public_id}")


@require_GET
@needs("campaigns.view_plan")
def plan_evidence(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """What the language model was told and what it answered, word for word."""
    plan = _plan(plan_id)
    is_by_rules = plan.model_name == RulesModel.name
    groups = plan.facts.get("groups", [])
    # A plan of before told a model of every group.
    told_of_few = is_by_rules or not all("bought" in group for group in groups)
    told = plan.facts if told_of_few or not plan.facts else as_told(plan.facts)
    context = {
        "plan": plan,
        "campaign": plan.campaign,
        "calls": calls_of(plan),
        "bill": bill_of(plan),
        "is_by_rules": is_by_rules,
        "told_of_few": told_of_few,
        "groups": groups,
        "has_bought": any(group.get("bought") for group in groups),
        "facts": json.dumps(told, indent=2, ensure_ascii=False),
    }
    return page(request, "campaigns/evidence.html", context)


@require_http_methods(["GET", "POST"])
@needs("campaigns.view_plan")
def step_page(request: HttpRequest, step_id: UUID) -> HttpResponse:
    """One step: its numbers, its letter, and the form for those who may change it."""
    step = get_object_or_404(
        PlanStep.objects.select_related("plan__campaign", "playbook", "offer", "template", "edited_by"),
        public_id=step_id,
    )
    if request.method == "POST" and not request.user.has_perm("campaigns.change_campaign"):
        raise PermissionDenied
    is_under_review = step.plan.status == Plan.Status.READY
    form = (
        StepForm(request.POST or None, instance=step, days=step.plan.facts["days"])
        if is_under_review
        else WordsForm(request.POST or None, instance=step)
    )
    if form.is_valid() and (saved := _saved(request, step, form)):
        messages.success(request, "Saved." if is_under_review else "Changed for everybody who does not have it yet.")
        return redirect("campaigns:step", saved.public_id)
    expected, may_change = expected_of(step.plan, now=timezone.now()), _may_change(request, step)
    two_people = why_two_people(step.plan) if may_change else ""
    return page(
        request,
        "campaigns/step.html",
        {
            "step": step,
            "plan": step.plan,
            "campaign": step.plan.campaign,
            "headline": headline(step.get_group_display(), step.evidence),
            "form": form,
            "words": list(wording.WORDS),
            "may_edit": request.user.has_perm("campaigns.change_campaign") and is_under_review,
            "may_change": may_change and not two_people,
            "is_trying": step.plan.campaign.status != Campaign.Status.DRAFT and undecided(step),
            "two_people": two_people,
            **_sending(request, step),
            "unsaid": _unsaid(step) if is_under_review or form.is_bound or may_change else "",
            "drifts": _drifts(step) if is_under_review else [],
            "numbers": _numbers(step),
            "estimate": expected.steps.get(step.pk) if expected else None,
            "so_far": _so_far(step),
            "cautions": cautions_of(step) if is_under_review else [],
            "has_passed": StepView(step, "").has_passed and step.plan.campaign.status == Campaign.Status.DRAFT,
            "seen": request.POST.get("seen") or step.revision,
        },
        status=422 if form.errors else 200,
    )


def _so_far(step: PlanStep) -> str:
    """What became of the messages of an approved step; empty until one has left."""
    came = counts_of(step)
    if not came["sent"]:
        return ""
    return "{sent:,} of {planned:,} messages sent, {opened:,} opened and {clicked:,} clicked by people".format(**came)


def _may_change(request: HttpRequest, step: PlanStep) -> bool:
    """Whether what of it waits may still get other words. It was approved: only who may approve may change it."""
    running = (Campaign.Status.RUNNING, Campaign.Status.PAUSED)
    if step.plan.status != Plan.Status.APPROVED or step.plan.campaign.status not in running:
        return False
    may = request.user.has_perms(["campaigns.change_campaign", "campaigns.approve_plan"])
    waiting = Send.objects.filter(action__step=step, status=Send.Status.PENDING)
    return may and not undecided(step) and waiting.exists()


@require_GET
@needs("campaigns.view_plan")
@xframe_options_sameorigin
def step_preview(request: HttpRequest, step_id: UUID) -> HttpResponse:
    """What the wording that `variant` names says to the member that `member` names, in the language `language` does."""
    step = get_object_or_404(PlanStep.objects.select_related("plan__campaign", "offer", "template"), public_id=step_id)
    try:
        letters = press.letters_to_show(step, variant=wording_of(request, step), now=timezone.now())
        letter = press.best_for(request.GET.get("language", ""), letters)
        shown = specimens.filled(letter, step, specimen_member(request), business())
    except (press.CannotPress, wording.WordingFault) as fault:
        return fault_response(fault)
    return message_response(shown, step.channel, is_dark=is_dark(request))


def _unsaid(step: PlanStep) -> str:
    """What of the step stands nowhere in its messages, because the template says everything itself."""
    version = press.current_version(step.template or press.default_template())
    content = c.read(version.content) if version else c.HOUSE
    if not c.speaks_for_itself(content, step.channel, press.BASE_LANGUAGE):
        return ""
    told = "The subject and the text below are not used: the template has its own."
    return told if step.offer is None else f"{told} Look in the preview whether it shows the offer."


def _drifts(step: PlanStep) -> list[Check]:
    """Languages of its template that changed after another: it is approved as it was saved."""
    template = step.template or press.default_template()
    found = drifts_of(template, step.channel, with_draft=False) if template else []
    return [told_drift(drift) for drift in found]


def _sending(request: HttpRequest, step: PlanStep) -> dict[str, Any]:
    """What of an approved step still waits, and what sending it now would mean."""
    waiting, now = Send.objects.filter(action__step=step, status=Send.Status.PENDING), timezone.now()
    if step.plan.campaign.status != Campaign.Status.RUNNING:
        return {}
    rules, held_back = policy(), waiting.filter(waits_for_winner=True).count()
    return {
        "departure": next_departure(waiting, now=now),
        "may_send_now": request.user.has_perm("campaigns.run_campaign") and _may_come_sooner(waiting, now),
        "send_now_text": _send_now_text(next_departure(waiting, now=now, at_once=True), rules, held_back),
        "hours": rules.hours,
    }


def _may_come_sooner(waiting: QuerySet[Send], now: datetime) -> bool:
    return waiting.filter(due_at__gt=now, waits_for_winner=False).exists()


def _send_now_text(departure: Departure | None, rules: CampaignPolicy, held_back: int) -> str:
    """What would happen, before anybody presses. `held_back` wait for the better of several wordings."""
    often = "Whoever has had today's message gets it on a later day."
    if held_back:
        who = "1 member waits" if held_back == 1 else f"{held_back:,} members wait"
        often += f" {who} for the better wording and get{'s' if held_back == 1 else ''} it once that is decided."
    if departure is None or not departure.is_held:
        return f"Its messages are due at once instead of on their day. {often}"
    return (
        f"It is outside the send window ({rules.hours}), so its messages leave {departure.when}. {often} "
        "When a Manager or an Admin opens the window under Settings → Campaigns, they leave at once."
    )


def _saved(request: HttpRequest, step: PlanStep, form: WordsForm) -> PlanStep | None:
    """What the form put on `step` is the wish; the action decides. A refusal is said beside what was typed."""
    now = timezone.now()
    try:
        if isinstance(form, StepForm):
            seen = request.POST.get("seen", "")
            looked_at = int(seen) if seen.isdecimal() else None
            return review.edit_step(step=step, **form.cleaned_data, by=request.user, now=now, seen=looked_at)
        if not _may_change(request, step):
            raise review.CannotEdit("Nothing of this step can be changed any more.")
        return review.change_running_step(step=step, **form.cleaned_data, by=request.user, now=now)
    except review.CannotEdit as refusal:
        form.add_error(None, str(refusal))
        return None


@require_POST
@needs("campaigns.change_campaign", "loyalty.view_pii")
def step_test(request: HttpRequest, step_id: UUID) -> HttpResponse:
    step = get_object_or_404(PlanStep.objects.select_related("plan__campaign", "offer"), public_id=step_id)
    variant, member = wording_of(request, step), specimen_member(request)
    sending.send_test(step=step, to=request.user, variant=variant, member=member, now=timezone.now())
    said = f"Sent to {request.user}."
    if request.htmx:  # type: ignore[attr-defined]
        told = json.dumps({"toast": {"tone": "success", "text": said}})
        return HttpResponse(status=204, headers={"HX-Trigger": told})
    messages.success(request, said)
    return redirect("campaigns:step", step_id)


@require_POST
@needs("campaigns.run_campaign")
def step_send(request: HttpRequest, step_id: UUID) -> HttpResponse:
    step, now = get_object_or_404(PlanStep, public_id=step_id), timezone.now()
    moved = sending.send_step_now(step=step, by=request.user, now=now)
    departure = next_departure(Send.objects.filter(action__step=step), now=now)
    if departure and departure.is_held:
        messages.warning(request, f"Due now, but outside the send window: they leave {departure.when}.")
    else:
        messages.success(request, f"Due now: {moved:,} message{'s' if moved > 1 else ''}.")
    return redirect("campaigns:step", step_id)


@require_POST
@needs("campaigns.change_campaign")
def step_remove(request: HttpRequest, step_id: UUID) -> HttpResponse:
    step = get_object_or_404(PlanStep.objects.select_related("plan__campaign"), public_id=step_id)
    if request.POST.get("restore"):
        review.restore_step(step=step, by=request.user, now=timezone.now())
    else:
        review.remove_step(step=step, by=request.user, now=timezone.now())
    return redirect("campaigns:campaign", step.plan.campaign.public_id)


def _numbers(step: PlanStep) -> list[dict[str, Any]]:
    evidence, currency = step.evidence, brand().currency
    usually = time_format(time(evidence["usual_hour"]), "g:i a")
    bought = evidence["last_bought_days"]
    return [
        {"label": "In the audience", "value": evidence["members"]},
        {"label": "Of them, get this", "value": evidence["reached"]},
        {
            "label": "Last bought",
            "value": f"{bought['least']} to {bought['most']} days ago, half within {bought['median']}",
        },
        {"label": "Usual number of orders", "value": evidence["median_orders"]},
        {"label": "Average order", "value": money(Decimal(evidence["average_order"]), currency)},
        {"label": "Usually shop", "value": f"{day_name[evidence['usual_weekday'] - 1]}, around {usually}"},
        {"label": "Buy mostly", "value": ", ".join(evidence["favourite_categories"])},
        {"label": "The offer can cost at most", "value": money(Decimal(evidence["most_it_can_cost"]), currency)},
    ]


def _plan(plan_id: UUID) -> Plan:
    return get_object_or_404(Plan.objects.select_related("campaign"), public_id=plan_id)
