"""Redemptions: the list, and one of them, which is redeemed or given back here."""

from typing import Any
from uuid import UUID

from django import forms
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
from loyalty.actions import redemptions as actions
from loyalty.dashboard.till import remember_store, store_for
from loyalty.models import Member, Redemption, Reward
from loyalty.queries import rewards as queries
from loyalty.queries.members import stores

SHOWN, FRAGMENT = 50, 10
VIEW, CHANGE = needs("loyalty.view_redemption"), needs("loyalty.change_redemption")


class ProofForm(forms.Form):
    proof = forms.CharField(
        label="PIN or scanned QR code",
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric"}),
        help_text="The six digits on the member's phone.",
    )
    store = forms.ModelChoiceField(stores(), empty_label="Choose the store")


class ReleaseForm(forms.Form):
    note = forms.CharField(label="Why", max_length=200)


@require_GET
@VIEW
def redemption_list(request: HttpRequest) -> HttpResponseBase:
    asked = {name: request.GET.get(name, "").strip()[:80] for name in ("q", "status", "reward", "store")}
    found = queries.redemptions(**asked)
    if request.GET.get("format") == "csv":
        return csv_response("redemptions.csv", queries.REDEMPTION_COLUMNS, queries.redemption_rows(found))
    context = {
        "redemptions": Paginator(found, SHOWN).get_page(request.GET.get("page")),
        "q": asked["q"],
        "is_narrowed": any(asked.values()),
        "selects": _selects(asked),
    }
    return page(request, "loyalty/redemptions.html", context, partials=("redemptions",))


@require_GET
@VIEW
def redemption_page(request: HttpRequest, public_id: UUID) -> HttpResponse:
    found = Redemption.objects.select_related("member__home_store", "reward__picture", "store", "order", "by")
    redemption = get_object_or_404(found.defer("reward__picture__content"), public_id=public_id)
    context = {
        "redemption": redemption,
        "form": ProofForm(initial={"store": store_for(request, redemption.member)}),
        "release_form": ReleaseForm(),
        "tries_left": actions.MOST_WRONG_PINS - redemption.wrong_pins,
        "is_over": redemption.expires_at <= timezone.now(),
    }
    return page(request, "loyalty/redemption.html", context)


@require_POST
@CHANGE
def redemption_redeem(request: HttpRequest, public_id: UUID) -> HttpResponse:
    redemption, form = get_object_or_404(Redemption, public_id=public_id), ProofForm(request.POST)
    if form.is_valid():
        actions.redeem(redemption=redemption, **form.cleaned_data, by=request.user, now=timezone.now())  # type: ignore[arg-type]
        remember_store(request, form.cleaned_data["store"])
        messages.success(request, "Redeemed. Hand it over.")
    else:
        messages.error(request, "Type the PIN on the member's phone and choose the store.")
    return redirect("loyalty:redemption", public_id)


@require_POST
@CHANGE
def redemption_release(request: HttpRequest, public_id: UUID) -> HttpResponse:
    redemption, form = get_object_or_404(Redemption, public_id=public_id), ReleaseForm(request.POST)
    if form.is_valid():
        actions.release(redemption=redemption, note=form.cleaned_data["note"], now=timezone.now())
        messages.success(request, "Given back. The points are the member's again.")
    else:
        messages.error(request, "Say why: the note stays beside the points.")
    return redirect("loyalty:redemption", public_id)


@require_GET
@needs("loyalty.view_member", "loyalty.view_redemption")
def member_redemptions(request: HttpRequest, public_id: UUID) -> HttpResponse:
    member = get_object_or_404(Member, public_id=public_id)
    rows = Paginator(queries.redemptions_of(member), FRAGMENT).get_page(request.GET.get("page"))
    return page(request, "loyalty/member_redemptions.html", {"member": member, "redemptions": rows})


def _selects(asked: dict[str, str]) -> list[dict[str, Any]]:
    rewards = [(str(pk), name) for pk, name in Reward.objects.order_by("name").values_list("pk", "name")]
    named = [(str(pk), name) for pk, name in stores().values_list("pk", "name")]
    return [
        {"name": "status", "label": "Status", "value": asked["status"], "options": Redemption.Status.choices},
        {"name": "reward", "label": "Reward", "value": asked["reward"], "options": rewards},
        {"name": "store", "label": "Store", "value": asked["store"], "options": named},
    ]
