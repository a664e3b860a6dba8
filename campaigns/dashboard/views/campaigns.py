from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.defaultfilters import pluralize
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.text import get_text_list
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from campaigns.actions import campaigns as actions
from campaigns.actions import notices, repeating
from campaigns.ai import audience
from campaigns.dashboard.orders import orders_csv
from campaigns.forms import AnewForm, CampaignForm
from campaigns.models import Campaign, CampaignPolicy, Plan
from campaigns.queries import campaigns as queries
from campaigns.queries import results
from campaigns.queries.calls import thinking_of
from campaigns.queries.cautions import cautions_in
from campaigns.queries.departures import next_departure
from campaigns.queries.estimates import Estimate, expected_of
from campaigns.queries.planned_comparison import planned_comparison
from campaigns.queries.plans import Day, board_of, buyers_of_goal, is_own_work, totals_of, week_of, why_two_people
from campaigns.queries.policy import policy
from campaigns.queries.templates import drifts_worn_in
from campaigns.queries.workspace import WorkByHand, change_log, open_comments, work_by_hand
from campaigns.rules import goals, sayings
from campaigns.rules.checking import Check, State
from campaigns.sending.checklist import told_drift
from config.shared.access import needs
from config.shared.htmx import page, part_of
from config.shared.live import stream
from config.shared.tags import money
from integrations.llm.rules import RulesModel
from loyalty.actions.members import note_export
from loyalty.models import Consent, Score
from loyalty.queries.brand import brand

SHOWN = 50
# In percent of the audience, proposed for each new campaign: what is never held out can never be measured.
USUAL_HOLDOUT = 10
TONES: dict[str, str] = {
    Campaign.Status.DRAFT: "neutral",
    Campaign.Status.RUNNING: "success",
    Campaign.Status.PAUSED: "warning",
    Campaign.Status.FINISHED: "info",
    Campaign.Status.CANCELLED: "neutral",
}
UNSPOKEN = (
    "The goal names it, and no words or offer of this week do: members are not told of it. Change a step's words, or "
    "give a playbook or an offer words about it and propose anew."
)
NO_ADDRESS = (
    "The law asks for one at the foot of every marketing email. Whoever may change the settings writes it under "
    "Settings, Business; it is then in these emails, too."
)
PLAN_PHASES: dict[str, int] = {Plan.Status.WRITING: 2, Plan.Status.CHECKING: 3}


@require_GET
@needs("campaigns.view_campaign")
def campaign_list(request: HttpRequest) -> HttpResponse:
    status = request.GET.get("status", "")
    rows = queries.campaigns()
    if status in Campaign.Status.values:
        rows = rows.filter(status=status)
    if search := request.GET.get("q", "").strip():
        rows = rows.filter(name__icontains=search)
    context = {
        "campaigns": Paginator(rows, SHOWN).get_page(request.GET.get("page")),
        "tones": TONES,
        "q": search,
        "selects": [
            {
                "name": "status",
                "label": "Status",
                "value": status,
                "options": Campaign.Status.choices,
            }
        ],
    }
    return page(request, "campaigns/campaigns.html", context, partials=("campaigns",))


