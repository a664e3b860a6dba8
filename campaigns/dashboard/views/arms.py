"""Comparisons of arms that somebody else assigned: a file in, a report out, kept and listed."""

from collections.abc import Iterator
from io import TextIOWrapper
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from campaigns.actions import arms as actions
from campaigns.forms import ArmsForm
from campaigns.models import ArmsReport
from campaigns.rules import arms
from config.shared import tags
from config.shared.access import needs
from config.shared.exports import csv_response
from config.shared.htmx import page

SHOWN = 20
COLUMNS = ("outcome", "arm", "units", "rate", "mean", "difference", "low", "high", "p_holm")


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
    table = arms.Table.of_json(row.table)
    outcomes = arms.report(table, row.control)
    if request.GET.get("format") == "csv":
        return csv_response(f"arms-{row.public_id}.csv", COLUMNS, _rows(outcomes))
    p = arms.chance_of(table, row.split)
    context = {
        "report": row,
        "outcomes": [(each, _said(each, row.control), _chart(number, each)) for number, each in enumerate(outcomes)],
        "is_doubtful": p < arms.DOUBTFUL_SPLIT,
        "split_said": _split_said(table, p),
    }
    return page(request, "campaigns/arms_report.html", context)


def _rows(outcomes: list[arms.OutcomeReport]) -> Iterator[list[Any]]:
    for outcome in outcomes:
        for each in outcome.arms:
            d = each.difference
            told = [d.value, d.low, d.high, d.p] if d else [None] * 4
            yield [outcome.outcome, each.arm, each.units, each.rate, each.mean, *told]


def _said(outcome: arms.OutcomeReport, control: str) -> str:
    """One sentence for an outcome."""
    clear = [each for each in outcome.arms if each.difference and each.difference.p < 0.05]
    if not clear:
        return f"No arm differs from {control} by more than chance alone would make."
    parts = []
    for each in clear:
        d = each.difference
        if d is None:
            continue
        show = tags.percent if outcome.is_share else tags.number
        direction = "more" if d.value > 0 else "less"
        low, high = sorted((abs(d.low), abs(d.high)))
        parts.append(
            f"{each.arm} {show(abs(d.value))} {direction} than {control} (between {show(low)} and {show(high)})"
        )
    return "Certainly different: " + "; ".join(parts) + "."


def _split_said(table: arms.Table, p: float) -> str:
    sizes = ", ".join(f"{arm} {units:,}" for arm, units in sorted(table.units.items()))
    if p < arms.DOUBTFUL_SPLIT:
        return (
            f"The arms have {sizes} units. Drawn as planned, that would happen less than once in a thousand times: "
            "find out what went wrong with the assignment before you believe any figure below."
        )
    return f"The arms have {sizes} units, as the planned split makes them (p {p:.3f})."


def _chart(number: int, outcome: arms.OutcomeReport) -> dict[str, Any]:
    told = [(each.arm, each.difference) for each in outcome.arms if each.difference]
    return {
        "id": f"outcome-{number}",
        "title": f"{outcome.outcome} against the control",
        "kind": "intervals",
        "labels": [arm for arm, _ in told],
        "series": [
            {"name": "Difference", "values": [each.value for _, each in told]},
            {"name": "At least", "values": [each.low for _, each in told]},
            {"name": "At most", "values": [each.high for _, each in told]},
        ],
        "format": "percent" if outcome.is_share else "number",
        "size": "sm",
        "axis": "Arm",
        "empty": "There is nothing to compare.",
    }
