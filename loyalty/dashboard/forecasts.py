"""The model card: what was fitted on what, how well it foretells, and the versions to choose from."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from config.shared.access import needs
from config.shared.htmx import page
from config.shared.live import stream
from loyalty.actions import forecasting
from loyalty.models import Forecast, ForecastVersion, Member, Score
from loyalty.queries import forecasts as queries

SHOWN = 15
VIEW = needs("loyalty.view_forecastversion", "loyalty.view_forecast")
REFIT, CHANGE = needs("loyalty.add_forecastrun"), needs("loyalty.change_forecastversion")
PERIODS = (30, 90)
MEANINGS = {
    "r": "how alike members are in how often they come: the larger, the more alike",
    "alpha": "with r, how often they come: alpha / r days lie between two purchases of an average member",
    "a": "with b, how many leave: a / (a + b) of the members after each purchase",
    "b": "the smaller a and b, the less alike members are in this",
    "p": "how alike the values of one member's purchases are: the larger, the more alike",
    "q": "how alike members are in what they spend: the larger, the more alike",
    "gamma": "with p and q, what a purchase is worth: p · gamma / (q - 1)",
}
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@require_GET
@VIEW
def forecast_page(request: HttpRequest) -> HttpResponse:
    return _card(request, queries.version_in_use())


@require_GET
@VIEW
def forecast_version(request: HttpRequest, pk: int) -> HttpResponse:
    return _card(request, get_object_or_404(ForecastVersion.objects.select_related("pinned_by"), pk=pk))


@require_GET
@VIEW
def forecast_stream(request: HttpRequest) -> StreamingHttpResponse:
    return stream(forecasting.TOPIC)


@require_POST
@REFIT
def forecast_refit(request: HttpRequest) -> HttpResponse:
    forecasting.request_refit(by=request.user, now=timezone.now())
    return redirect("loyalty:forecasts")


@require_POST
@CHANGE
def forecast_use(request: HttpRequest, pk: int) -> HttpResponse:
    version = get_object_or_404(ForecastVersion, pk=pk)
    forecasting.use_version(version=version, by=request.user, now=timezone.now())
    messages.success(request, f"Everybody is forecast again with version {pk}. It stays until you let newer ones in.")
    return redirect("loyalty:forecasts")


@require_POST
@CHANGE
def forecast_unpin(request: HttpRequest) -> HttpResponse:
    forecasting.let_refits_take_over(by=request.user)
    messages.success(request, "From tonight on a new version takes over again, unless it is clearly worse.")
    return redirect("loyalty:forecasts")


@require_GET
@needs("loyalty.view_member", "loyalty.view_forecast")
def member_forecast(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """A fragment of the member's page."""
    member = get_object_or_404(Member, public_id=public_id)
    forecast = queries.forecast_of(member)
    context = {
        "member": member,
        "forecast": forecast,
        "version": queries.version_in_use(),
        "weekday": _weekday(forecast),
        "alive": _alive(forecast),
    }
    return page(request, "loyalty/member_forecast.html", context)


@require_GET
@needs("loyalty.view_score", "loyalty.view_groupmove")
def group_moves(request: HttpRequest) -> HttpResponse:
    """Who went from which score group to which: a fragment of the Loyalty page."""
    asked = request.GET.get("days", "")
    days = int(asked) if asked in {str(period) for period in PERIODS} else PERIODS[0]
    movement = queries.movement(days=days, now=timezone.now())
    tabs = [
        {"label": f"{period} days", "url": f"{request.path}?days={period}", "is_active": period == days}
        for period in PERIODS
    ]
    context = {"movement": movement, "tabs": tabs, "chart": _movement_chart(movement), "shown": movement.moves[:8]}
    return page(request, "loyalty/group_moves.html", context)


def _card(request: HttpRequest, version: ForecastVersion | None) -> HttpResponse:
    run, last = queries.open_run(), queries.last_run()
    context = {
        "version": version,
        "extent": queries.extent(now=timezone.now()),
        "run": run,
        "failed": last if last and last.error and not run else None,
        "versions": Paginator(queries.versions(), SHOWN).get_page(request.GET.get("page")),
        "may_refit": request.user.has_perm("loyalty.add_forecastrun"),
        "may_choose": request.user.has_perm("loyalty.change_forecastversion"),
        **(_shown(version) if version else {}),
    }
    return page(request, "loyalty/forecasts.html", context, partials=("standing",))


