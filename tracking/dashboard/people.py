"""One person under all of their ids: what they did, why these ids belong together, and merging two of them."""

from collections.abc import Sequence
from datetime import date
from itertools import groupby
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from config.shared.access import needs
from config.shared.errors import DomainError
from config.shared.htmx import page
from tracking.actions import identity as actions
from tracking.dashboard import asking
from tracking.dashboard.access import for_onlookers
from tracking.models import Partner, TrackedEvent, UserMerge
from tracking.queries import people as queries
from tracking.queries import scope
from tracking.queries.sessions import PAUSE
from tracking.queries.tracked import Place, timeline
from tracking.rules.privacy import shown

SHOWN = 100


@require_GET
@for_onlookers
def people_page(request: HttpRequest) -> HttpResponse:
    """Who was seen lately; or somebody by any id, asked back when several partners know one."""
    partners = list(scope.partners_seen_by(request.user))
    name, may_see = asking.text(request, "q"), asking.may_see_people(request)
    partner = _chosen(request, partners)
    if name and (found := _found(partners if partner is None else [partner], name)):
        if len(found) == 1:
            return _person_page(request, *found[0], name=name)
        return page(request, "tracking/people.html", {"several": found, "q": name})
    ids = tuple(system.pk for system in asking.systems_of(request).systems)
    latest = [] if name else queries.seen_lately(ids)
    numbers = {each.pk: each for each in partners}
    context = {
        "q": name,
        "latest": [
            {
                "event": event,
                "person": shown(event.person, may_see=may_see),
                "url": _url(numbers[event.partner_id], event.person) if may_see else "",
            }
            for event in latest
        ],
        "merges": queries.merges_of([each.pk for each in partners]) if may_see and not name else [],
        "may_merge": request.user.has_perm("tracking.add_usermerge"),
    }
    return page(request, "tracking/people.html", context)


def _person_page(request: HttpRequest, partner: Partner, person: str, *, name: str) -> HttpResponse:
    may_see = asking.may_see_people(request)
    rows = list(timeline(partner.pk, person, before=asking.place_in(request))[: SHOWN + 1])
    asked = {"partner": partner.public_id, "q": name}
    context = {
        "partner": partner,
        "person": shown(person, may_see=may_see),
        "ids": [(each, shown(each.id, may_see=may_see)) for each in queries.ids_of(partner.pk, person)],
        "sums": queries.sums_of(partner.pk, person),
        "days": _by_day(rows[:SHOWN]),
        "older": asking.query(**asked, before=Place.of(rows[SHOWN - 1])) if len(rows) > SHOWN else "",
        "newest": asking.query(**asked) if request.GET.get("before") else "",
        "may_merge": request.user.has_perm("tracking.add_usermerge"),
        "merge_url": reverse("tracking:merge") + asking.query(partner=partner.public_id, user_id=person),
    }
    return page(request, "tracking/person.html", context, partials=("timeline",))


@require_http_methods(["GET", "POST"])
@needs("tracking.add_usermerge")
def merge_page(request: HttpRequest) -> HttpResponse:
    """Two users of a partner, what merging them would move, and the doing of it."""
    partners = list(scope.partners_seen_by(request.user))
    partner = _chosen(request, partners)
    user_id, into = asking.text(request, "user_id"), asking.text(request, "into")
    context: dict[str, Any] = {"partners": partners, "partner": partner, "user_id": user_id, "into": into}
    if partner and user_id and into:
        if request.method == "POST":
            actions.merge(partner=partner, user_id=user_id, into=into, by=request.user, now=timezone.now())
            messages.success(request, f"Merged: what {user_id} did is {into}'s doing now.")
            return redirect(_url(partner, into))
        try:
            actions.refuse_merge(partner, user_id, into)
        except DomainError as refusal:
            context["refusal"] = str(refusal)
        else:
            context["preview"] = queries.merge_preview(partner.pk, user_id, into)
    return page(request, "tracking/merge.html", context | {"here": request.get_full_path()})


@require_POST
@needs("tracking.change_usermerge")
def merge_undo(request: HttpRequest, pk: int) -> HttpResponseBase:
    seen = UserMerge.objects.filter(partner__in=scope.partners_seen_by(request.user)).select_related("partner")
    merged = get_object_or_404(seen, pk=pk)
    actions.undo(merged, by=request.user, now=timezone.now())
    messages.success(request, f"Taken apart again: {merged.user_id} and {merged.into_user_id} are two people.")
    return redirect(_url(merged.partner, merged.user_id))


def _chosen(request: HttpRequest, partners: Sequence[Partner]) -> Partner | None:
    asked = asking.text(request, "partner")
    if not asked:
        return partners[0] if len(partners) == 1 else None
    found = next((each for each in partners if str(each.public_id) == asked.lower()), None)
    if found is None:
        raise Http404("There is no such partner.")
    return found


def _found(partners: Sequence[Partner], name: str) -> list[tuple[Partner, str]]:
    """Each partner that knows somebody by this id, with the name under which their events stand."""
    named = [(partner, queries.person_called(partner.pk, name)) for partner in partners]
    return [(partner, person) for partner, person in named if timeline(partner.pk, person).exists()]


def _url(partner: Partner, person: str) -> str:
    return reverse("tracking:people") + asking.query(partner=partner.public_id, q=person)


def _by_day(events: Sequence[TrackedEvent]) -> list[tuple[date, list[list[TrackedEvent]]]]:
    """Days, newest first, each with its sessions: half an hour of quiet ends one."""
    return [
        (day, _sessions(list(rows)))
        for day, rows in groupby(events, key=lambda event: timezone.localdate(event.occurred_at))
    ]


def _sessions(events: Sequence[TrackedEvent]) -> list[list[TrackedEvent]]:
    sessions: list[list[TrackedEvent]] = []
    later: TrackedEvent | None = None
    for event in events:
        if later is None or later.occurred_at - event.occurred_at > PAUSE:
            sessions.append([])
        sessions[-1].append(event)
        later = event
    return sessions
