from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from campaigns.actions import playbooks as actions
from campaigns.actions import policy as policy_actions
from campaigns.forms import OfferForm, PlaybookForm, PolicyForm
from campaigns.models import Offer, Playbook
from campaigns.queries.lift import PlaybookLift, known_playbook_lifts
from campaigns.queries.policy import policy
from campaigns.queries.track_record import DAYS, records_of
from config.shared.access import needs
from config.shared.htmx import page


@require_GET
@needs("campaigns.view_playbook")
def playbook_list(request: HttpRequest) -> HttpResponse:
    lifts = {lift.playbook_id: lift for lift in known_playbook_lifts(now=timezone.now())}
    by_lift = {playbook: place for place, playbook in enumerate(lifts)}
    playbooks = sorted(Playbook.objects.prefetch_related("offers"), key=lambda playbook: by_lift[playbook.pk])
    context = {
        "playbooks": [(playbook, lifts[playbook.pk], _said_of(lifts[playbook.pk])) for playbook in playbooks],
        "offers": Offer.objects.all(),
        "may_edit": request.user.has_perm("campaigns.change_playbook"),
    }
    return page(request, "campaigns/playbooks.html", context)


def _said_of(lift: PlaybookLift) -> str:
    """`12 to 31 more orders of 100 members, 3 campaigns`"""
    if lift.lift_per_member is None or lift.low is None or lift.high is None:
        return ""
    low, high = (f"{100 * bound:+.1f}" for bound in (lift.low, lift.high))
    return f"{low} to {high}, {lift.campaigns} campaign{'' if lift.campaigns == 1 else 's'}"


@require_http_methods(["GET", "POST"])
@needs("campaigns.change_playbook")
def playbook_new(request: HttpRequest) -> HttpResponse:
    return _playbook_shown(request, None, may_edit=True)


@require_http_methods(["GET", "POST"])
@needs("campaigns.view_playbook")
def playbook_page(request: HttpRequest, pk: int) -> HttpResponse:
    """What it says, to be changed by those who may, and what it has brought."""
    may_edit = request.user.has_perm("campaigns.change_playbook")
    if request.method == "POST" and not may_edit:
        raise PermissionDenied
    return _playbook_shown(request, get_object_or_404(Playbook, pk=pk), may_edit=may_edit)


def _playbook_shown(request: HttpRequest, playbook: Playbook | None, *, may_edit: bool) -> HttpResponse:
    form = PlaybookForm(request.POST or None, instance=playbook)
    if form.is_valid():
        actions.save_playbook(playbook=playbook, **form.cleaned_data)
        messages.success(request, "Saved. Plans made from now on use it.")
        return redirect("campaigns:playbooks")
    context: dict[str, Any] = {"form": form, "heading": "New playbook", "may_edit": may_edit}
    if playbook:
        context |= {
            "playbook": playbook,
            "heading": playbook.name,
            "records": records_of(playbook, now=timezone.now()),
            "brought_words": f"Of the last {DAYS} days. Orders are counted as on the page of a campaign.",
        }
    return page(request, "campaigns/playbook_form.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@needs("campaigns.change_offer")
def offer_edit(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    offer = None if pk is None else get_object_or_404(Offer, pk=pk)
    form = OfferForm(request.POST or None, instance=offer)
    if form.is_valid():
        actions.save_offer(offer=offer, **form.cleaned_data)
        messages.success(request, "Saved.")
        return redirect("campaigns:playbooks")
    context = {"form": form, "heading": offer.name if offer else "New offer", "may_edit": True}
    return page(request, "campaigns/playbook_form.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@needs("campaigns.view_campaignpolicy")
def policy_page(request: HttpRequest) -> HttpResponse:
    may_edit = request.user.has_perm("campaigns.change_campaignpolicy")
    if request.method == "POST" and not may_edit:
        raise PermissionDenied
    form = PolicyForm(request.POST or None, instance=policy())
    if form.is_valid():
        policy_actions.change_policy(**form.cleaned_data, now=timezone.now())
        messages.success(request, "Saved.")
        return redirect("campaigns:policy")
    context = {"form": form, "may_edit": may_edit}
    return page(request, "campaigns/policy.html", context, status=422 if form.errors else 200)