def _shown(version: ForecastVersion) -> dict[str, Any]:
    held = version.holdout
    drift = queries.drift_since(version, now=timezone.now())
    return {
        "version_number": str(version.pk),
        "holdout_hint": f"of the last {held['days']} days, which it had not seen",
        "parameters": _parameters(version),
        "calibration": _calibration_chart(version),
        "calibration_words": (
            f"{held['members']:,} members as they stood {held['days']} days before, from the least likely to come "
            "back to the most. The closer the lines, the better."
        ),
        "bands": _bands(version),
        "bands_words": (
            f"Members were put into bands as they stood {held['days']} days before it was made. "
            "How many of each band then came back?"
        ),
        "judged": (judged := queries.judged_of(version)),
        "not_judged": _not_judged(judged, version),
        "drift": drift,
        "drift_words": _drift_words(drift),
        "drift_chart": _drift_chart(drift) if drift else None,
    }


def _parameters(version: ForecastVersion) -> list[tuple[str, float, str]]:
    known = version.parameters | (version.value_parameters or {})
    return [(name, known[name], meaning) for name, meaning in MEANINGS.items() if name in known]


def _bands(version: ForecastVersion) -> list[dict[str, Any]]:
    cuts, labels = version.trained["cuts"], dict(Forecast.ChurnRisk.choices)
    low, high = (f"{min(cuts[name], 1):.0%}" for name in ("low", "high"))
    chances = {"low": f"from {low}", "medium": f"{high} to {low}", "high": f"below {high}"}
    if cuts["low"] > 1:
        chances |= {"low": "none", "medium": f"from {high}"}
    return [
        band | {"label": labels[band["risk"]], "chance": chances[band["risk"]]} for band in version.holdout["bands"]
    ]


def _not_judged(judged: queries.Judged, version: ForecastVersion) -> list[tuple[str, int]]:
    """Why somebody is in no band, with how many they are."""
    days = version.holdout["days"]
    reasons = (
        ("Set where the bands lie, and so cannot judge them: every second member", judged.laid),
        (f"First bought in those {days} days", judged.new),
        ("Not drawn by lot for the test", judged.not_drawn),
        (f"Had bought nothing by {version.as_of:%b %-d, %Y}", judged.without),
    )
    return [(reason, members) for reason, members in reasons if members]


def _drift_words(drift: queries.Drift | None) -> str:
    if drift is None or drift.error is None:
        return ""
    many = "more" if drift.error > 0 else "fewer"
    return (
        f"Version {drift.version.pk}, made from orders up to {drift.version.as_of:%b %-d, %Y}, expected "
        f"{drift.expected:,.0f} orders of the members it knew; {drift.actual:,} came. "
        f"It expected {abs(drift.error):.0%} {many}."
    )


def _calibration_chart(version: ForecastVersion) -> dict[str, Any]:
    bins = version.holdout["bins"]
    return {
        "id": "calibration",
        "title": "Foretold to come back, and came back",
        "kind": "line",
        "labels": [f"{each['foretold']:.0%}" for each in bins],
        "series": [
            {"name": "Came back", "values": [round(each["happened"], 4) for each in bins]},
            {"name": "Foretold", "values": [round(each["foretold"], 4) for each in bins]},
        ],
        "format": "percent",
        "axis": "Foretold",
        "empty": "No member had bought before the days of the test began.",
    }


def _drift_chart(drift: queries.Drift) -> dict[str, Any]:
    return {
        "id": "drift",
        "title": "Orders week by week",
        "kind": "line",
        "labels": [f"{week.first_day:%b %-d}" for week in drift.weeks],
        "series": [
            {"name": "Came", "values": [week.actual for week in drift.weeks]},
            {"name": "Expected", "values": [round(week.expected, 1) for week in drift.weeks]},
        ],
        "axis": "Week from",
        "empty": "The first week is not over yet.",
    }


def _movement_chart(movement: queries.Movement) -> dict[str, Any]:
    """Rows are where members came from. An empty cell is nobody."""
    members = {(move.from_group, move.to_group): move.members for move in movement.moves}
    groups = [group for group in Score.Group.values if any(group in pair for pair in members)]
    labels = dict(Score.Group.choices)
    return {
        "id": "group-moves-chart",
        "title": "Moves between groups",
        "kind": "heatmap",
        "labels": [labels[group] for group in groups],
        "series": [{"name": labels[one], "values": [members.get((one, other)) for other in groups]} for one in groups],
        "axis": "To",
        "size": "lg",
        "empty": "Nobody has gone from one group to another.",
    }


def _weekday(forecast: Forecast | None) -> str:
    return WEEKDAYS[forecast.best_weekday] if forecast and forecast.best_weekday is not None else ""


def _alive(forecast: Forecast | None) -> str:
    """The chance to be a customer still, in words."""
    if forecast is None:
        return ""
    words = ((0.9, "Almost surely"), (0.7, "Very likely"), (0.4, "Perhaps"), (0.15, "Hardly"))
    return next((word for least, word in words if forecast.p_alive >= least), "Almost surely gone")
