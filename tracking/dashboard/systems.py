"""One system: its keys, how to point an SDK at it, what came lately, and which events it plans to send."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from config.shared.access import needs
from config.shared.htmx import page
from tracking import queries
from tracking.actions import partners as actions
from tracking.dashboard.access import for_onlookers
from tracking.dashboard.partners import SystemForm, base_url, said_again
from tracking.dashboard.snippets import snippets
from tracking.models import PartnerSystem, SystemKey
from tracking.queries import scope, traffic

SHOWN, KEYS_SHOWN = 25, 10
DAY, MONTH = timedelta(days=1), timedelta(days=30)
OVERLAPS = {"0": "at once", "1": "in an hour", "24": "in a day", "168": "in a week", "720": "in 30 days"}
TEMPLATE, OWN_TEMPLATE = "tracking/system.html", "tracking/system_own.html"


class KeyForm(forms.Form):
    kind = forms.ChoiceField(choices=SystemKey.Kind.choices)


class RotateForm(forms.Form):
    overlap = forms.TypedChoiceField(
        choices=list(OVERLAPS.items()),
        coerce=lambda hours: timedelta(hours=int(hours)),
        initial="24",
        label="The old key stops",
        help_text="Until then both work, so that nothing is lost while you change it everywhere.",
    )


@dataclass(frozen=True)
class ShownKey:
    """A key as the page tells of it."""

    key: SystemKey
    state: str
    tone: str
    is_working: bool
    until: datetime | None = None


@require_GET
@for_onlookers
def system_page(request: HttpRequest, public_id: UUID) -> HttpResponse:
    system = get_object_or_404(scope.systems_seen_by(request.user), public_id=public_id)
    return _system_page(request, system)


@require_POST
@needs("tracking.change_partnersystem")
def system_change(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """What it is called and may send, or the switch."""
    system = get_object_or_404(PartnerSystem.objects.select_related("partner"), public_id=public_id)
    told = {name: getattr(system, name) for name in ("name", "kind", "events_per_second", "is_active")}
    if "active" in request.POST:
        told["is_active"] = request.POST["active"] == "yes"
    elif (form := SystemForm(request.POST)).is_valid():
        told |= form.cleaned_data
    else:
        return said_again(request, form, "tracking:system", public_id)
    actions.change_system(system, **told)
    messages.success(request, "Saved.")
    return redirect("tracking:system", public_id)


@require_POST
@never_cache
@needs("tracking.add_systemkey")
def key_make(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The only answer that ever holds the key."""
    system = get_object_or_404(PartnerSystem.objects.select_related("partner"), public_id=public_id)
    form = KeyForm(request.POST)
    if not form.is_valid():
        return said_again(request, form, "tracking:system", public_id)
    make = actions.add_pair if form.cleaned_data["kind"] == SystemKey.Kind.PAIR else actions.add_write_key
    return _system_page(request, system, made=make(system=system, by=request.user))


@require_POST
@never_cache
@needs("tracking.change_systemkey")
def key_rotate(request: HttpRequest, pk: int) -> HttpResponse:
    key = get_object_or_404(SystemKey.objects.select_related("system__partner"), pk=pk)
    form = RotateForm(request.POST)
    if not form.is_valid():
        return said_again(request, form, "tracking:system", key.system.public_id)
    made = actions.rotate(key, by=request.user, now=timezone.now(), **form.cleaned_data)
    return _system_page(request, key.system, made=made)


@require_POST
@needs("tracking.change_systemkey")
def key_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    key = get_object_or_404(SystemKey.objects.select_related("system"), pk=pk)
    actions.revoke(key, now=timezone.now())
    messages.success(request, f"{key.prefix} opens nothing any more.")
    return redirect("tracking:system", key.system.public_id)


def _system_page(request: HttpRequest, system: PartnerSystem, *, made: actions.MadeKey | None = None) -> HttpResponse:
    now, user = timezone.now(), request.user
    context = {
        "system": system,
        "form": SystemForm(
            initial={"name": system.name, "kind": system.kind, "events_per_second": system.events_per_second}
        ),
        "may_change": user.has_perm("tracking.change_partnersystem") and not system.is_own,
        "may_make_keys": user.has_perm("tracking.add_systemkey") and user.has_perm("tracking.change_systemkey"),
        "may_plan": user.has_perm("tracking.add_eventstructure"),
    }
    context |= _keys(request, system, made, now) | _counts(system, now) | _plans(request, system, now)
    if system.is_own:
        return page(request, OWN_TEMPLATE, context)
    return page(request, TEMPLATE, context, partials=("keys", "unplanned"))


