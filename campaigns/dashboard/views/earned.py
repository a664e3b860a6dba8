"""What a campaign earned, told three ways from one query: the page, its CSV, and below it what each figure means."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.dateformat import format as format_date
from django.views.decorators.http import require_GET

from campaigns.dashboard.comparing import cells_of, columns, exactly, interval_chart, labelled, said_of, waits_for
from campaigns.models import Campaign
from campaigns.queries.campaigns import current_plan
from campaigns.queries.estimates import expected_of
from campaigns.queries.lift import Lift, lift_of
from campaigns.queries.policy import policy
from config.shared.access import needs
from config.shared.exports import csv_response
from config.shared.htmx import page
from loyalty.queries.brand import brand


@require_GET
@needs("campaigns.view_campaign")
def campaign_earned(request: HttpRequest, public_id: UUID) -> HttpResponse:
    campaign = get_object_or_404(Campaign, public_id=public_id)
    lift, currency = lift_of(campaign, now=timezone.now()), brand().currency
    if request.GET.get("format") == "csv":
        return csv_response(f"earned-{campaign.public_id}.csv", columns("held out"), _figures(lift, currency))
    rules = policy()
    plan = current_plan(campaign)
    expected = expected_of(plan, now=timezone.now()) if plan else None
    context = {
        "campaign": campaign,
        "lift": lift,
        "expected": expected.week if expected else None,
        "currency": currency,
        "rules": rules,
        "waits": waits_for(lift),
        "said": said_of(lift, currency),
        "chart": interval_chart("earned", "Against those held out", labelled(lift.effects)),
        "rows": [(label, cells_of(effect, currency)) for label, effect in labelled(lift.effects)],
        "counted": _counted(lift, rules.result_days),
        "margin_text": _margin_text(rules.gross_margin_percent),
        "may_change": request.user.has_perm("campaigns.change_campaignpolicy"),
    }
    return page(request, "campaigns/earned.html", context)


def _figures(lift: Lift, currency: str) -> Iterator[list[Any]]:
    return (exactly(effect, currency) for effect in lift.effects)


def _counted(lift: Lift, days: int) -> list[dict[str, Any]]:
    if lift.window is None:
        return []
    opens, closes = (timezone.localtime(at) for at in (lift.window.opens, lift.window.closes))
    return [
        {"label": "Meant for", "value": f"{lift.treated.members:,} members, whether or not a message reached them"},
        {"label": "Held out", "value": f"{lift.held_out.members:,} members, drawn by lot"},
        {"label": "From", "value": format_date(opens, "M j, Y, g:i a")},
        {"label": "Until", "value": f"{format_date(closes, 'M j, Y, g:i a')}, {days} days after the last message"},
    ]


def _margin_text(percent: Decimal | None) -> str:
    if percent is None:
        return "Margin is not shown: nobody has said what share of your revenue it is."
    return f"Margin is {percent.normalize():f}% of revenue, before what offers and messages cost."
