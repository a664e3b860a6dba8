"""The picture of a step: its brief, what was made of it, and which one the message shows."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from campaigns.actions import picturing
from campaigns.ai.briefs import brief_of
from campaigns.dashboard.views.media import POLICY
from campaigns.dashboard.views.workspace import seen_number
from campaigns.forms.briefs import ImageBriefForm
from campaigns.models import DrawnPicture, ImageBrief, Plan, PlanStep
from campaigns.queries import workspace
from campaigns.queries.calls import picture_price
from campaigns.queries.house import house
from campaigns.rules import briefs
from campaigns.writing import press
from config.shared.access import needs
from config.shared.htmx import page
from loyalty.models import Consent
from loyalty.queries.brand import business


@require_http_methods(["GET", "POST"])
@needs("campaigns.view_plan")
def step_picture(request: HttpRequest, step_id: UUID) -> HttpResponse:
    """A fragment of the step's page. What is posted asks for a brief, for pictures, or for none in the message."""
    step = _step(step_id)
    if request.method == "POST":
        _refuse_lookers(request)
        _ask(request, step)
        return redirect("campaigns:step-picture", step.public_id)
    return _shown(request, step)


def _ask(request: HttpRequest, step: PlanStep) -> None:
    now, by = timezone.now(), request.user
    match request.POST.get("wish"):
        case "pictures":
            count = request.POST.get("count", "")
            picturing.request_pictures(step=step, count=int(count) if count in "1234" and count else 0, by=by, now=now)
        case "none":
            picturing.drop_picture(step=step, by=by, now=now, seen=seen_number(request))
        case _:
            picturing.request_brief(step=step, note=request.POST.get("note", ""), by=by, now=now)


@require_POST
@needs("campaigns.change_campaign")
def step_brief(request: HttpRequest, step_id: UUID) -> HttpResponse:
    """What a person wrote; a refusal is said beside it."""
    step = _step(step_id)
    form = ImageBriefForm(request.POST)
    if form.is_valid():
        try:
            picturing.save_brief(step=step, brief=form.brief(), by=request.user, now=timezone.now())
        except picturing.BadBrief as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect("campaigns:step-picture", step.public_id)
    return _shown(request, step, form=form)


@require_GET
@needs("campaigns.view_plan")
def step_brief_file(request: HttpRequest, step_id: UUID) -> HttpResponse:
    """The brief in force for a designer, as text."""
    step = _step(step_id)
    row = workspace.brief_in_force(step)
    if row is None:
        raise Http404
    response = HttpResponse(_told(step, row), content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="brief-{step.day.isoformat()}-{step.group}.txt"'
    return response


@require_GET
@needs("campaigns.view_plan")
@cache_control(private=True, max_age=86_400)
def drawn_picture(request: HttpRequest, picture_id: UUID) -> HttpResponse:
    picture = get_object_or_404(DrawnPicture, public_id=picture_id)
    response = HttpResponse(bytes(picture.content), content_type=picture.content_type)
    response._csp_exempt = True  # type: ignore[attr-defined]  # replaced by a stricter one
    response["Content-Security-Policy"] = POLICY
    return response


@require_POST
@needs("campaigns.change_campaign", "campaigns.add_mediafile")
def drawn_choose(request: HttpRequest, picture_id: UUID) -> HttpResponse:
    picture = get_object_or_404(DrawnPicture.objects.select_related("brief__step"), public_id=picture_id)
    step = picturing.choose_picture(
        picture=picture,
        alt=request.POST.get("alt", ""),
        by=request.user,
        now=timezone.now(),
        seen=seen_number(request),
    )
    messages.success(
        request,
        "The message shows it, and your pictures have it."
        if press.shows_picture(step)
        else "Your pictures have it. This message has no place for it.",
    )
    return redirect("campaigns:step", step.public_id)


def _shown(request: HttpRequest, step: PlanStep, *, form: ImageBriefForm | None = None) -> HttpResponse:
    row, price = workspace.brief_in_force(step), picture_price()
    call = workspace.writing_of(step, pictures=True)
    is_open = step.plan.status == Plan.Status.READY and step.removed_at is None
    may_write = request.user.has_perm("campaigns.change_campaign") and is_open
    counts = range(1, briefs.MOST_PICTURES + 1)
    context: dict[str, Any] = {
        "step": step,
        "brief": row,
        "told": _told(step, row) if row else "",
        "never_seen": briefs.never_seen(business().vertical),
        "warnings": briefs.warnings(brief_of(row), house(), offer=step.offer_said) if row else [],
        "form": form or ImageBriefForm(instance=row),
        "call": call,
        "seconds": max(0, int((timezone.now() - call.asked_at).total_seconds())) if call else 0,
        "refusal": None if call else workspace.last_refusal(step, pictures=True),
        "drawn": workspace.drawn_for(step),
        "has_model": bool(settings.IMAGE_MODEL),
        "counts": [(count, None if price is None else count * price) for count in counts],
        "may_write": may_write,
        "may_choose": may_write and request.user.has_perm("campaigns.add_mediafile"),
        "is_email": step.channel == Consent.Channel.EMAIL,
        "has_place": press.shows_picture(step),
    }
    has_faults = form is not None and bool(form.errors)
    return page(request, "campaigns/step_picture.html", context, status=422 if has_faults else 200)


def _told(step: PlanStep, row: ImageBrief) -> str:
    """The whole brief, with what it is for."""
    return f"{step}: {step.unfilled_subject}\n\n{briefs.told(brief_of(row), business().vertical)}"


def _refuse_lookers(request: HttpRequest) -> None:
    if not request.user.has_perm("campaigns.change_campaign"):
        raise PermissionDenied


def _step(step_id: UUID) -> PlanStep:
    rows = PlanStep.objects.select_related("plan__campaign", "playbook", "offer", "template", "picture")
    return get_object_or_404(rows, public_id=step_id)