@require_http_methods(["GET", "POST"])
@needs("campaigns.add_campaign")
def campaign_new(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    today = timezone.localtime(now).date()
    usual = {"starts_on": today, "ends_on": today + timedelta(days=6), "holdout_percent": USUAL_HOLDOUT}
    form = CampaignForm(request.POST or None, initial=usual, today=today)
    if form.is_valid():
        campaign = actions.create_campaign(**form.cleaned_data, owner=request.user, now=now)
        return redirect("campaigns:campaign", campaign.public_id)
    return page(request, "campaigns/campaign_form.html", {"form": form}, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@needs("campaigns.change_campaign")
def campaign_edit(request: HttpRequest, public_id: UUID) -> HttpResponse:
    campaign = get_object_or_404(Campaign, public_id=public_id)
    form = CampaignForm(request.POST or None, instance=campaign, today=timezone.localdate())
    if form.is_valid():
        actions.change_campaign(campaign=campaign, **form.cleaned_data, now=timezone.now())
        return redirect("campaigns:campaign", campaign.public_id)
    plan = campaign.plans.filter(status=Plan.Status.READY).first()
    context = {"form": form, "campaign": campaign, "plan": plan, "aside_text": _aside_text(plan) if plan else ""}
    return page(request, "campaigns/campaign_form.html", context, status=422 if form.errors else 200)


@require_GET
@needs("campaigns.view_campaign")
def campaign_page(request: HttpRequest, public_id: UUID) -> HttpResponse:
    return campaign_shown(
        request, get_object_or_404(Campaign.objects.select_related("owner", "series"), public_id=public_id)
    )


PARTS_OF_WEEK = ("plan", "anew", "approve")
PARTS = (*PARTS_OF_WEEK, "results", "standing")


def campaign_shown(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """The page, or the part of it that was asked for: then nothing is worked out for the others."""
    part, plan, rules = part_of(request, PARTS), queries.current_plan(campaign), policy()
    context: dict[str, Any] = {
        "campaign": campaign,
        "plan": plan,
        "is_planning": plan is not None and plan.status in Plan.WORKING,
        "may_edit": request.user.has_perm("campaigns.change_campaign"),
        "may_approve": request.user.has_perm("campaigns.approve_plan"),
        "may_run": request.user.has_perm("campaigns.run_campaign"),
    }
    if part in ("", "standing"):
        context |= _standing(campaign, rules)
    if part in ("", "results", *PARTS_OF_WEEK):
        context |= _results(campaign, plan, rules)
    if part in ("", *PARTS_OF_WEEK):
        context |= _week(request, campaign, plan, rules, context["estimates"])
    if not part:
        unread = queries.unread_notices(request.user).filter(campaign=campaign)
        context |= {"notices": unread, "start_text": _start_text(rules)}
    return page(request, "campaigns/campaign.html", context, partials=PARTS)


def _standing(campaign: Campaign, rules: CampaignPolicy) -> dict[str, Any]:
    is_running = campaign.status == Campaign.Status.RUNNING
    return {
        "segments": list(campaign.segments.all()),
        "next_week": queries.next_week_of(campaign, timezone.localdate()),
        "departure": next_departure(campaign.sends.all(), now=timezone.now()) if is_running else None,
        "hours": rules.hours,
    }


def _results(campaign: Campaign, plan: Plan | None, rules: CampaignPolicy) -> dict[str, Any]:
    """What came of it, beside what was expected."""
    has_begun = campaign.status != Campaign.Status.DRAFT
    expected = expected_of(plan, now=timezone.now(), rules=rules) if plan else None
    return {
        "results": results.results_of(campaign) if has_begun else None,
        "put_aside": results.put_aside(campaign) if has_begun else [],
        "estimates": expected.week if expected else None,
    }


def _week(
    request: HttpRequest, campaign: Campaign, plan: Plan | None, rules: CampaignPolicy, expected: Estimate | None
) -> dict[str, Any]:
    """The plan: being made, under review or approved."""
    if plan is None or plan.status not in (Plan.Status.READY, Plan.Status.APPROVED):
        return _making(plan)
    days, is_under_review = week_of(plan), plan.status == Plan.Status.READY
    cautions = cautions_in(view.step for day in days for view in day.steps) if is_under_review else {}
    comments, totals = open_comments(plan), {**totals_of(days), "can_cost": _can_cost(campaign, days)}
    by_hand = work_by_hand(plan) if is_under_review else WorkByHand()
    heard = audience.hearing(plan, totals["channels"], now=timezone.now())
    left_out = audience.left_out_of(plan, heard)
    context = {
        "days": days,
        "board": board_of(days, comments, cautions),
        "has_yet_to_start": campaign.status == Campaign.Status.DRAFT,
        "totals": totals,
        "reached": heard.reached,
        "is_by_rules": plan.model_name == RulesModel.name,
        "understood": _understood(plan),
        "besides_goal": plan.excluded.get(audience.NOT_IN_GOAL, 0),
        "left_out": [{"label": why, "value": f"{count:,}"} for why, count in left_out.items() if count],
        "by_hand": by_hand.pieces,
        "anew_text": _anew_text(by_hand),
        "anew_form": _anew_form(plan, by_hand),
        "approve_text": _approve_text(days, totals, heard.reached, sum(comments.values()), expected),
        "cautions": sum(len(found) for found in cautions.values()),
        "is_own_work": is_own_work(plan, request.user),
    }
    if not is_under_review:
        return context
    return context | {
        "failed_since": queries.failed_since(plan),
        "buyers_of_goal": buyers_of_goal(plan),
        "will_show": _will_show(plan, days, rules),
        "log": change_log(plan),
        "look_at": _to_look_at(plan, days),
        "two_people": why_two_people(plan),
    }


def _making(plan: Plan | None) -> dict[str, Any]:
    is_planning = plan is not None and plan.status in Plan.WORKING
    return {
        "plan_steps": ["Rank members", "Write the week", "Check it"],
        "plan_step": PLAN_PHASES.get(plan.status, 1) if plan else 1,
        "thinking": thinking_of(plan, now=timezone.now()) if plan and is_planning else None,
        "approve_text": "",
        "anew_text": _anew_text(WorkByHand()),
        "anew_form": AnewForm(initial={"losing": 0}),
        "by_hand": 0,
    }


def _will_show(plan: Plan, days: Sequence[Day], rules: CampaignPolicy) -> str:
    """What its holdout will be able to tell."""
    groups = [view.step.group for day in days for view in day.steps if view.step.removed_at is None]
    if not groups:
        return ""
    planned = planned_comparison(plan, groups, counted_days=rules.result_days, now=timezone.now())
    return sayings.planned_holdout(planned)


def _to_look_at(plan: Plan, days: Sequence[Day]) -> list[Check]:
    """Before the week is approved: what its messages lack, and languages of its templates behind another."""
    live = [view.step for day in days for view in day.steps if view.step.removed_at is None]
    checks = ((template, told_drift(drift)) for template, drift in drifts_worn_in(plan))
    found = [replace(check, title=f"{template.name}: {check.title}") for template, check in checks]
    read = plan.facts.get("understood")
    texts = [f"{step.subject}\n{step.body}\n{step.offer_said}" for step in live]
    if live and read and (unspoken := goals.unspoken(read, texts)):
        named = get_text_list([category.lower() for category in unspoken], "or")
        found.append(Check(State.LOOK, f"No message speaks of {named}", UNSPOKEN))
    if any(step.channel == Consent.Channel.EMAIL for step in live) and not brand().address:
        found.append(Check(State.LOOK, "The emails name no postal address", NO_ADDRESS))
    return found


def _understood(plan: Plan) -> str:
    """What the built-in rules read in the goal; a language model reads all of it."""
    read = plan.facts.get("understood")
    is_by_rules = plan.model_name == RulesModel.name
    asked = "the goal and of what should be different" if plan.note else "the goal"
    return goals.told(read, dict(Score.Group.choices), asked=asked) if read and is_by_rules else ""


def _aside_text(plan: Plan) -> str:
    """What other answers would cost people."""
    by_hand = work_by_hand(plan)
    lost = f" With it would go what people did in it: {by_hand}." if by_hand.pieces else ""
    return f"Another goal, other days, segments, or limits put it aside.{lost} Another name does not."


def _anew_text(by_hand: WorkByHand) -> str:
    """What a new plan in place of this one would cost people."""
    lost = f": {by_hand} would be lost" if by_hand.pieces else ""
    return f"A new week takes the place of this one{lost}. This cannot be undone."


def _anew_form(plan: Plan, by_hand: WorkByHand) -> AnewForm:
    """What was wished of a try that came to nothing is not lost."""
    tried = plan.replaced_by.note if plan.replaced_by else ""
    return AnewForm(initial={"note": tried, "losing": by_hand.pieces})


def _can_cost(campaign: Campaign, days: Sequence[Day]) -> str:
    """`If everybody takes them up, the offers cost $273.00 of the budget of $500.00.`"""
    currency, live = brand().currency, [view for day in days for view in day.steps if view.step.removed_at is None]
    most = sum((view.cost for view in live), Decimal(0))
    if live and not any(view.step.offer_id for view in live):
        return "No step makes an offer."
    if not most:
        return "Its offers cost nothing."
    budget = "" if campaign.budget is None else f" of the budget of {money(campaign.budget, currency)}"
    return f"If everybody takes them up, the offers cost {money(most, currency)}{budget}."


def _approve_text(
    days: Sequence[Day], totals: Mapping[str, Any], reached: int, comments: int, expected: Estimate | None
) -> str:
    """What becomes of the week, in figures, and what people have said of it that nobody settled."""
    messages, steps = totals["messages"], totals["steps"]
    first = next((day.date for day in days if day.count_text), None)
    begins = f", the first on {date_format(first, 'l, F j')}" if first else ""
    said = f" {comments} comment{pluralize(comments)} {pluralize(comments, 'is,are')} still open." if comments else ""
    if late := sum(view.has_passed for day in days for view in day.steps):
        leaves = pluralize(late, "it leaves,they leave")
        said = f" The time of {late} step{pluralize(late)} has passed: {leaves} at once then.{said}"
    if expected and expected.costs_more:
        said = f" {expected.said_of_costs}{said}"
    return (
        f"{messages:,} message{pluralize(messages)} in {steps} step{pluralize(steps)} to {reached:,}"
        f" member{pluralize(reached)} are made ready{begins}. They leave once you start the campaign."
        f" {totals['can_cost']}{said}"
    )


def _start_text(rules: CampaignPolicy) -> str:
    held = "" if rules.is_always_open else f" and it is {rules.hours} where its member shops"
    return f"A message leaves once its hour has come{held}. You can pause at any moment."


@require_POST
@needs("campaigns.change_campaign")
def repeat_end(request: HttpRequest, public_id: UUID) -> HttpResponse:
    repeating.set_repeat(campaign=get_object_or_404(Campaign, public_id=public_id), weekday=None)
    messages.success(request, "No more weeks are drafted by this campaign.")
    return redirect("campaigns:campaign", public_id)


@require_GET
@needs("campaigns.view_campaign")
def campaign_stream(request: HttpRequest, public_id: UUID) -> StreamingHttpResponse:
    campaign = get_object_or_404(Campaign, public_id=public_id)
    return stream(f"campaign:{campaign.public_id}")


@require_GET
@needs("campaigns.view_campaign")
def campaign_orders(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The orders behind the attributed revenue."""
    campaign = get_object_or_404(Campaign, public_id=public_id)
    orders = results.orders_of(campaign)
    if request.GET.get("format") == "csv":
        told = {"buyers of campaign": str(public_id)}
        note_export(by=request.user, filters=told, is_masked=False, now=timezone.now())  # type: ignore[arg-type]
        return orders_csv(f"orders-{campaign.public_id}.csv", orders)
    context = {
        "campaign": campaign,
        "orders": Paginator(orders, SHOWN).get_page(request.GET.get("page")),
        "results": results.results_of(campaign),
    }
    return page(request, "campaigns/orders.html", context, partials=("orders",))


@require_POST
@needs("campaigns.run_campaign")
def campaign_move(request: HttpRequest, public_id: UUID, verb: str) -> HttpResponse:
    campaign, now = get_object_or_404(Campaign, public_id=public_id), timezone.now()
    match verb:
        case "start":
            actions.start_campaign(campaign=campaign, by=request.user, now=now)
            said = "Started. Messages go out when their hour has come."
        case "pause":
            actions.pause_campaign(campaign=campaign, by=request.user, now=now)
            said = "Paused. Nothing more leaves until you resume."
        case "resume":
            actions.resume_campaign(campaign=campaign, by=request.user, now=now)
            said = "Resumed."
        case _:
            cancelled = actions.cancel_campaign(campaign=campaign, by=request.user, now=now)
            said = f"Cancelled. {cancelled} messages will not be sent."
    messages.success(request, said)
    return redirect("campaigns:campaign", public_id)


@require_POST
@needs("campaigns.run_campaign")
def notice_read(request: HttpRequest, public_id: UUID, pk: int) -> HttpResponse:
    """Only its own reader puts a notice away."""
    notice = get_object_or_404(queries.unread_notices(request.user), pk=pk, campaign__public_id=public_id)
    notices.mark_read(notice=notice, now=timezone.now())
    return redirect("campaigns:campaign", public_id)
