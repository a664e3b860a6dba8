"""Comparisons of arms that somebody else assigned: a file in, a report out, kept and listed."""

from collections.abc import Iterator, Sequence
from io import TextIOWrapper
from math import isfinite
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from campaigns.actions import arms as actions
from campaigns.dashboard.comparing import IN_PERCENT, chance, in_percent
from campaigns.forms import ArmsForm
from campaigns.models import ArmsReport
from campaigns.rules import arms, sayings
from config.shared import tags
from config.shared.access import needs
from config.shared.exports import csv_response
from config.shared.htmx import page
from loyalty.queries.brand import brand

SHOWN = 20
COLUMNS = (
    *("Outcome", "Arm", "Members", "More than zero, in percent", "Unit", "A member", "Difference", "At least"),
    *("At most", "p (Holm)", "Result"),
)


@require_http_methods(["GET", "POST"])
@needs("campaigns.view_armsreport")
def report_list(request: HttpRequest) -> HttpResponse:
    """All reports, and the form that makes one."""
    may_add = request.user.has_perm("campaigns.add_armsreport")
    if request.method == "POST" and not may_add:
        raise PermissionDenied
    form = ArmsForm(request.POST, request.FILES) if request.method == "POST" else ArmsForm()
    if form.is_bound and form.is_valid():
        answers = form.cleaned_data
        lines = TextIOWrapper(answers.pop("file"), encoding="utf-8-sig", newline="")
        try:
            made = actions.compare_arms(lines=lines, **answers, by=request.user, now=timezone.now())
        except actions.CannotCompare as refusal:
            form.add_error("file", str(refusal))
        else:
            return redirect("campaigns:arms-report", made.public_id)
    rows = Paginator(ArmsReport.objects.select_related("made_by"), SHOWN).get_page(request.GET.get("page"))
    context = {"form": form, "may_add": may_add, "reports": rows}
    return page(request, "campaigns/arms.html", context, partials=("reports",), status=422 if form.errors else 200)


@require_GET
@needs("campaigns.view_armsreport")
def report_page(request: HttpRequest, public_id: UUID) -> HttpResponse:
    row = get_object_or_404(ArmsReport.objects.select_related("made_by"), public_id=public_id)
    table, currency = arms.Table.of_json(row.table), brand().currency
    outcomes = arms.report(table, row.control)
    if request.GET.get("format") == "csv":
        return csv_response(f"arms-{row.public_id}.csv", COLUMNS, _rows(outcomes, currency))
    p = arms.chance_of(table, row.split)
    is_doubtful = p < arms.DOUBTFUL_SPLIT
    context = {
        "report": row,
        "headline": "" if is_doubtful else _headline(outcomes, currency),
        "outcomes": [_shown(number, outcome, currency) for number, outcome in enumerate(outcomes)],
        "is_doubtful": is_doubtful,
        "split_said": _split_said(table, is_doubtful),
        "split_chance": chance(p),
        "may_delete": request.user.has_perm("campaigns.delete_armsreport"),
    }
    return page(request, "campaigns/arms_report.html", context)


@require_POST
@needs("campaigns.delete_armsreport")
def report_delete(request: HttpRequest, public_id: UUID) -> HttpResponse:
    row = get_object_or_404(ArmsReport, public_id=public_id)
    actions.delete_report(row)
    messages.success(request, f"{row.name} is deleted.")
    return redirect("campaigns:arms")


def _rows(outcomes: list[arms.OutcomeReport], currency: str) -> Iterator[list[Any]]:
    """Unrounded. A single member has no spread: what has no bound for it is left empty."""
    for outcome in outcomes:
        unit = IN_PERCENT if outcome.is_share else currency if outcome.is_money else outcome.outcome
        for each in outcome.arms:
            d = each.difference
            bounds = [d.value, *(bound if isfinite(bound) else None for bound in (d.low, d.high))] if d else [None] * 3
            figures = [each.mean, *bounds]
            yield [
                outcome.outcome, each.arm, each.units, in_percent(each.rate), unit,
                *(map(in_percent, figures) if outcome.is_share else figures), d.p if d else None,
                sayings.VERDICTS.get(each.verdict),
            ]  # fmt: skip


