"""What approving a step would mean: when its messages leave, and what its texts cost. Fragments of other pages."""

from datetime import time
from decimal import Decimal
from typing import Any
from uuid import UUID

from babel.numbers import format_currency
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.dateformat import time_format
from django.views.decorators.http import require_GET

from campaigns.dashboard.previews import letters_of, wording_of
from campaigns.models import Plan, PlanStep
from campaigns.rules.hours import on_the_clock
from campaigns.rules.wording import WordingFault
from campaigns.sending import due, prices, recipients
from campaigns.writing.press import CannotPress
from config.shared.access import needs
from config.shared.htmx import page
from config.shared.tags import LOCALE
from loyalty.models import Consent
from loyalty.queries.brand import brand

Timing = PlanStep.Timing


@require_GET
@needs("campaigns.view_plan")
def step_hours(request: HttpRequest, step_id: UUID) -> HttpResponse:
    """How many members get it at which hour of their own day, and why."""
    step, now = _step(step_id), timezone.now()
    leaving = due.departures_of(step, recipients.audience_of(step, now=now), now=now)
    context = {"chart": _chart(leaving), "leaving": leaving, "said": _said_of_hours(step, leaving)}
    return page(request, "campaigns/step_hours.html", context)


@require_GET
@needs("campaigns.view_plan")
def step_price(request: HttpRequest, step_id: UUID) -> HttpResponse:
    """Segments and money of a step by SMS, or of the wording that `variant` names if everybody got it."""
    step = _step(step_id)
    letter = wording_of(request, step)
    context: dict[str, Any] = {"step": step, "letter": letter, "is_sms": step.channel == Consent.Channel.SMS}
    context["is_tried"] = len(letters_of(step)) > 1
    if context["is_sms"]:
        try:
            price = prices.price_of(step, variant=letter, now=timezone.now())
        except (CannotPress, WordingFault) as fault:
            context["fault"] = str(fault)
        else:
            context |= {"price": price, "said": _said_of_price(price), "warnings": _warnings(price)}
    return page(request, "campaigns/step_price.html", context)


@require_GET
@needs("campaigns.view_plan")
def plan_price(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """What all texts of a week cost together."""
    plan = get_object_or_404(Plan, public_id=plan_id)
    found = prices.prices_of(plan, now=timezone.now())
    segments = sum(price.segments for price in found)
    costs = [price.cost for price in found if price.cost is not None]
    context = {
        "texts": sum(price.members for price in found),
        "segments": segments,
        "cost": sum(costs, Decimal(0)) if costs else None,
        "currency": brand().currency,
    }
    return page(request, "campaigns/plan_price.html", context)


def _step(step_id: UUID) -> PlanStep:
    return get_object_or_404(PlanStep.objects.select_related("plan__campaign", "offer"), public_id=step_id)


def _chart(leaving: due.Departures) -> dict[str, Any]:
    hours = [hour for hour, messages in enumerate(leaving.by_hour) if messages]
    shown = range(min(hours), max(hours) + 1) if hours else range(0)
    return {
        "id": "step-hours-chart",
        "title": "Messages by hour of the member's own day",
        "kind": "bar",
        "labels": [on_the_clock(hour) for hour in shown],
        "series": [{"name": "Messages", "values": [leaving.by_hour[hour] for hour in shown]}],
        "format": "number",
        "size": "sm",
        "axis": "Hour",
        "empty": "Nobody gets this step.",
    }


def _said_of_hours(step: PlanStep, leaving: due.Departures) -> str:
    clock = time_format(step.send_at, "g:i a")
    if step.sent_now_at:
        return "Sent ahead of its time, so all at one moment; here by the members' own clocks."
    match step.timing:
        case Timing.BUSINESS:
            return f"All at one moment, {clock} by the clock of the business; here by the members' own clocks."
        case Timing.LOCAL:
            is_before = step.send_at == time(max(step.evidence["usual_hour"] - 1, 0))
            why = ", an hour before the one at which these members shop most" if is_before else ""
            return f"At {clock} by each member's own clock{why}."
    others = leaving.messages - leaving.by_own_habit - leaving.by_store_habit
    parts = [
        f"{leaving.by_own_habit:,} at the hour they usually open, click or buy",
        f"{leaving.by_store_habit:,} at the hour most members of their store do",
        f"{others:,} at {clock}, since no hour is known of them yet",
    ]
    counts = (leaving.by_own_habit, leaving.by_store_habit, others)
    return "; ".join(part for part, count in zip(parts, counts, strict=True) if count) + "."


def _said_of_price(price: prices.TextPrice) -> str:
    """`312 members × 1.04 segments = 325 segments, about $2.60 at $0.0079`"""
    counted = (
        f"{price.members:,} member{'' if price.members == 1 else 's'} × {price.per_member.normalize():f} segments"
        f" = {price.segments:,} segment{'' if price.segments == 1 else 's'}"
    )
    if price.cost is None or price.price is None:
        return f"{counted}."
    currency = brand().currency
    each = format_currency(price.price, currency, locale=LOCALE, currency_digits=False, decimal_quantization=False)
    return f"{counted}, about {format_currency(price.cost, currency, locale=LOCALE)} at {each} each."


def _warnings(price: prices.TextPrice) -> list[str]:
    told = []
    if price.foreign:
        told.append(
            f"{_quoted(price.foreign)} in the text {'is' if len(price.foreign) == 1 else 'are'} not in the alphabet of"
            " texts (GSM-7): a segment holds 70 characters instead of 160. Write it another way to pay less."
        )
    if price.foreign_in_some:
        told.append(
            f"For some members {_quoted(price.foreign_in_some)} in what is filled in makes the text dearer; that is"
            " counted."
        )
    return told


def _quoted(characters: str) -> str:
    return ", ".join(f"“{character}”" for character in characters[:8])
