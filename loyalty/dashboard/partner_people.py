"""A partner's own people: invited by email, put on leave. A fragment of the partner's page, which tracking shows."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from config.shared.access import needs
from config.shared.htmx import page
from loyalty.actions import people as actions
from loyalty.queries import people
from loyalty.queries.own_events import are_seen_at
from tracking.models import Partner

MANAGES = needs("tracking.add_partneraccess", "tracking.change_partneraccess")


class PartnerPersonForm(forms.Form):
    email = forms.EmailField(label="Email of the person to invite")
    may_be_seen = forms.BooleanField(required=False, label="They may see all of it")


@require_GET
@MANAGES
def people_of(request: HttpRequest, public_id: UUID) -> HttpResponse:
    partner = get_object_or_404(Partner, public_id=public_id)
    context = {
        "partner": partner,
        "people": people.partner_logins().filter(partner_access__partner=partner),
        "invitations": people.open_invitations(timezone.now()).filter(partner=partner),
        "form": PartnerPersonForm(),
        "see_own_events": are_seen_at(partner),
    }
    return page(request, "loyalty/partner_people.html", context)


@require_POST
@MANAGES
def invite(request: HttpRequest, public_id: UUID) -> HttpResponse:
    partner, form = get_object_or_404(Partner, public_id=public_id), PartnerPersonForm(request.POST)
    if form.is_valid():
        invitation = actions.invite_for_partner(
            **form.cleaned_data, partner=partner, by=request.user, now=timezone.now()
        )
        messages.success(request, f"{invitation.email} gets an email with a link, valid for a week.")
    else:
        messages.error(request, " ".join(map(str, form.errors["email"])))
    return redirect("tracking:partner", public_id)


@require_POST
@MANAGES
def switch(request: HttpRequest, public_id: UUID, pk: int) -> HttpResponse:
    """Let one of them sign in, or not."""
    user = get_object_or_404(people.partner_logins(), partner_access__partner__public_id=public_id, pk=pk)
    actions.set_active(user=user, is_active=request.POST.get("active") == "yes", now=timezone.now())
    messages.success(request, f"{user.get_full_name()} {'may sign in' if user.is_active else 'is shut out'}.")
    return redirect("tracking:partner", public_id)


@require_POST
@MANAGES
def withdraw(request: HttpRequest, public_id: UUID, pk: int) -> HttpResponse:
    now = timezone.now()
    invitation = get_object_or_404(people.open_invitations(now), partner__public_id=public_id, pk=pk)
    actions.withdraw_invitation(invitation=invitation, now=now)
    messages.info(request, "Withdrawn.")
    return redirect("tracking:partner", public_id)
