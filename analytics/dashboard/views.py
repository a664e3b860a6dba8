from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from analytics import charts
from analytics.dashboard import orders
from analytics.queries import attention, sales
from campaigns.models import Campaign
from campaigns.queries import results
from config.shared.access import needs
from config.shared.exports import csv_response
from config.shared.htmx import page
from loyalty.models import Member
from loyalty.queries.brand import brand
from tracking.queries import scope

PERIODS = {7: "7 days", 30: "30 days", 90: "90 days", 365: "a year"}
DEFAULT_DAYS = 30
# Campaigns on the first page: those that run, then those that are paused.
SHOWN = 5


@require_GET
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """The shop this month at a glance: each number leads to its rows. A partner's people begin with what they send."""
    if scope.partner_of(request.user):
        return redirect("tracking:partners")
    period = sales.period_of(DEFAULT_DAYS, now=timezone.now())
    current, before, currency = sales.sales_in(period), sales.sales_in(period.before), brand().currency
    running = Campaign.objects.filter(status=Campaign.Status.RUNNING)
    paused = Campaign.objects.filter(status=Campaign.Status.PAUSED)
    paused_count = paused.count()
    context = {
        "sales": current,
        "orders_url": orders.url_of(period),
        "revenue_change": _change(current.revenue, before.revenue),
        "orders_change": _change(current.orders, before.orders),
        "members": Member.objects.count(),
        "joined_text": f"{sales.members_joined(period):,} joined in 30 days",
        "new_campaign_url": reverse("campaigns:campaign-new"),
        "under_way": results.with_results([*running[:SHOWN], *paused[:SHOWN]][:SHOWN]),
        "running_count": running.count(),
        "paused_count": paused_count,
        "paused_text": f"and {paused_count:,} paused" if paused_count else "",
        "concerns": attention.concerns_for(request.user),
        "revenue_chart": charts.revenue_chart(sales.revenue_by_day(period), currency),
    }
    return page(request, "analytics/home.html", context)


@require_GET
@needs("loyalty.view_order")
def analytics(request: HttpRequest) -> HttpResponse:
    days = _days(request)
    period = sales.period_of(days, now=timezone.now())
    by_day, currency = sales.revenue_by_day(period), brand().currency
    sold = (f"Revenue ({currency})", "Orders")
    match request.GET.get("format"):
        case "csv":
            return csv_response(f"revenue-{period.first}-{period.last}.csv", ("Day", *sold), by_day)
        case "categories-csv":
            rows = sales.revenue_by_category(period)
            return csv_response(f"categories-{period.first}-{period.last}.csv", ("Category", *sold), rows)
    current, before = sales.sales_in(period), sales.sales_in(period.before)
    context = {
        "days": days,
        "categories_csv": f"?days={days}&format=categories-csv",
        "period": period,
        "tabs": [
            {"label": text.capitalize(), "url": f"?days={number}", "is_active": number == days}
            for number, text in PERIODS.items()
        ],
        "sales": current,
        "orders_url": orders.url_of(period),
        "before": before,
        "changes": {
            "revenue": _change(current.revenue, before.revenue),
            "orders": _change(current.orders, before.orders),
            "buyers": _change(current.buyers, before.buyers),
        },
        "charts": {
            "revenue": charts.revenue_chart(by_day, currency),
            "categories": charts.bars("categories", "Categories", sales.revenue_by_category(period), currency),
            "stores": charts.bars("stores", "Stores", sales.revenue_by_store(period), currency),
            "hours": charts.hours_chart(sales.orders_by_hour(period)),
        },
        "campaigns": results.with_results(Campaign.objects.exclude(status=Campaign.Status.DRAFT)[:10]),
    }
    return page(request, "analytics/analytics.html", context)


def _days(request: HttpRequest) -> int:
    asked = request.GET.get("days", "")
    return int(asked) if asked.isdigit() and int(asked) in PERIODS else DEFAULT_DAYS


def _change(now: Any, before: Any) -> dict[str, str] | None:
    """How much more or less than in the period before, in words; None without anything to compare with."""
    if not before:
        return None
    share = round((float(now) / float(before) - 1) * 100)
    return {"text": f"{share:+d}%", "tone": "success" if share >= 0 else "danger"}
