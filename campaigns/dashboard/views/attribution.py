"""Which message has an order: shown what another answer would change, before it is saved."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from campaigns.actions import attribution as actions
from campaigns.forms import AttributionForm
from campaigns.queries.attribution import attribution, changes
from campaigns.queries.campaigns import begun
from config.shared.access import needs
from config.shared.htmx import page

SHOWN = 20


@require_http_methods(["GET", "POST"])
@needs("campaigns.view_attribution")
def attribution_page(request: HttpRequest) -> HttpResponse:
    """A first POST shows the difference, campaign by campaign; one that says `save` keeps it."""
    may_edit = request.user.has_perm("campaigns.change_attribution")
    if request.method == "POST" and not may_edit:
        raise PermissionDenied
    form = AttributionForm(request.POST or None, instance=attribution())
    found = None
    if form.is_valid():
        if "save" in request.POST:
            actions.change_attribution(**form.cleaned_data)
            messages.success(request, "Saved. Every figure is read this way from now on.")
            return redirect("campaigns:attribution")
        found = changes(begun()[:SHOWN], to=actions.proposed(**form.cleaned_data))
    context = {"form": form, "may_edit": may_edit, "changes": found}
    return page(request, "campaigns/attribution.html", context, status=422 if form.errors else 200)
