import json
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from config.shared.access import needs
from config.shared.htmx import page
from config.shared.masking import masked
from config.shared.nudge import nudge
from tracking import actions, bus, queries
from tracking.models import Dispatch, Event
from tracking.rules.names import in_words

SHOWN = 50
PERSONAL = {"address", "url", "filters"}


@require_GET
@needs("tracking.view_event")
def events(request: HttpRequest) -> HttpResponse:
    name, subject = request.GET.get("name", ""), request.GET.get("q", "").strip()
    asked = request.GET.get("before", "")
    before = int(asked) if asked.isdecimal() and len(asked) < 19 else None
    options = [(each, f"{in_words(each)} ({each})") for each in queries.event_names()]
    rows = list(queries.events(name=name, subject=subject, before=before)[: SHOWN + 1])
    context = {
        "events": rows[:SHOWN],
        "older": f"?name={name}&q={subject}&before={rows[SHOWN - 1].pk}" if len(rows) > SHOWN else "",
        "newest": f"?name={name}&q={subject}" if before else "",
        "q": subject,
        "selects": [{"name": "name", "label": "Event", "value": name, "options": options}],
        "is_narrowed": bool(name or subject),
    }
    return page(request, "tracking/events.html", context, partials=("events",))


@require_GET
@needs("tracking.view_event")
def event(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(Event, pk=pk)
    context = {
        "event": row,
        "properties": json.dumps(_shown(request, row), indent=2, ensure_ascii=False),
        "dispatches": row.dispatches.order_by("handler"),
    }
    return page(request, "tracking/event.html", context)


def _shown(request: HttpRequest, row: Event) -> dict[str, Any]:
    """An address says who somebody is, and a signed link opens what is theirs: only for those who may see that."""
    if request.user.has_perm("loyalty.view_pii"):
        return row.properties
    return {
        name: "•••" if name in PERSONAL else masked(value) if isinstance(value, str) else value
        for name, value in row.properties.items()
    }


@require_GET
@needs("tracking.view_event")
def events_of(request: HttpRequest, subject: str) -> HttpResponse:
    """A fragment for other apps' pages: what happened to one subject."""
    rows = Paginator(queries.events_about(subject), 10).get_page(request.GET.get("page"))
    return page(request, "tracking/events_of.html", {"events": rows, "subject": subject})


@require_GET
@needs("tracking.view_projection")
def health(request: HttpRequest) -> HttpResponse:
    """Who follows the log, how far behind, and what failed."""
    context = {
        "followers": queries.follower_states(),
        "failing": Paginator(queries.failing_dispatches(), SHOWN).get_page(request.GET.get("page")),
        "owed": queries.owed_dispatches(timezone.now()).count(),
        "may_rebuild": request.user.has_perm("tracking.change_projection"),
        "may_retry": request.user.has_perm("tracking.change_dispatch"),
    }
    return page(request, "tracking/health.html", context, partials=("followers",))


@require_POST
@needs("tracking.change_projection")
def rebuild(request: HttpRequest, name: str) -> HttpResponse:
    if name not in {follower.name for follower in bus.followers()}:
        raise Http404(f"No follower is called {name}.")
    nudge("tracking.rebuild_projection", name=name, asked_at=timezone.now().isoformat())
    messages.info(
        request, f"{name} is being rebuilt from the start of the log. Pages show the old state until it is done."
    )
    return redirect("tracking:health")


@require_POST
@needs("tracking.change_dispatch")
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    if actions.run_dispatch(pk, now=timezone.now()):
        messages.success(request, "Done this time.")
    elif Dispatch.objects.filter(pk=pk, done_at=None).exists():
        messages.error(request, "It failed again; the reason is below.")
    else:
        messages.info(request, "Somebody else had done it already.")
    return redirect("tracking:health")
