"""The ledger as the shop's books see it: what is owed, and whether it adds up."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from config.shared.access import needs
from config.shared.exports import csv_response
from config.shared.htmx import page
from loyalty.actions.ledger import check_ledger
from loyalty.queries import liability as queries
from loyalty.queries.points import Difference, latest_checks

VIEW = needs("loyalty.view_ledgercheck", "loyalty.view_pointsentry")
CHECKS = 5


@require_GET
@VIEW
def ledger_page(request: HttpRequest) -> HttpResponse:
    report = queries.liability(now=timezone.now())
    if request.GET.get("format") == "csv":
        return csv_response("points-liability.csv", queries.CSV_COLUMNS, queries.csv_rows(report))
    checks = list(latest_checks()[:CHECKS])
    found = [Difference(**each) for each in checks[0].differences] if checks else []
    return page(request, "loyalty/ledger.html", {"report": report, "checks": checks, "differences": found})


@require_POST
@needs("loyalty.add_ledgercheck")
def ledger_check(request: HttpRequest) -> HttpResponse:
    check = check_ledger(clock=timezone.now)
    if check.difference_count:
        messages.error(request, f"{check.difference_count:,} accounts do not agree with their entries.")
    else:
        messages.success(request, f"All {check.accounts:,} accounts agree with their entries.")
    return redirect("loyalty:ledger")
