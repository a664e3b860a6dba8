"""A plan between people: moved, undone, written anew, talked about. What is refused leaves everything as it was."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.formats import date_format
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import trigger_client_event

from campaigns.actions import calls, copywriting, revising
from campaigns.actions.review import CannotEdit
from campaigns.ai.writer import Wish, rules_know_variants
from campaigns.dashboard.views.campaigns import campaign_shown
from campaigns.models import Campaign, ModelCall, Plan, PlanStep, StepComment, StepText
from campaigns.queries import workspace
from campaigns.queries.calls import thinking_about
from campaigns.queries.track_record import DAYS, records_like
from campaigns.rules.reasons import headline
from campaigns.writing.press import BASE_LANGUAGE
from config.shared.access import needs
from config.shared.htmx import page
from integrations.llm.base import is_built_in
from integrations.llm.rules import RulesModel


@require_POST
@needs("campaigns.change_campaign")
def step_move(request: HttpRequest, step_id: UUID) -> HttpResponse:
    step, day = _step(step_id), parse_date(request.POST.get("day", ""))
    if day is None:
        return HttpResponseBadRequest("Which day?")
    revising.move_step(step=step, day=day, by=request.user, now=timezone.now(), seen=_number(request, "seen"))
    return _told(request, step.plan.campaign, f"{step.get_group_display()}: moved to {date_format(day, 'l, F j')}.")


@require_POST
@needs("campaigns.change_campaign")
def plan_undo(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    return _turned(request, plan_id, revising.undo_change, "Taken back")


@require_POST
@needs("campaigns.change_campaign")
def plan_redo(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    return _turned(request, plan_id, revising.redo_change, "Made again")


def _turned(request: HttpRequest, plan_id: UUID, turn: Any, said: str) -> HttpResponse:
    plan = get_object_or_404(Plan.objects.select_related("campaign"), public_id=plan_id)
    change = turn(plan=plan, number=_number(request, "number") or 0, by=request.user, now=timezone.now())
    return _told(request, plan.campaign, f"{said}: {workspace.told(change).what}.")


def _told(request: HttpRequest, campaign: Campaign, said: str) -> HttpResponse:
    """What was done to the board is said, too: a card that stands elsewhere now tells nothing to who cannot see it."""
    if not request.htmx:  # type: ignore[attr-defined]
        messages.success(request, said)
        return redirect("campaigns:campaign", campaign.public_id)
    return trigger_client_event(campaign_shown(request, campaign), "toast", {"tone": "success", "text": said})


@require_http_methods(["GET", "POST"])
@needs("campaigns.view_plan")
def step_texts(request: HttpRequest, step_id: UUID) -> HttpResponse:
    """Other words for a step, beside those it has."""
    step = _step(step_id)
    if request.method == "POST":
        _refuse_lookers(request)
        copywriting.request_texts(step=step, wish=_wish(request), by=request.user, now=timezone.now())
        return redirect("campaigns:step-texts", step.public_id)
    call = workspace.writing_of(step)
    context = {
        "step": step,
        "call": call,
        "thinking": thinking_about(call, now=timezone.now()) if call else None,
        "refusal": None if call else workspace.last_refusal(step),
        "alternatives": workspace.alternatives_of(step),
        "may_write": request.user.has_perm("campaigns.change_campaign") and step.plan.status == Plan.Status.READY,
        "is_by_rules": is_built_in(),
        "has_variants": not is_built_in() or rules_know_variants(step),
        "languages": [(code, name) for code, name in settings.LANGUAGES if code != BASE_LANGUAGE],
    }
    return page(request, "campaigns/texts.html", context, partials=("texts",))


def _wish(request: HttpRequest) -> Wish:
    """Which of the buttons was pressed. A language is that of `language`."""
    asked, note = request.POST.get("wish", ""), request.POST.get("note", "").strip()[:300]
    if asked in ("shorter", "warmer"):
        return Wish(ModelCall.Task.REWRITE, manner=asked, count=1)
    if asked in dict(settings.LANGUAGES):
        return Wish(ModelCall.Task.REWRITE, manner="translated", language=asked, count=1)
    if asked == "variants":
        return Wish(ModelCall.Task.WRITE_VARIANTS)
    return Wish(ModelCall.Task.REGENERATE_STEP, note=note, count=1)


@require_POST
@needs("campaigns.change_campaign")
def text_use(request: HttpRequest, text_id: UUID) -> HttpResponse:
    text = get_object_or_404(StepText.objects.select_related("step"), public_id=text_id)
    copywriting.use_text(text=text, by=request.user, now=timezone.now(), seen=_number(request, "seen"))
    messages.success(request, "The step says this now. What it said before comes back by Undo on the plan.")
    return redirect("campaigns:step", text.step.public_id)


@require_POST
@needs("campaigns.change_campaign")
def call_cancel(request: HttpRequest, call_id: UUID) -> HttpResponse:
    call = get_object_or_404(ModelCall.objects.select_related("step", "plan__campaign"), public_id=call_id)
    calls.cancel(call=call, now=timezone.now())
    if call.step is None:
        return redirect("campaigns:campaign", call.plan.campaign.public_id)
    part = "campaigns:step-picture" if call.task in ModelCall.PICTURING else "campaigns:step-texts"
    return redirect(part, call.step.public_id)


@require_http_methods(["GET", "POST"])
@needs("campaigns.view_plan")
def step_comments(request: HttpRequest, step_id: UUID) -> HttpResponse:
    step = _step(step_id)
    if request.method == "POST":
        _refuse_lookers(request)
        revising.comment(step=step, text=request.POST.get("text", ""), by=request.user, now=timezone.now())
        return redirect("campaigns:step-comments", step.public_id)
    context = {
        "step": step,
        "comments": workspace.comments_of(step),
        "may_comment": request.user.has_perm("campaigns.change_campaign"),
    }
    return page(request, "campaigns/comments.html", context, partials=("comments",))


@require_POST
@needs("campaigns.change_campaign")
def comment_settle(request: HttpRequest, pk: int) -> HttpResponse:
    comment = get_object_or_404(StepComment.objects.select_related("step__plan__campaign"), pk=pk)
    is_settled = not request.POST.get("again")
    revising.settle_comment(comment=comment, is_settled=is_settled, by=request.user, now=timezone.now())
    return redirect("campaigns:step-comments", comment.step.public_id)


@require_GET
@needs("campaigns.view_plan")
def step_why(request: HttpRequest, step_id: UUID) -> HttpResponse:
    """Who proposed a step and why, and what its playbook has brought lately."""
    step = _step(step_id)
    plan = step.plan
    context = {
        "step": step,
        "plan": plan,
        "headline": headline(step.get_group_display(), step.evidence),
        "is_by_rules": plan.model_name == RulesModel.name,
        "call": plan.calls.filter(task=ModelCall.Task.PLAN_WEEK, status=ModelCall.Status.ANSWERED).last(),
        "records": records_like(step, now=timezone.now()),
        "days": DAYS,
        "last_text": step.texts.exclude(used_at=None).select_related("used_by").order_by("-used_at").first(),
    }
    return page(request, "campaigns/step_why.html", context)


def _refuse_lookers(request: HttpRequest) -> None:
    if not request.user.has_perm("campaigns.change_campaign"):
        raise PermissionDenied


def _step(step_id: UUID) -> PlanStep:
    return get_object_or_404(PlanStep.objects.select_related("plan__campaign", "playbook", "offer"), public_id=step_id)


def seen_number(request: HttpRequest) -> int | None:
    """The revision of the step that was looked at."""
    return _number(request, "seen")


def _number(request: HttpRequest, name: str) -> int | None:
    """A number the page sent along; None where it did not."""
    value = request.POST.get(name, "")
    if value and not value.isdecimal():
        raise CannotEdit("Reload the page, then try again.")
    return int(value) if value else None
