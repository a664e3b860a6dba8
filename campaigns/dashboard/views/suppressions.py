"""Addresses left alone: which, since when and why; one more by hand, one less with a reason."""

from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from campaigns.actions import suppressions as actions
from campaigns.forms import LiftForm, SuppressionForm
from campaigns.models import Suppression
from campaigns.queries import permits as queries
from config.shared.access import needs
from config.shared.errors import DomainError
from config.shared.exports import by_shop_clock, csv_response
from config.shared.htmx import page
from config.shared.masking import masked
from loyalty.actions.members import note_export
from loyalty.rules.contacts import masked_email, masked_phone

SHOWN = 50


@require_GET
@needs("campaigns.view_suppression")
def suppression_list(request: HttpRequest) -> HttpResponseBase:
    """Who may not see contacts cannot search by one either: a hit would confirm whose it is."""
    may_see, now = request.user.has_perm("loyalty.view_pii"), timezone.now()
    search = request.GET.get("q", "").strip() if may_see else ""
    reason = request.GET.get("reason", "")
    reason = reason if reason in Suppression.Reason else ""
    found = queries.suppressions(search=search, reason=reason)
    if request.GET.get("format") == "csv":
        chosen = {"list": "addresses left alone", "q": search, "reason": reason}
        filters = {name: value for name, value in chosen.items() if value}
        note_export(by=request.user, filters=filters, is_masked=not may_see, now=now)  # type: ignore[arg-type]
        return csv_response("left-alone.csv", _heads(), _csv_rows(found, may_see))
    rows = Paginator(found, SHOWN).get_page(request.GET.get("page"))
    context = {
        "page": rows,
        "rows": [(row, *_shown(row, may_see)) for row in rows],
        "q": search,
        "reason": reason,
        "selects": [{"name": "reason", "label": "Why", "value": reason, "options": Suppression.Reason.choices}],
        "may_see": may_see,
        "may_add": request.user.has_perm("campaigns.add_suppression"),
        "may_lift": request.user.has_perm("campaigns.change_suppression"),
    }
    return page(request, "campaigns/suppressions.html", context, partials=("left-alone",))


@require_http_methods(["GET", "POST"])
@needs("campaigns.add_suppression")
def suppression_add(request: HttpRequest) -> HttpResponse:
    form = SuppressionForm(request.POST or None, initial={"channel": "email"})
    if form.is_valid():
        try:
            actions.suppress(**form.cleaned_data, by=request.user, now=timezone.now())  # type: ignore[arg-type]
        except DomainError as refusal:
            form.add_error("address", str(refusal))
        else:
            messages.success(request, "This address is left alone from now on.")
            return redirect("campaigns:left-alone")
    return page(request, "campaigns/suppression_form.html", {"form": form}, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@needs("campaigns.change_suppression")
def suppression_lift(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(queries.suppressions(), pk=pk)
    form = LiftForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            actions.lift(suppression=row, note=form.cleaned_data["note"], by=request.user, now=timezone.now())  # type: ignore[arg-type]
        except DomainError as refusal:
            form.add_error("note", str(refusal))
        else:
            messages.success(request, "This address may be written to again.")
            return redirect("campaigns:left-alone")
    address, note = _shown(row, request.user.has_perm("loyalty.view_pii"))
    context = {
        "form": form,
        "row": row,
        "address": address,
        "facts": [
            {"label": "Why it is left alone", "value": row.get_reason_display()},
            {"label": "Note", "value": note or None},
            {"label": "Since", "value": timezone.localtime(row.created_at).strftime("%b %-d, %Y")},
            {"label": "By", "value": row.by.get_full_name() if row.by else "A report of the provider"},
        ],
    }
    return page(request, "campaigns/suppression_lift.html", context, status=422 if form.errors else 200)


def _heads() -> tuple[str, ...]:
    return ("Address", "Channel", "Why", "Note", *by_shop_clock("Since"), "By")


def _csv_rows(found: QuerySet[Suppression], may_see: bool) -> Iterator[tuple[Any, ...]]:
    for row in found.iterator(chunk_size=1_000):
        address, note = _shown(row, may_see)
        by = row.by.get_full_name() if row.by else "The provider's report"
        yield address, row.get_channel_display(), row.get_reason_display(), note, row.created_at, by


def _shown(row: Suppression, may_see: bool) -> tuple[str, str]:
    """The address and the note. Mail servers like to repeat the address in what they refuse."""
    if may_see:
        return row.address, row.note
    mask = masked_email if row.channel == "email" else masked_phone
    return mask(row.address), masked(row.note)
