"""Which values a property has, how often, and which properties are counted as events arrive."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from config.shared.access import needs
from config.shared.exports import csv_response
from config.shared.htmx import page
from config.shared.live import stream
from tracking.actions import counted as actions
from tracking.dashboard import asking
from tracking.dashboard.access import for_onlookers
from tracking.models import CountedProperty, PartnerSystem
from tracking.queries.counts import names_of
from tracking.queries.values import TopValues, counted_in, properties_of, top_values
from tracking.rules.privacy import may_be_asked

SHOWN, TAKEN_AWAY = 50, 10_000
USUAL_DAYS = 30
Status = CountedProperty.Status
TONES = {Status.FILLING: "info", Status.COUNTED: "success", Status.GIVEN_UP: "warning"}


@require_GET
@for_onlookers
def values_page(request: HttpRequest) -> HttpResponseBase:
    of, span = asking.systems_of(request), asking.span_of(request, days=USUAL_DAYS)
    name, path = asking.text(request, "name"), asking.text(request, "path")
    may_see = asking.may_see_people(request)
    is_hidden = not may_see and not may_be_asked(path.split("."), names=[name])
    is_csv = request.GET.get("format") == "csv"
    found = TopValues([])
    if name and path and not is_hidden:
        limit = TAKEN_AWAY if is_csv else SHOWN
        asked_for = {"name": name, "path": path, "since": span.since, "until": span.until}
        found = top_values(of.ids, **asked_for, may_see=may_see, limit=limit)
    rows = [(row.value, row.events) for row in found.rows]
    if is_csv:
        return csv_response("values.csv", ("value", "events"), rows)
    counted = list(counted_in(of.ids))
    here = reverse("tracking:values")
    asked = {"system": of.value, "name": name, "path": path, "first": span.first, "last": span.last}
    context = _question(of, span, name, path) | {
        "is_hidden": is_hidden,
        "found": found,
        "rows": [
            {"value": value, "events": events, "share": events / found.events, "bar": events / found.rows[0].events}
            for value, events in rows
        ],
        "csv_url": asking.query(**asked, format="csv"),
        "may_count": request.user.has_perm("tracking.add_eventstructure"),
        "may_stop": request.user.has_perm("tracking.change_eventstructure"),
        "system": _one_system(of),
        "is_counted": any(row.is_kept_up and (row.event_name, row.path) == (name, path) for row in counted),
        "counted": [_counted_row(row, here, span) for row in counted],
        "live": next((row.system.public_id for row in counted if row.status == Status.FILLING), None),
        "asked": asking.query(**asked),
    }
    return page(request, "tracking/values.html", context, partials=("values", "counted"))


@require_POST
@needs("tracking.add_eventstructure")
def value_count(request: HttpRequest) -> HttpResponse:
    """The address says what was asked."""
    name, path = asking.text(request, "name"), asking.text(request, "path")
    system = _one_system(asking.systems_of(request))
    if system is None or not name or not path:
        raise actions.CannotCount("Choose a system, an event and a property first.")
    actions.declare(system=system, event_name=name, path=path, by=request.user, now=timezone.now())
    messages.success(request, f"“{path}” of {name} is counted as events arrive. Its past is counted now.")
    return redirect(_back(request))


@require_POST
@needs("tracking.change_eventstructure")
def value_stop(request: HttpRequest, public_id: UUID) -> HttpResponse:
    row = counted_in(asking.systems_of(request).ids).filter(public_id=public_id).first()
    if row is None:
        raise Http404("There is no such property.")
    actions.stop(row)
    messages.success(request, f"“{row.path}” of {row.event_name} is asked of the events again.")
    return redirect(_back(request))


@require_GET
@for_onlookers
def value_stream(request: HttpRequest, public_id: UUID) -> HttpResponseBase:
    system = next((system for system in asking.systems_of(request).systems if system.public_id == public_id), None)
    if system is None:
        raise Http404("There is no such system.")
    return stream(actions.topic(system.pk))


def _one_system(of: asking.Of) -> PartnerSystem | None:
    """The one chosen, or the one there is."""
    return of.chosen or (of.systems[0] if len(of.systems) == 1 else None)


def _question(of: asking.Of, span: asking.Span, name: str, path: str) -> dict[str, Any]:
    """What the form asks for, and what it may be filled with."""
    return {
        "of": of,
        "span": span,
        "name": name,
        "path": path,
        "select": of.select(),
        "names": [each for each in names_of(of.ids) if each],
        "paths": properties_of(of.ids, name=name) if name else [],
    }


def _counted_row(row: CountedProperty, here: str, span: asking.Span) -> dict[str, Any]:
    asked = {"system": row.system.public_id, "name": row.event_name, "path": row.path}
    return {
        "row": row,
        "url": here + asking.query(**asked, first=span.first, last=span.last),
        "tone": TONES[Status(row.status)],
        "is_filling": row.status == Status.FILLING,
    }


def _back(request: HttpRequest) -> str:
    asked = {name: asking.text(request, name) for name in ("system", "name", "path", "first", "last")}
    return reverse("tracking:values") + asking.query(**asked)
