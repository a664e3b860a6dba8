"""Judging invalid events anew: what it would change, the doing of it with live progress, and what came of it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from config.shared.access import needs
from config.shared.htmx import page
from config.shared.live import stream
from tracking.actions import replays as actions
from tracking.dashboard import asking
from tracking.dashboard.access import for_onlookers
from tracking.models import Replay
from tracking.queries import replays as queries
from tracking.queries.counts import names_of
from tracking.rules.faults import FAULTS
from tracking.rules.privacy import shown, shown_faults

SHOWN = 50
Status = Replay.Status
TONES = {
    Status.WAITING: "info",
    Status.RUNNING: "info",
    Status.DONE: "success",
    Status.FAILED: "danger",
    Status.CANCELLED: "neutral",
}


@require_GET
@for_onlookers
def replay_list(request: HttpRequest) -> HttpResponse:
    of = asking.systems_of(request)
    rows = Paginator(queries.replays_of(of.ids), SHOWN).get_page(request.GET.get("page"))
    context = {
        "replays": [_told(row) for row in rows],
        "page": rows,
        "may_replay": request.user.has_perm("tracking.add_replay"),
    }
    return page(request, "tracking/replays.html", context, partials=("replays",))


@require_http_methods(["GET", "POST"])
@needs("tracking.add_replay")
def replay_new(request: HttpRequest) -> HttpResponse:
    """Choose what is judged anew, see what would come of it, and start. The address says what was chosen."""
    of = asking.systems_of(request)
    span = asking.span_of(request, days=30) if request.GET.get("first") or request.GET.get("last") else None
    chosen: dict[str, Any] = {
        "event_name": asking.text(request, "name"),
        "error_type": asking.text(request, "error"),
        "since": span.since if span else None,
        "until": span.until if span else None,
    }
    if request.method == "POST" and of.chosen:
        replay = actions.start(system=of.chosen, by=request.user, now=timezone.now(), **chosen)
        return redirect("tracking:replay", replay.public_id)
    context = {
        "of": of,
        "span": span,
        "selects": [
            of.select(),
            {
                "name": "name",
                "label": "Event",
                "value": chosen["event_name"],
                "options": [(name, name) for name in names_of(of.ids) if name],
            },
            {"name": "error", "label": "Fault", "value": chosen["error_type"], "options": list(FAULTS.items())},
        ],
        "here": request.get_full_path(),
    } | (_preview(request, Replay(system=of.chosen, **chosen)) if of.chosen else {})
    return page(request, "tracking/replay_new.html", context, partials=("preview",))


@require_GET
@for_onlookers
def replay_page(request: HttpRequest, public_id: UUID) -> HttpResponse:
    replay = _replay(request, public_id)
    context = _told(replay) | {
        "may_replay": request.user.has_perm("tracking.add_replay"),
        "events_url": asking.query(
            system=replay.system.public_id,
            name=replay.event_name,
            validity="invalid",
            error=replay.error_type,
            first=_day(replay.since),
            last=_day(replay.until),
        ),
    }
    return page(request, "tracking/replay.html", context, partials=("standing",))


@require_POST
@needs("tracking.change_replay")
def replay_cancel(request: HttpRequest, public_id: UUID) -> HttpResponse:
    replay = _replay(request, public_id)
    actions.cancel(replay, now=timezone.now())
    messages.success(request, "Cancelled. Events that were mended by then stay valid.")
    return redirect("tracking:replay", replay.public_id)


@require_GET
@for_onlookers
def replay_stream(request: HttpRequest, public_id: UUID) -> HttpResponseBase:
    return stream(actions.topic(_replay(request, public_id)))


def _replay(request: HttpRequest, public_id: UUID) -> Replay:
    found = queries.replays_of(asking.systems_of(request).ids).filter(public_id=public_id).first()
    if found is None:
        raise Http404("There is no such replay.")
    return found


def _told(replay: Replay) -> dict[str, Any]:
    return {
        "replay": replay,
        "tone": TONES[Status(replay.status)],
        "fault": FAULTS.get(replay.error_type, replay.error_type),
        "is_running": not replay.is_over,
        "remaining": replay.seen - replay.mended,
    }


def _preview(request: HttpRequest, replay: Replay) -> dict[str, Any]:
    found, may_see = queries.preview(replay), asking.may_see_people(request)
    return {
        "preview": found,
        "staying": found.judged - found.mended,
        "remaining": [(FAULTS.get(kind, kind), count) for kind, count in found.remaining.items()],
        "examples": [
            {
                "event": verdict.event,
                "person": shown(verdict.event.person, may_see=may_see),
                "before": next(iter(shown_faults(verdict.event.kind, verdict.event.errors, may_see=may_see)), None),
                "is_mended": verdict.is_mended,
                "after": next(iter(shown_faults(verdict.event.kind, verdict.errors, may_see=may_see)), None),
            }
            for verdict in found.examples
        ],
        "sample": f"These numbers are of the newest {found.judged:,} events. The replay judges all {found.total:,}."
        if found.judged < found.total
        else "",
    }


def _day(moment: datetime | None) -> str:
    return timezone.localdate(moment).isoformat() if moment else ""