def _headline(outcomes: Sequence[arms.OutcomeReport], currency: str) -> str:
    """Of the first outcome that is money, or else of the first: its largest difference that chance would not make."""
    outcome = next((each for each in outcomes if each.is_money), outcomes[0])
    clear = [each for each in outcome.others if each.is_clear and each.difference]
    if clear:
        best = max(clear, key=lambda each: abs(each.difference.value) if each.difference else 0.0)
        return sayings.said_of_arm(outcome, best, show=_show(outcome, currency))
    if any(each.is_told for each in outcome.others):
        return f"No arm differs from {outcome.control.arm} in {outcome.outcome} by more than chance would make."
    return f"There is not enough data yet to tell the arms apart in {outcome.outcome}."


def _shown(number: int, outcome: arms.OutcomeReport, currency: str) -> dict[str, Any]:
    """As campaigns/arms_report.html shows an outcome."""
    show = _show(outcome, currency)
    differ = _points if outcome.is_share else show
    return {
        "name": outcome.outcome,
        "said": [sayings.said_of_arm(outcome, each, show=show) for each in outcome.others],
        "chart": _chart(number, outcome, currency),
        "rows": [(each, show(each.mean), *_bounds(each, differ)) for each in outcome.arms],
        "details": [(each, *_exactly(each, differ)) for each in outcome.arms],
        "is_share": outcome.is_share,
    }


def _bounds(each: arms.ArmFigures, show: sayings.Show) -> list[str]:
    """Difference, at least, at most."""
    d = each.difference if each.is_told else None
    return [show(value) for value in (d.value, d.low, d.high)] if d else [tags.ABSENT] * 3


def _exactly(each: arms.ArmFigures, show: sayings.Show) -> list[str]:
    """Difference, at least, at most and p, however little they say."""
    d = each.difference
    if d is None:
        return [tags.ABSENT] * 4
    bounds = [show(bound) if isfinite(bound) else tags.ABSENT for bound in (d.low, d.high)]
    return [show(d.value), *bounds, chance(d.p)]


def _show(outcome: arms.OutcomeReport, currency: str) -> sayings.Show:
    if outcome.is_money:
        return lambda value: tags.money(round(value, 2) + 0.0, currency)  # no minus before nothing
    return tags.percent if outcome.is_share else tags.number


def _points(share: float) -> str:
    """A difference of shares, in percentage points: 12 % are two points more than 10 %, and a fifth more."""
    return tags.number(100 * share)


def _split_said(table: arms.Table, is_doubtful: bool) -> str:
    sizes = ", ".join(f"{arm} {units:,}" for arm, units in sorted(table.units.items()))
    if is_doubtful:
        return (
            f"There are {sizes}. Shared out as planned, that would happen less than once in a thousand times: find out "
            "what went wrong before you believe any figure below."
        )
    return f"Members in each arm: {sizes}. That is as planned."


def _chart(number: int, outcome: arms.OutcomeReport, currency: str) -> dict[str, Any]:
    """Without arms that have too few members to say anything."""
    told = [(each.arm, each.difference) for each in outcome.others if each.is_told and each.difference]
    scale, points = (100, "percentage points ") if outcome.is_share else (1, "")
    return {
        "id": f"outcome-{number}",
        "title": f"{outcome.outcome}: {points}more than in {outcome.control.arm}",
        "kind": "intervals",
        "labels": [arm for arm, _ in told],
        "series": [
            {"name": "Difference", "values": [scale * each.value for _, each in told]},
            {"name": "At least", "values": [scale * each.low for _, each in told]},
            {"name": "At most", "values": [scale * each.high for _, each in told]},
        ],
        "format": "money" if outcome.is_money else "number",
        "currency": currency,
        "size": "sm",
        "axis": "Arm",
        "empty": "There is nothing to compare.",
    }
