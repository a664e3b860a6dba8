"""The shop's own events, switched on and off. A fragment of the partner's page, which tracking shows."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from config.shared.access import needs
from config.shared.htmx import page
from loyalty.actions import own_events as actions
from loyalty.models import OwnEvents
from loyalty.queries import own_events as queries
from tracking.models import Partner

MANAGES = needs("tracking.change_partner")
# What the website says of somebody who signed in there, for each way to name them.
IDENTIFY = {
    OwnEvents.NamedBy.MEMBER_ID: ("analytics.identify(member.id)", "the id in the address of the member's page here"),
    OwnEvents.NamedBy.CUSTOMER_NUMBER: ("analytics.identify(customer.number)", "letter by letter"),
    OwnEvents.NamedBy.EMAIL: ("analytics.identify(customer.email.toLowerCase())", "in lower case"),
}


class OwnEventsForm(forms.Form):
    named_by = forms.ChoiceField(
        choices=OwnEvents.NamedBy.choices,
        label="The website names its shoppers by",
        help_text="What it gives as user id. A member without it goes by the member id.",
    )
    may_be_seen = forms.BooleanField(required=False, label="They may see all of it")


@require_GET
@needs("tracking.view_partner")
def own_events(request: HttpRequest, public_id: UUID) -> HttpResponse:
    partner = get_object_or_404(Partner, public_id=public_id)
    state = queries.own_events_state(actions.FOLLOWER)
    onlookers = queries.onlookers(partner, now=timezone.now())
    form = OwnEventsForm(initial={"named_by": state.own.named_by} if state else None)
    if not onlookers:
        del form.fields["may_be_seen"]
    context = {
        "partner": partner,
        "state": state,
        "is_here": state is not None and state.own.system.partner_id == partner.pk,
        "identify": IDENTIFY[OwnEvents.NamedBy(state.own.named_by)] if state else None,
        "onlookers": onlookers,
        "seen_by": f"{onlookers} with a login or an invitation: every member's orders, points and messages.",
        "form": form,
        "may_change": request.user.has_perm("tracking.change_partner"),
    }
    return page(request, "loyalty/own_events.html", context, partials=("own-told",))


@require_POST
@MANAGES
def switch_on(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Also what changes the names, or takes them along from another partner."""
    partner, form = get_object_or_404(Partner, public_id=public_id), OwnEventsForm(request.POST)
    if form.is_valid():
        actions.switch_on(partner=partner, **form.cleaned_data, now=timezone.now())
        messages.success(request, "The shop's own events are being told. The past is filled in within minutes.")
    else:
        messages.error(request, " ".join(map(str, form.errors["named_by"])))
    return redirect("tracking:partner", public_id)


@require_POST
@MANAGES
def tell_again(request: HttpRequest, public_id: UUID) -> HttpResponse:
    get_object_or_404(OwnEvents, system__partner__public_id=public_id)
    actions.tell_all_again()
    messages.success(request, "Everything is told again. Funnels fill up within minutes.")
    return redirect("tracking:partner", public_id)


@require_POST
@MANAGES
def switch_off(request: HttpRequest, public_id: UUID) -> HttpResponse:
    own = get_object_or_404(OwnEvents.objects.select_related("system"), system__partner__public_id=public_id)
    actions.switch_off(own)
    messages.success(request, "Nothing new is told. What was told stays.")
    return redirect("tracking:partner", public_id)
