"""Referrals: what waits for review first, with the reasons, and everything else behind a filter."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from config.shared.access import needs
from config.shared.exports import csv_response
from config.shared.htmx import page
from loyalty.actions import referrals as actions
from loyalty.models import Member, Referral
from loyalty.queries import referrals as queries
from loyalty.rules.referrals import WORDS

SHOWN, FRAGMENT = 25, 10
EVERYTHING = "all"
VIEW = needs("loyalty.view_referral", "loyalty.view_member")


class ReviewForm(forms.Form):
    verdict = forms.ChoiceField(choices=[("accept", "Accept"), ("refuse", "Refuse")])
    note = forms.CharField(required=False, max_length=200)


@require_GET
@VIEW
def referral_list(request: HttpRequest, status: str = Referral.Status.HELD) -> HttpResponseBase:
    """Without a status in the address: those that wait for somebody."""
    if status not in {*Referral.Status.values, EVERYTHING}:
        raise Http404("No referral has this status.")
    q, reason = request.GET.get("q", "").strip()[:80], request.GET.get("reason", "")
    found = queries.referrals(q=q, status="" if status == EVERYTHING else status, reason=reason)
    if request.GET.get("format") == "csv":
        return csv_response("referrals.csv", queries.COLUMNS, queries.csv_rows(found))
    rows = Paginator(found, SHOWN).get_page(request.GET.get("page"))
    context = {
        "referrals": rows,
        "seen": queries.all_seen(list(rows)),
        "q": q,
        "status": status,
        "url": _url(status),
        "is_narrowed": bool(q or reason),
        "tabs": _tabs(status),
        "selects": [{"name": "reason", "label": "Reason", "value": reason, "options": _reasons()}],
    }
    return page(request, "loyalty/referrals.html", context, partials=("referrals",))


@require_POST
@needs("loyalty.change_referral")
def referral_review(request: HttpRequest, pk: int) -> HttpResponse:
    referral, form = get_object_or_404(Referral, pk=pk), ReviewForm(request.POST)
    if form.is_valid():
        accept = form.cleaned_data["verdict"] == "accept"
        done = actions.review(
            referral=referral,
            accept=accept,
            by=request.user,  # type: ignore[arg-type]
            note=form.cleaned_data["note"],
            now=timezone.now(),
        )
        messages.success(request, _said(done))
    else:
        messages.error(request, "Accept or refuse it; a note has at most 200 letters.")
    return redirect("loyalty:referrals")


@require_GET
@needs("loyalty.view_member", "loyalty.view_referral")
def member_referrals(request: HttpRequest, public_id: UUID) -> HttpResponse:
    member = get_object_or_404(Member, public_id=public_id)
    rows = Paginator(queries.brought_by(member), FRAGMENT).get_page(request.GET.get("page"))
    context = {"member": member, "referrals": rows, "bringer": queries.bringer_of(member)}
    return page(request, "loyalty/member_referrals.html", context)


def _tabs(chosen: str) -> list[dict[str, object]]:
    counts = queries.counts()
    order = (Referral.Status.HELD, Referral.Status.JOINED, Referral.Status.REWARDED, Referral.Status.REFUSED)
    tabs: list[dict[str, object]] = [
        {"label": status.label, "url": _url(status), "is_active": status == chosen, "count": counts[status]}
        for status in order
    ]
    return [*tabs, {"label": "All", "url": _url(EVERYTHING), "is_active": chosen == EVERYTHING}]


def _url(status: str) -> str:
    if status == Referral.Status.HELD:
        return reverse("loyalty:referrals")
    return reverse("loyalty:referrals-by-status", args=[status])


def _reasons() -> list[tuple[str, str]]:
    return [(str(reason), words) for reason, words in WORDS.items()]


def _said(referral: Referral) -> str:
    if referral.status == Referral.Status.REFUSED:
        return "Refused. It earns nothing."
    if referral.status == Referral.Status.REWARDED:
        return "Accepted. Both have their points."
    return "Accepted. Both earn when the friend first buys."
