"""Who sends events: the list of partners, and one of them with its systems."""

from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from config.shared.access import needs
from config.shared.exports import csv_response
from config.shared.htmx import page
from tracking.actions import partners as actions
from tracking.dashboard.access import for_onlookers
from tracking.models import Partner, PartnerSystem
from tracking.models.partners import SENDING_KINDS
from tracking.queries import scope, traffic

SHOWN = 50
STATES = {"on": True, "off": False}


class PartnerForm(forms.Form):
    name = forms.CharField(max_length=120, help_text="The company, or the part of yours, that sends events.")


class SystemForm(forms.Form):
    name = forms.CharField(max_length=120, help_text="Such as “Website” or “Till, Main Street”.")
    kind = forms.ChoiceField(choices=SENDING_KINDS)
    events_per_second = forms.IntegerField(
        min_value=0,
        max_value=1_000_000,
        initial=0,
        label="Events a second",
        help_text="More than this on average is answered 429, and SDKs send it again later. 0 means no limit.",
    )


@require_GET
@for_onlookers
def partner_list(request: HttpRequest) -> HttpResponseBase:
    if own := scope.partner_of(request.user):
        return redirect("tracking:partner", own.public_id)
    q, state, now = request.GET.get("q", "").strip()[:120], request.GET.get("state", ""), timezone.now()
    found = traffic.partners(scope.partners_seen_by(request.user), q=q, is_active=STATES.get(state))
    if request.GET.get("format") == "csv":
        return csv_response("partners.csv", traffic.CSV_COLUMNS, traffic.csv_rows(traffic.with_traffic(found, now=now)))
    listed = Paginator(found, SHOWN).get_page(request.GET.get("page"))
    context = {
        "partners": listed,
        "rows": traffic.with_traffic(listed, now=now),
        "q": q,
        "selects": [
            {"name": "state", "label": "State", "value": state, "options": [("on", "On"), ("off", "Switched off")]}
        ],
        "is_narrowed": bool(q or state),
        "form": PartnerForm(),
        "may_add": request.user.has_perm("tracking.add_partner"),
    }
    return page(request, "tracking/partners.html", context, partials=("partners",))


@require_POST
@needs("tracking.add_partner")
def partner_add(request: HttpRequest) -> HttpResponse:
    form = PartnerForm(request.POST)
    if not form.is_valid():
        return said_again(request, form, "tracking:partners")
    partner = actions.add_partner(**form.cleaned_data)
    messages.success(request, f"{partner.name} is here. Add the first system that sends its events.")
    return redirect("tracking:partner", partner.public_id)


@require_GET
@for_onlookers
def partner_page(request: HttpRequest, public_id: UUID) -> HttpResponse:
    partner = get_object_or_404(scope.partners_seen_by(request.user), public_id=public_id)
    systems = Paginator(partner.systems.order_by("name", "pk"), SHOWN).get_page(request.GET.get("page"))
    counts = traffic.traffic_of(PartnerSystem.objects.filter(pk__in=[each.pk for each in systems]), now=timezone.now())
    context = {
        "partner": partner,
        "systems": systems,
        "rows": [(system, counts[system.pk]) for system in systems],
        "form": PartnerForm(initial={"name": partner.name}),
        "system_form": SystemForm(),
        "may_change": request.user.has_perm("tracking.change_partner"),
        "may_add": request.user.has_perm("tracking.add_partnersystem"),
        "may_see_own": request.user.has_perm("tracking.view_partner"),
        "may_invite": request.user.has_perm("tracking.change_partneraccess"),
    }
    return page(request, "tracking/partner.html", context, partials=("systems",))


@require_POST
@needs("tracking.change_partner")
def partner_change(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """A new name, or the switch."""
    partner = get_object_or_404(Partner, public_id=public_id)
    if "active" in request.POST:
        is_active = request.POST["active"] == "yes"
        actions.change_partner(partner, name=partner.name, is_active=is_active)
        messages.success(request, f"{partner.name} is switched {'on' if is_active else 'off'}.")
    elif (form := PartnerForm(request.POST)).is_valid():
        actions.change_partner(partner, is_active=partner.is_active, **form.cleaned_data)
        messages.success(request, "Saved.")
    else:
        return said_again(request, form, "tracking:partner", public_id)
    return redirect("tracking:partner", public_id)


@require_POST
@needs("tracking.add_partnersystem")
def system_add(request: HttpRequest, public_id: UUID) -> HttpResponse:
    partner = get_object_or_404(Partner, public_id=public_id)
    form = SystemForm(request.POST)
    if not form.is_valid():
        return said_again(request, form, "tracking:partner", public_id)
    system = actions.add_system(partner=partner, **form.cleaned_data)
    messages.success(request, f"{system.name} is here. Make its first key.")
    return redirect("tracking:system", system.public_id)


def said_again(request: HttpRequest, form: forms.Form, *place: Any) -> HttpResponse:
    """Back to the page with what a dialog's form could not use."""
    for name, errors in form.errors.items():
        label = form.fields[name].label or name.replace("_", " ").capitalize()
        messages.error(request, f"{label}: {' '.join(map(str, errors))}")
    return redirect(*place)


def base_url() -> str:
    """Where SDKs find this host."""
    return str(settings.PUBLIC_URL)
