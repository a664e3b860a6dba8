"""What the gate goes by, in Settings: rules, caps and speed, each with its source or its reason."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from campaigns.actions import permits as actions
from campaigns.forms import CapForm, MessagePolicyForm, QuietHoursForm, RateForm
from campaigns.models import FrequencyCap, MessagePolicy, QuietHours, SendingRate
from campaigns.queries import permits as queries
from campaigns.queries.policy import policy
from config.shared.access import needs
from config.shared.errors import DomainError
from config.shared.htmx import page
from loyalty.queries.brand import business

HELD = "Saved. Messages that are due from now on go by it."


@require_GET
@needs("campaigns.view_messagepolicy", "campaigns.view_quiethours")
def rules(request: HttpRequest) -> HttpResponse:
    context = {
        "policies": queries.message_policies(),
        "hours": queries.quiet_hours(),
        "vertical": business().vertical,
        "may_change": request.user.has_perm("campaigns.change_messagepolicy"),
        "may_change_hours": request.user.has_perm("campaigns.change_quiethours"),
    }
    return page(request, "campaigns/permit_rules.html", context)


@require_http_methods(["GET", "POST"])
@needs("campaigns.change_messagepolicy")
def message_policy(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    row = None if pk is None else get_object_or_404(MessagePolicy, pk=pk)
    initial = None if row else {"vertical": business().vertical, "as_of": timezone.localdate()}
    form = MessagePolicyForm(request.POST or None, instance=row, initial=initial)
    if _is_done(form, lambda told: actions.save_message_policy(policy=row, **told)):
        messages.success(request, HELD)
        return redirect("campaigns:permit-rules")
    lead = "An empty field means any. Of the rules that concern a message the narrowest decides."
    return _form_page(request, form, row.concerns if row else "New rule", lead, "permit-rules")


@require_http_methods(["GET", "POST"])
@needs("campaigns.change_quiethours")
def hours(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    row = None if pk is None else get_object_or_404(QuietHours, pk=pk)
    form = QuietHoursForm(request.POST or None, instance=row, initial=None if row else {"as_of": timezone.localdate()})
    if _is_done(form, lambda told: actions.save_quiet_hours(hours=row, **told)):
        messages.success(request, HELD)
        return redirect("campaigns:permit-rules")
    lead = "Messages leave when these hours and your own are both open, on the member's clock."
    return _form_page(request, form, row.concerns if row else "Hours of a state", lead, "permit-rules")


@require_POST
@needs("campaigns.change_messagepolicy")
def message_policy_switch(request: HttpRequest, pk: int) -> HttpResponse:
    return _switch(request, get_object_or_404(MessagePolicy, pk=pk))


@require_POST
@needs("campaigns.change_quiethours")
def hours_switch(request: HttpRequest, pk: int) -> HttpResponse:
    return _switch(request, get_object_or_404(QuietHours, pk=pk))


@require_GET
@needs("campaigns.view_frequencycap")
def caps(request: HttpRequest) -> HttpResponse:
    context = {
        "caps": FrequencyCap.objects.all(),
        "messages_per_day": policy().messages_per_day,
        "may_change": request.user.has_perm("campaigns.change_frequencycap"),
    }
    return page(request, "campaigns/permit_caps.html", context)


@require_http_methods(["GET", "POST"])
@needs("campaigns.change_frequencycap")
def cap(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    row = None if pk is None else get_object_or_404(FrequencyCap, pk=pk)
    form = CapForm(request.POST or None, instance=row)
    if _is_done(form, lambda told: actions.save_cap(cap=row, **told)):
        messages.success(request, HELD)
        return redirect("campaigns:permit-caps")
    lead = "What is one too many waits for a later day, or is not sent once the campaign is over."
    return _form_page(request, form, "Change a cap" if row else "New cap", lead, "permit-caps")


@require_POST
@needs("campaigns.delete_frequencycap")
def cap_remove(request: HttpRequest, pk: int) -> HttpResponse:
    actions.remove_cap(cap=get_object_or_404(FrequencyCap, pk=pk))
    messages.success(request, "The cap is gone.")
    return redirect("campaigns:permit-caps")


@require_GET
@needs("campaigns.view_sendingrate")
def speed(request: HttpRequest) -> HttpResponse:
    context = {
        "speeds": queries.speeds(timezone.now()),
        "may_change": request.user.has_perm("campaigns.change_sendingrate"),
    }
    return page(request, "campaigns/permit_speed.html", context)


@require_http_methods(["GET", "POST"])
@needs("campaigns.change_sendingrate")
def rate(request: HttpRequest, provider: str) -> HttpResponse:
    found = _speed_of(provider)
    form = RateForm(request.POST if request.method == "POST" else None, instance=found.rate)
    if _is_done(form, lambda told: actions.set_rate(provider=provider, **told)):
        messages.success(request, HELD)
        return redirect("campaigns:permit-speed")
    lead = "All campaigns together hand over no more than this. What is due waits its turn, and nothing is lost."
    return _form_page(request, form, provider, lead, "permit-speed")


@require_POST
@needs("campaigns.change_sendingrate")
def pause_end(request: HttpRequest, provider: str) -> HttpResponse:
    actions.end_pause(rate=get_object_or_404(SendingRate, provider=provider))
    messages.success(request, f"{provider} is spoken to again.")
    return redirect("campaigns:permit-speed")


def _speed_of(provider: str) -> queries.Speed:
    for each in queries.speeds(timezone.now()):
        if each.provider == provider:
            return each
    raise Http404


def _switch(request: HttpRequest, row: MessagePolicy | QuietHours) -> HttpResponse:
    is_in_force = request.POST.get("is_in_force") == "yes"
    actions.put_in_force(row=row, is_in_force=is_in_force)
    messages.success(request, "It is in force." if is_in_force else "It is not in force any more.")
    return redirect("campaigns:permit-rules")


def _is_done(form: forms.BaseForm, act: Callable[[dict[str, Any]], object]) -> bool:
    """Whether the action has taken what was written. What it refuses is said on the form."""
    if not form.is_valid():
        return False
    try:
        act(form.cleaned_data)
    except DomainError as refusal:
        form.add_error(None, str(refusal))
        return False
    return True


def _form_page(request: HttpRequest, form: forms.BaseForm, heading: str, lead: str, back: str) -> HttpResponse:
    context = {
        "form": form,
        "heading": heading,
        "lead": lead,
        "back_url": reverse(f"campaigns:{back}"),
    }
    return page(request, "campaigns/permit_form.html", context, status=422 if form.errors else 200)