def _keys(request: HttpRequest, system: PartnerSystem, made: actions.MadeKey | None, now: datetime) -> dict[str, Any]:
    keys = system.keys.select_related("created_by").order_by("-pk")
    listed = Paginator(keys, KEYS_SHOWN).get_page(request.GET.get("keys"))
    working = list(keys.filter(revoked_at=None, expires_at=None)[:KEYS_SHOWN])
    return {
        "keys": listed,
        "shown_keys": [_shown(key, now) for key in listed],
        "made": made,
        "is_pair": made is not None and made.key.kind == SystemKey.Kind.PAIR,
        "rotate_form": RotateForm(auto_id=False),
        "snippets": snippets(base_url(), **_in_snippets(working, made)),
        "base_url": base_url(),
    }


def _in_snippets(working: list[SystemKey], made: actions.MadeKey | None) -> dict[str, str]:
    """The key that was made just now; of the others an id at most, because nobody can show them again."""
    identifier = next((key.prefix for key in working if key.kind == SystemKey.Kind.PAIR), "YOUR_ID")
    told = {"write_key": "YOUR_WRITE_KEY", "identifier": identifier, "secret": "YOUR_SECRET"}
    if made is None:
        return told
    if made.key.kind == SystemKey.Kind.PAIR:
        return told | {"identifier": made.key.prefix, "secret": made.shown}
    return told | {"write_key": made.shown}


def _shown(key: SystemKey, now: datetime) -> ShownKey:
    if key.revoked_at:
        return ShownKey(key, "Revoked", "neutral", is_working=False)
    if key.expires_at and key.expires_at <= now:
        return ShownKey(key, "Rotated out", "neutral", is_working=False)
    if key.expires_at:
        return ShownKey(key, "Works until", "warning", is_working=True, until=key.expires_at)
    return ShownKey(key, "Works", "success", is_working=True)


def _counts(system: PartnerSystem, now: datetime) -> dict[str, Any]:
    """Fresh ones: whoever has just pointed an SDK here looks for its first event."""
    last_day = queries.statistics([system.pk], since=now - DAY, until=now, interval="hour", is_fresh=True)
    last_month = queries.statistics([system.pk], since=now - MONTH, until=now, interval="day", is_fresh=True)
    counts = traffic.traffic_of(PartnerSystem.objects.filter(pk=system.pk), now=now)
    return {
        "last_day": last_day,
        "last_month": last_month,
        "invalid_share": last_month.invalid / last_month.total if last_month.total else None,
        "last_at": counts[system.pk].last_at,
        "chart": _chart(last_month, now),
    }


def _chart(statistics: queries.Statistics, now: datetime) -> dict[str, Any]:
    """Every day of the month, also those on which nothing came."""
    by_day = {datetime.fromisoformat(each.at).date(): each for each in statistics.series}
    today = timezone.localdate(now)
    days = [today - timedelta(days=number) for number in range(MONTH.days, -1, -1)] if by_day else []
    series = [
        {"name": name.capitalize(), "values": [getattr(by_day.get(day), name, 0) for day in days]}
        for name in ("valid", "invalid", "duplicates")
    ]
    return {
        "id": "events-by-day",
        "title": "Events a day",
        "kind": "bar",
        "labels": [f"{day:%b} {day.day}" for day in days],
        "series": series,
        "stacked": True,
        "size": "sm",
        "axis": "Day",
        "empty": "It begins with the first event. Make a key and point an SDK here.",
    }


def _plans(request: HttpRequest, system: PartnerSystem, now: datetime) -> dict[str, Any]:
    span = {"since": now - MONTH, "until": now}
    unplanned = traffic.unplanned_names(system, **span)
    return {
        "planned": traffic.planned_names(system, **span),
        "unplanned": Paginator(unplanned, SHOWN).get_page(request.GET.get("page")),
    }
