"""Several wordings of a step: how they compare, and what a person may do about it."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.dateformat import format as format_date
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from campaigns.actions import experiments as actions
from campaigns.actions import wordings
from campaigns.actions.review import CannotEdit
from campaigns.dashboard.comparing import cells_of, columns, exactly, interval_chart, whole_money
from campaigns.dashboard.views.workspace import seen_number
from campaigns.forms import ExperimentForm
from campaigns.models import Campaign, Experiment, Plan, PlanStep
from campaigns.queries import lots
from campaigns.queries.experiments import Tried, met_by, tried_of
from campaigns.rules import sayings, wording
from config.shared.access import needs
from config.shared.exports import csv_response
from config.shared.htmx import page
from loyalty.queries.brand import brand


@require_GET
@needs("campaigns.view_plan")
def variants(request: HttpRequest, step_id: UUID) -> HttpResponse:
    """A fragment of the step's page; as CSV, every wording against A."""
    step = _step(step_id)
    experiment = Experiment.objects.filter(step=step).select_related("step__plan__campaign", "decided_by").first()
    tried = tried_of(experiment, now=timezone.now()) if experiment else None
    if tried and request.GET.get("format") == "csv":
        return csv_response(f"variants-{step.public_id}.csv", ("Wording", *columns("with A")), figures_of(tried))
    context = {"step": step, "tried": tried, "experiment": experiment, **_rights(request, step)}
    if tried and experiment:
        context |= _shown(tried, experiment)
    return page(request, "campaigns/variants.html", context)


def figures_of(tried: Tried) -> list[list[Any]]:
    currency = brand().currency
    return [[arm.letter, *exactly(effect, currency)] for arm in tried.arms for effect in arm.effects]


def _shown(tried: Tried, experiment: Experiment) -> dict[str, Any]:
    currency, measure = brand().currency, experiment.measure
    against = [(arm, effect) for arm in tried.arms if (effect := arm.effect(measure)) and arm.outcome.members]
    final = format_date(timezone.localtime(tried.window.closes), "F j, g:i a") if tried.window else ""
    said = [
        f"{arm.letter}: "
        + sayings.said_of(effect, money=whole_money(currency), than="with A", others="with A", final=final)
        for arm, effect in against
    ]
    return {
        "said": said,
        "outcome": _outcome(experiment),
        "chart": interval_chart(
            "variants", f"{sayings.LABELS[measure]} against A", [(a.letter, e) for a, e in against]
        ),
        "several": len(against) > 1,
        "rows": [(f"{arm.letter} against A", cells_of(effect, currency)) for arm, effect in against],
        "arms": [(arm, arm.outcome.members, wording.unfilled(arm.subject)) for arm in tried.arms],
        "measure": sayings.LABELS[measure],
        "planned": sayings.planned(lots.expected(experiment, experiment.step.evidence["reached"]), measure)
        if experiment.step.plan.status == Plan.Status.READY
        else "",
        "meets": "" if experiment.winner else _meets(experiment),
    }


def _meets(experiment: Experiment) -> str:
    other = met_by(experiment)
    if other is None:
        return ""
    return (
        f"The next message to this group is due on {format_date(other.day, 'l, F j')}, when some may still wait for the"
        " better wording of this one. Your limits hold for both: whom they allow one message a day gets the other a day"
        " later."
    )


def _outcome(experiment: Experiment) -> str:
    """What was decided, by whom and why, in one sentence."""
    if not experiment.winner:
        return ""
    if experiment.decided_by:
        return f"{experiment.decided_by.get_full_name()} chose {experiment.winner} for the rest."
    if experiment.is_certain:
        return f"{experiment.winner} was certainly better, so the rest get it."
    return "No wording was certainly better when the time was over, so the rest get A. That makes A no winner."


@require_http_methods(["GET", "POST"])
@needs("campaigns.change_campaign")
def variants_write(request: HttpRequest, step_id: UUID) -> HttpResponse:
    step = _step(step_id)
    known = Experiment.objects.filter(step=step).first()
    form = ExperimentForm(request.POST or None, instance=known or Experiment(step=step), step=step)
    if form.is_valid():
        try:
            wordings.save_experiment(
                step=step, **form.cleaned_data, by=request.user, now=timezone.now(), seen=seen_number(request)
            )
        except (actions.CannotTry, CannotEdit) as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "Saved. Who gets which wording is drawn when the plan is approved.")
            return redirect("campaigns:step", step.public_id)
    seen = request.POST.get("seen") or step.revision
    context = {"step": step, "form": form, "known": known, "seen": seen, **_rights(request, step)}
    return page(request, "campaigns/variants_write.html", context, status=422 if form.errors else 200)


@require_POST
@needs("campaigns.change_campaign")
def variants_drop(request: HttpRequest, step_id: UUID) -> HttpResponse:
    step = _step(step_id)
    wordings.drop_experiment(step=step, by=request.user, now=timezone.now(), seen=seen_number(request))
    messages.success(request, "Everybody gets the step's own words. The others come back by Undo on the plan.")
    return redirect("campaigns:step", step.public_id)


@require_POST
@needs("campaigns.run_campaign")
def variant_choose(request: HttpRequest, step_id: UUID, letter: str) -> HttpResponse:
    experiment = get_object_or_404(Experiment.objects.select_related("step"), step__public_id=step_id)
    moved = actions.choose(experiment=experiment, letter=letter, by=request.user, now=timezone.now())
    messages.success(request, f"{letter} it is: {moved:,} message{'' if moved == 1 else 's'} will say so.")
    return redirect("campaigns:step", step_id)


def _rights(request: HttpRequest, step: PlanStep) -> dict[str, Any]:
    campaign = step.plan.campaign
    runs = campaign.status in (Campaign.Status.RUNNING, Campaign.Status.PAUSED)
    is_under_review = step.plan.status == Plan.Status.READY and step.removed_at is None
    return {
        "campaign": campaign,
        "may_write": is_under_review and request.user.has_perm("campaigns.change_campaign"),
        "may_choose": runs and request.user.has_perm("campaigns.run_campaign"),
        "csv_url": f"{reverse('campaigns:step-variants', args=[step.public_id])}?format=csv",
    }


def _step(step_id: UUID) -> PlanStep:
    return get_object_or_404(PlanStep.objects.select_related("plan__campaign", "offer"), public_id=step_id)
