"""What systems sent, each event once: the list, one of them, how valid they are, and the tail as they arrive."""

import json
from datetime import datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from config.shared.exports import csv_response, parquet_response
from config.shared.htmx import page
from config.shared.live import stream
from tracking.actions.read_model import tail_topic
from tracking.dashboard import asking
from tracking.dashboard.access import for_onlookers
from tracking.models import TrackedEvent
from tracking.queries import exports, replays, statistics, tail
from tracking.queries.counts import names_of
from tracking.queries.tracked import Place, Wanted, errors, properties_of, tracked
from tracking.rules.faults import FAULTS
from tracking.rules.privacy import REFUSAL, may_be_asked, shown, shown_faults, shown_properties

SHOWN = 50
USUAL_DAYS = 30
VALIDITY = [("valid", "Valid"), ("invalid", "Invalid")]
INTERVALS = {2: "hour", 92: "day", 730: "week"}


@require_GET
@for_onlookers
def tracked_list(request: HttpRequest) -> HttpResponseBase:
    of, span = asking.systems_of(request), asking.span_of(request, days=USUAL_DAYS)
    may_see = asking.may_see_people(request)
    wanted = _wanted(request, of, span, hides_people=not may_see)
    is_hidden = not may_see and not all(
        may_be_asked(each.path, names=wanted.names, values=each.values) for each in wanted.properties
    )
    if is_hidden and request.GET.get("format"):
        raise PermissionDenied(REFUSAL)
    if taken := request.GET.get("format"):
        return _export(taken, wanted, may_see=may_see)
    asked = _asked(request, of, span)
    rows = [] if is_hidden else list(tracked(wanted, before=asking.place_in(request))[: SHOWN + 1])
    context = {
        "rows": [(event, shown(event.person, may_see=may_see)) for event in rows[:SHOWN]],
        "may_see": may_see,
        "is_hidden": is_hidden,
        "of": of,
        "span": span,
        "asked": asked,
        "selects": [
            of.select(),
            {"name": "name", "label": "Event", "value": asked["name"], "options": _options(names_of(of.ids))},
            {"name": "validity", "label": "Validity", "value": asked["validity"], "options": VALIDITY},
            {"name": "error", "label": "Fault", "value": asked["error"], "options": list(FAULTS.items())},
        ],
        "older": asking.query(**asked, before=Place.of(rows[SHOWN - 1])) if len(rows) > SHOWN else "",
        "newest": asking.query(**asked) if request.GET.get("before") else "",
        "csv_url": asking.query(**asked, format="csv"),
        "parquet_url": asking.query(**asked, format="parquet"),
        "is_narrowed": any(asked[name] for name in ("system", "name", "validity", "error", "person", "property")),
    }
    return page(request, "tracking/tracked.html", context, partials=("tracked",))


@require_GET
@for_onlookers
def tracked_event(request: HttpRequest, event_id: UUID) -> HttpResponse:
    of, may_see = asking.systems_of(request), asking.may_see_people(request)
    event = TrackedEvent.objects.filter(pk=event_id, system_id__in=of.ids).first()
    if event is None:
        raise Http404("There is no such event.")
    received = tail.as_received(event)
    verdict = replays.verdict_on(event_id)
    system = next(system for system in of.systems if system.pk == event.system_id)
    context = {
        "event": event,
        "system": system,
        "received": received,
        "structure": tail.structure_of(received),
        "verdict": verdict,
        "faults": [
            (FAULTS.get(error["type"], error["type"]), error)
            for error in shown_faults(event.kind, event.errors, may_see=may_see)
        ],
        "person": shown(event.person, may_see=may_see),
        "user_id": shown(event.user_id, may_see=may_see),
        "anonymous_id": shown(event.anonymous_id, may_see=may_see),
        "may_see": may_see,
        "properties": _json(shown_properties(event.kind, event.properties, may_see=may_see)),
        "context": _json(received.context) if received and received.context and may_see else "",
    }
    return page(request, "tracking/tracked_event.html", context)


@require_GET
@for_onlookers
def quality(request: HttpRequest) -> HttpResponseBase:
    """How many events were valid, invalid and repeated over time, and what was wrong with the invalid ones."""
    of, span = asking.systems_of(request), asking.span_of(request, days=USUAL_DAYS)
    found = errors(of.ids, since=span.since, until=span.until, may_see=asking.may_see_people(request))
    if request.GET.get("format") == "csv":
        columns = ("event", "fault", "pointer", "events", "example")
        return csv_response("faults.csv", columns, [(e.name, e.type, e.pointer, e.events, e.example) for e in found])
    sums = statistics(of.ids, since=span.since, until=span.until, interval=_interval(span.days), is_fresh=True)
    asked = {"system": of.value, "first": span.first, "last": span.last}
    context = {
        "of": of,
        "span": span,
        "selects": [of.select()],
        "sums": sums,
        "valid_share": sums.valid / (sums.valid + sums.invalid) if sums.valid + sums.invalid else None,
        "chart": _validity_chart(sums),
        "faults": [_fault_row(error, asked) for error in found],
        "events_url": {
            kind: reverse("tracking:tracked") + asking.query(**asked, validity=kind) for kind in ("valid", "invalid")
        },
        "csv_url": asking.query(**asked, format="csv"),
        "may_replay": request.user.has_perm("tracking.add_replay"),
    }
    return page(request, "tracking/quality.html", context, partials=("quality",))


