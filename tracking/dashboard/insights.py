"""Who comes back, and what a visit looks like."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from config.shared.exports import csv_response
from config.shared.htmx import page
from tracking.dashboard import asking
from tracking.dashboard.access import for_onlookers
from tracking.queries.retention import Cohort, Unit, retention
from tracking.queries.sessions import session_sums, sessions
from tracking.rules.privacy import shown

SHOWN = 50
USUAL_DAYS = 7
# How many units somebody is followed, and how many days of beginnings are shown.
FOLLOWED: dict[Unit, tuple[int, int]] = {"day": (14, 21), "week": (12, 84)}
SHADES = 9


@require_GET
@for_onlookers
def retention_page(request: HttpRequest) -> HttpResponseBase:
    of = asking.systems_of(request)
    unit: Unit = "day" if request.GET.get("unit") == "day" else "week"
    units, back = FOLLOWED[unit]
    span, today = asking.span_of(request, days=back), timezone.localdate()
    found = retention(of.ids, unit=unit, first=span.first, last=span.last, units=units, today=today)
    if request.GET.get("format") == "csv":
        rows = [(cohort.first, cohort.people, *cohort.returned) for cohort in found]
        return csv_response(f"retention-{unit}.csv", ("first", "people", *map(str, range(units + 1))), rows)
    asked = {"system": of.value, "first": span.first, "last": span.last}
    context = {
        "of": of,
        "span": span,
        "unit": unit,
        "selects": [of.select()],
        "tabs": [
            {"label": f"By {name}", "url": asking.query(system=of.value, unit=name), "is_active": unit == name}
            for name in FOLLOWED
        ],
        "columns": list(range(units + 1)),
        "cohorts": [_row(cohort, units) for cohort in found],
        "total": _sum_row(found, units),
        "csv_url": asking.query(**asked, unit=unit, format="csv"),
    }
    return page(request, "tracking/retention.html", context, partials=("retention",))


@require_GET
@for_onlookers
def sessions_page(request: HttpRequest) -> HttpResponseBase:
    of, span = asking.systems_of(request), asking.span_of(request, days=USUAL_DAYS)
    before, visitor = _moment(asking.text(request, "before")), asking.text(request, "visitor")
    wanted = {"since": span.since, "until": span.until}
    rows = sessions(of.ids, **wanted, before=before, visitor=visitor, limit=SHOWN + 1)
    may_see = asking.may_see_people(request)
    asked = {"system": of.value, "first": span.first, "last": span.last}
    sums = session_sums(of.ids, **wanted)
    last = rows[SHOWN - 1] if len(rows) > SHOWN else None
    context = {
        "of": of,
        "span": span,
        "selects": [of.select()],
        "sums": asdict(sums) | {"median_minutes": round(float(sums.median_seconds) / 60, 1)},
        "rows": [
            {
                "session": row,
                "person": shown(row.person, may_see=may_see),
                "url": reverse("tracking:people") + asking.query(q=row.person) if may_see else "",
                "minutes": round((row.ended_at - row.started_at).total_seconds() / 60, 1),
            }
            for row in rows[:SHOWN]
        ],
        "older": asking.query(**asked, before=last.started_at.isoformat(), visitor=last.anonymous_id) if last else "",
        "newest": asking.query(**asked) if before else "",
    }
    return page(request, "tracking/sessions.html", context, partials=("sessions",))


def _row(cohort: Cohort, units: int) -> dict[str, Any]:
    shares = [returned / cohort.people for returned in cohort.returned]
    cells = [
        {"share": share, "people": returned, "shade": _shade(share)}
        for share, returned in zip(shares, cohort.returned, strict=True)
    ]
    return {"first": cohort.first, "people": cohort.people, "cells": cells, "rest": range(units + 1 - len(cells))}


def _sum_row(cohorts: list[Cohort], units: int) -> dict[str, Any] | None:
    """All cohorts together; of each column only those old enough to have reached it."""
    if not cohorts:
        return None
    cells = []
    for place in range(units + 1):
        reached = [cohort for cohort in cohorts if len(cohort.returned) > place]
        if not reached:
            break
        people, returned = sum(each.people for each in reached), sum(each.returned[place] for each in reached)
        cells.append({"share": returned / people, "people": returned, "shade": _shade(returned / people)})
    people = sum(cohort.people for cohort in cohorts)
    return {"people": people, "cells": cells, "rest": range(units + 1 - len(cells))}


def _shade(share: float) -> int:
    """0 (nobody) to 9 (everybody)."""
    return 0 if share == 0 else 1 + min(SHADES - 1, int(share * SHADES))


def _moment(value: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else None
