"""What is done to all members of a filtered list, with a look at it first."""

import uuid

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods

from config.shared.access import needs
from config.shared.errors import DomainError
from config.shared.htmx import page
from loyalty.actions import points as actions
from loyalty.queries import members as queries

SAMPLE = 5


class GiveForm(forms.Form):
    points = forms.IntegerField(label="Points for each", min_value=1, max_value=actions.LARGEST_CORRECTION)
    note = forms.CharField(label="Why", max_length=200)
    reference = forms.UUIDField(widget=forms.HiddenInput)


@require_http_methods(["GET", "POST"])
@needs("loyalty.add_pointsentry", "loyalty.view_member")
def give_points(request: HttpRequest) -> HttpResponse:
    """The filters are those of the list, in the address. Nothing is given before one has seen what it comes to."""
    filters, may_see = queries.Filters.of(request.GET), request.user.has_perm("loyalty.view_pii")
    found = queries.members(filters, may_see=may_see)
    form = GiveForm(request.POST or None, initial={"reference": uuid.uuid4()})
    is_previewed = False
    if form.is_valid():
        seen, points = request.POST.get("previewed", ""), form.cleaned_data["points"]
        if request.POST.get("do") == "give" and seen == str(points):
            try:
                given = actions.give_to_many(
                    members=found,
                    points=points,
                    note=form.cleaned_data["note"],
                    reference=str(form.cleaned_data["reference"]),
                    by=request.user,
                    now=timezone.now(),
                )
            except DomainError as refusal:
                form.add_error(None, str(refusal))
            else:
                messages.success(request, f"{given:,} members got {points:,} points each.")
                return redirect(f"{reverse('loyalty:members')}?{urlencode(filters.chosen())}")
        else:
            is_previewed = True
    members = found.count()
    context = {
        "form": form,
        "members": members,
        "total": members * form.cleaned_data["points"] if is_previewed else None,
        "sample": queries.all_shown(found[:SAMPLE], may_see=may_see, today=timezone.localdate(timezone.now())),
        "more": max(0, members - SAMPLE),
        "chosen": [(name, value) for name, value in filters.chosen().items() if name != "sort"],
        "is_previewed": is_previewed,
    }
    return page(request, "loyalty/bulk_points.html", context, status=422 if form.errors else 200)
