"""Tiers: the ladder, and how many members stand on each step."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from config.shared.access import needs
from config.shared.errors import DomainError
from config.shared.forms import ActionForm
from config.shared.htmx import page
from config.shared.nudge import nudge
from loyalty.actions import tiers as actions
from loyalty.models import Tier
from loyalty.queries import tiers as queries
from loyalty.queries.terms import terms

VIEW, CHANGE = needs("loyalty.view_tier"), needs("loyalty.change_tier")


class TierForm(ActionForm):
    class Meta:
        model = Tier
        fields = ("name", "threshold", "colour", "perks")
        widgets = {"colour": forms.TextInput(attrs={"type": "color"}), "perks": forms.Textarea(attrs={"rows": 4})}
        labels = {"threshold": "Reached from"}
        help_texts = {"threshold": "The tier that begins at 0 is for everybody."}


@require_GET
@VIEW
def tier_list(request: HttpRequest) -> HttpResponse:
    context = {
        "tiers": queries.tiers(),
        "terms": terms(),
        "may_change": request.user.has_perm("loyalty.change_tier"),
    }
    return page(request, "loyalty/tiers.html", context)


@require_http_methods(["GET", "POST"])
@CHANGE
def tier_edit(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    tier = None if pk is None else get_object_or_404(Tier, pk=pk)
    form = TierForm(request.POST or None, instance=tier)
    if form.is_valid():
        try:
            actions.save_tier(tier=tier, **form.cleaned_data)
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            nudge("loyalty.count_tiers")
            messages.success(request, "Saved. Members are placed in a moment.")
            return redirect("loyalty:tiers")
    context = {"form": form, "tier": tier, "terms": terms()}
    return page(request, "loyalty/tier_form.html", context, status=422 if form.errors else 200)


@require_POST
@CHANGE
def tier_remove(request: HttpRequest, pk: int) -> HttpResponse:
    tier = get_object_or_404(Tier, pk=pk)
    actions.remove_tier(tier=tier, now=timezone.now())
    messages.success(request, f"{tier.name} is gone; its members stand one step lower.")
    return redirect("loyalty:tiers")