@require_GET
@for_onlookers
def live(request: HttpRequest) -> HttpResponse:
    """The tail of one system. htmx asks again with `after`, and gets only what is new."""
    of = asking.systems_of(request)
    system = of.chosen or next(iter(of.systems), None)
    if system is None:
        return page(request, "tracking/live.html", {"system": None})
    after = request.GET.get("after", "")
    rows, place = tail.arrived(system.pk, after=int(after) if after.isdecimal() and len(after) < 19 else None)
    now, may_see = timezone.now(), asking.may_see_people(request)
    context = {
        "system": system,
        "select": asking.Of(of.systems, system).select(),
        "rows": [
            {
                "event": row,
                "person": shown(row.person, may_see=may_see),
                "lag": max(0.0, (now - row.received_at).total_seconds()),
                "fault": next(iter(shown_faults(row.kind, row.errors, may_see=may_see)), None),
            }
            for row in rows
        ],
        "after": place,
    }
    return page(request, "tracking/live.html", context, partials=("tail",))


@require_GET
@for_onlookers
def live_stream(request: HttpRequest, public_id: UUID) -> HttpResponseBase:
    system = next((system for system in asking.systems_of(request).systems if system.public_id == public_id), None)
    if system is None:
        raise Http404("There is no such system.")
    return stream(tail_topic(system.pk))


def _asked(request: HttpRequest, of: asking.Of, span: asking.Span) -> dict[str, Any]:
    texts = ("name", "validity", "error", "pointer", "person", "property")
    days = {"system": of.value, "first": span.first, "last": span.last}
    return days | {name: asking.text(request, name) for name in texts}


def _wanted(request: HttpRequest, of: asking.Of, span: asking.Span, *, hides_people: bool) -> Wanted:
    name, error = asking.text(request, "name"), asking.text(request, "error")
    return Wanted(
        of.ids,
        names=(name,) if name else (),
        person=asking.text(request, "person"),
        is_valid={"valid": True, "invalid": False}.get(asking.text(request, "validity")),
        error_type=error,
        error_pointer=asking.text(request, "pointer") if error and "pointer" in request.GET else None,
        since=span.since,
        until=span.until,
        properties=properties_of(asking.text(request, "property")),
        hides_people=hides_people,
    )


def _export(taken: str, wanted: Wanted, *, may_see: bool) -> HttpResponseBase:
    rows = exports.exported(wanted, may_see=may_see)
    if taken == "parquet":
        return parquet_response("events.parquet", exports.SCHEMA, exports.batches(rows))
    return csv_response("events.csv", exports.COLUMNS, exports.as_csv(rows))


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _options(names: list[str]) -> list[tuple[str, str]]:
    return [(name, name) for name in names if name]


def _interval(days: int) -> str:
    return next((interval for most, interval in INTERVALS.items() if days <= most), "month")


def _validity_chart(sums: Any) -> dict[str, Any]:
    form = "{0:%b} {0.day}, {0:%H}:00" if sums.interval == "hour" else "{0:%b} {0.day}"
    labels = [form.format(datetime.fromisoformat(each.at)) for each in sums.series]
    series = [
        {"name": label, "values": [getattr(each, name) for each in sums.series]}
        for name, label in (("valid", "Valid"), ("invalid", "Invalid"), ("duplicates", "Repeated"))
    ]
    return {
        "id": "validity",
        "title": "Events received",
        "kind": "bar",
        "stacked": True,
        "labels": labels,
        "series": series,
        "axis": sums.interval.capitalize(),
        "empty": "Nothing was received in these days.",
    }


def _fault_row(error: Any, asked: dict[str, Any]) -> dict[str, Any]:
    narrowed = asking.query(**asked, name=error.name, error=error.type)
    return {
        "name": error.name,
        "kind": FAULTS.get(error.type, error.type),
        "pointer": error.pointer,
        "events": error.events,
        "example": error.example,
        "url": f"{reverse('tracking:tracked')}{narrowed}&pointer={quote(error.pointer, safe='')}",
    }
