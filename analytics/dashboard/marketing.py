"""What marketing earned: each campaign against those held out of it, and all of it against those who get none."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from campaigns.dashboard.comparing import cells_of, columns, exactly, interval_chart, waits_for
from campaigns.models import Campaign
from campaigns.queries.campaigns import begun
from campaigns.queries.global_holdout import Month, months_of_holdout
from campaigns.queries.lift import Lift, lifts_of
from campaigns.queries.policy import policy
from campaigns.rules import sayings
from campaigns.rules.effects import LESS, MORE, OPEN, ORDERS, UNCLEAR, Effect, orders_together
from config.shared.access import needs
from config.shared.exports import csv_response
from config.shared.htmx import page
from loyalty.queries.brand import brand

SHOWN = 20
COLUMNS = columns("held out")
CLOSED = (MORE, LESS, UNCLEAR)
TONES = {MORE: "success", LESS: "danger", OPEN: "info"}


@require_GET
@needs("campaigns.view_campaign")
def marketing(request: HttpRequest) -> HttpResponse:
    now, currency = timezone.now(), brand().currency
    match request.GET.get("format"):
        case "csv":
            return csv_response(
                "earned.csv",
                ("Campaign", *COLUMNS, "Number of the campaign"),
                _rows(lifts_of(begun(), now=now), currency),
            )
        case "holdout-csv":
            return csv_response("holdout.csv", ("Month", *COLUMNS), _month_rows(months_of_holdout(now=now), currency))
    campaigns = Paginator(begun(), SHOWN).get_page(request.GET.get("page"))
    lifts, months = lifts_of(campaigns, now=now), months_of_holdout(now=now)
    orders = [(lift, lift.effect(ORDERS)) for lift in lifts]
    of_months = [(month, month.effect(ORDERS)) for month in months]
    context = {
        "page": campaigns,
        "lifts": [(lift, effect, *_verdict(lift, effect), waits_for(lift)) for lift, effect in orders],
        "said": _said(lifts),
        "results": sum(effect is not None and effect.verdict in CLOSED for _, effect in orders),
        "chart": interval_chart("campaigns", "More orders", _named((lift.campaign.name, e) for lift, e in orders)),
        "holdout_percent": policy().holdout_percent,
        "months": [(f"{month.first:%B %Y}", cells_of(e, currency)) for month, e in of_months if e],
        "months_said": _said_of_months([effect for _, effect in of_months if effect]),
        "months_chart": interval_chart("months", "More orders", _named((f"{m.first:%b %Y}", e) for m, e in of_months)),
        "may_change": request.user.has_perm("campaigns.change_campaignpolicy"),
    }
    return page(request, "analytics/marketing.html", context, partials=("campaigns",))


def _named(rows: Iterator[tuple[str, Effect | None]]) -> list[tuple[str, Effect]]:
    return [(name, effect) for name, effect in rows if effect]


def _verdict(lift: Lift, effect: Effect | None) -> tuple[str, str]:
    if effect:
        return sayings.VERDICTS[effect.verdict], TONES.get(effect.verdict, "neutral")
    if not lift.campaign.holdout_percent:
        return "Nobody held out", "neutral"
    return ("Nothing to compare", "neutral") if _is_over(lift) else ("Not begun", "info")


def _is_over(lift: Lift) -> bool:
    return lift.has_begun or lift.campaign.status == Campaign.Status.CANCELLED


def _said(lifts: Sequence[Lift]) -> str:
    """One sentence about the campaigns on this page, the latest first."""
    compared = [(lift, effect) for lift in lifts if (effect := lift.effect(ORDERS))]
    if not compared:
        return _said_of_none(lifts)
    closed = [(lift, effect) for lift, effect in compared if effect.verdict in CLOSED]
    if not closed:
        return "No campaign here has a result yet: each is still counting, or has too few orders to tell."
    certain = sum(effect.verdict == MORE for _, effect in closed)
    if len(closed) == 1:
        brought, many = closed[0][1].total, "1 campaign"
    else:
        brought = orders_together([(lift.treated, lift.held_out) for lift, _ in reversed(closed)])
        many = f"{len(closed)} campaigns"
    return f"Of {many} with a result, {certain} certainly brought more orders; in all {sayings.orders_in_all(brought)}."


def _said_of_none(lifts: Sequence[Lift]) -> str:
    waiting = [lift for lift in lifts if lift.campaign.holdout_percent and not _is_over(lift)]
    match waiting:
        case []:
            return "No campaign here has members held out to compare with, so nobody can tell what they brought."
        case [lift]:
            return f"{lift.campaign.name} has not begun. {waits_for(lift)}"
    return f"{len(waiting)} campaigns that hold members out have not begun: counting begins with the first message."


def _said_of_months(effects: Sequence[Effect]) -> str:
    closed = [effect for effect in effects if effect.verdict in CLOSED]
    if not closed:
        return "No whole month has enough data yet."
    certain = sum(effect.verdict == MORE for effect in closed)
    months = f"{len(closed)} whole month{'' if len(closed) == 1 else 's'}"
    if not certain:
        return f"In {months} with enough data, no difference that chance alone would not make."
    return f"In {certain} of {months} members who may get marketing certainly ordered more."


def _rows(lifts: Sequence[Lift], currency: str) -> Iterator[list[Any]]:
    for lift in lifts:
        for effect in lift.effects:
            yield [lift.campaign.name, *exactly(effect, currency), lift.campaign.public_id]
        if not lift.effects:
            told: dict[str, Any] = {"Result": _verdict(lift, None)[0]}
            if lift.has_begun:
                told |= {"Members": lift.treated.members, "Members held out": lift.held_out.members}
            yield [lift.campaign.name, *map(told.get, COLUMNS), lift.campaign.public_id]


def _month_rows(months: Sequence[Month], currency: str) -> Iterator[list[Any]]:
    for month in months:
        for effect in month.effects:
            yield [f"{month.first:%B %Y}", *exactly(effect, currency)]
