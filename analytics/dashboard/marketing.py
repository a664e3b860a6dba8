"""What marketing earned: each campaign against those held out of it, and all of it against those who get none."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from campaigns.dashboard.comparing import cells_of, interval_chart
from campaigns.queries.campaigns import begun
from campaigns.queries.global_holdout import Month, months_of_holdout
from campaigns.queries.lift import Lift, lifts_of
from campaigns.queries.policy import policy
from campaigns.rules.effects import FIGURES, LESS, MORE, OPEN, ORDERS, TOO_FEW, UNCLEAR, Effect
from config.shared.access import needs
from config.shared.exports import csv_response
from config.shared.htmx import page
from loyalty.queries.brand import brand

SHOWN = 20
VERDICTS = {
    MORE: ("More", "success"),
    LESS: ("Fewer", "danger"),
    UNCLEAR: ("Could be chance", "neutral"),
    OPEN: ("Still counting", "info"),
    TOO_FEW: ("Not enough data", "neutral"),
}


@require_GET
@needs("campaigns.view_campaign")
def marketing(request: HttpRequest) -> HttpResponse:
    now, currency = timezone.now(), brand().currency
    match request.GET.get("format"):
        case "csv":
            return csv_response("earned.csv", ("campaign", "name", *FIGURES), _rows(lifts_of(begun(), now=now)))
        case "holdout-csv":
            return csv_response("holdout.csv", ("month", *FIGURES), _month_rows(months_of_holdout(now=now)))
    campaigns = Paginator(begun(), SHOWN).get_page(request.GET.get("page"))
    lifts, months = lifts_of(campaigns, now=now), months_of_holdout(now=now)
    orders = [(lift, lift.effect(ORDERS)) for lift in lifts]
    of_months = [(month, month.effect(ORDERS)) for month in months]
    context = {
        "page": campaigns,
        "lifts": [(lift, effect, *_verdict(effect)) for lift, effect in orders],
        "said": _said([effect for _, effect in orders if effect]),
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


def _verdict(effect: Effect | None) -> tuple[str, str]:
    return VERDICTS[effect.verdict] if effect else ("Nobody held out", "neutral")


def _said(effects: Sequence[Effect]) -> str:
    """One sentence about the campaigns on this page."""
    if not effects:
        return "No campaign here held anybody out, so nobody can tell what they brought."
    closed = [effect for effect in effects if effect.verdict in (MORE, LESS, UNCLEAR)]
    if not closed:
        return "No campaign here has enough data or a closed window yet."
    certain = [effect for effect in closed if effect.verdict == MORE]
    brought = sum(effect.total.value for effect in closed)
    more = "more" if brought >= 0 else "fewer"
    return (
        f"Of {len(closed)} campaign{'' if len(closed) == 1 else 's'} with a result, {len(certain)} certainly brought "
        f"more orders; all of them together about {abs(round(brought)):,} {more} than without them."
    )


def _said_of_months(effects: Sequence[Effect]) -> str:
    closed = [effect for effect in effects if effect.verdict in (MORE, LESS, UNCLEAR)]
    if not closed:
        return "No whole month has enough data yet."
    certain = sum(effect.verdict == MORE for effect in closed)
    months = f"{len(closed)} whole month{'' if len(closed) == 1 else 's'}"
    if not certain:
        return f"In {months} with enough data, no difference that chance alone would not make."
    return f"In {certain} of {months} members who may get marketing certainly ordered more."


def _rows(lifts: Sequence[Lift]) -> Iterator[list[Any]]:
    for lift in lifts:
        for effect in lift.effects:
            yield [str(lift.campaign.public_id), lift.campaign.name, *effect.figures.values()]


def _month_rows(months: Sequence[Month]) -> Iterator[list[Any]]:
    for month in months:
        for effect in month.effects:
            yield [month.first, *effect.figures.values()]
