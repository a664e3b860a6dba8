"""Members: the list, one of them, and the search over everything with a name or a number."""

import uuid
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.forms.models import model_to_dict
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from config.shared.access import needs
from config.shared.errors import DomainError
from config.shared.exports import csv_response
from config.shared.forms import DateInput
from config.shared.htmx import page
from loyalty.actions import members as actions
from loyalty.actions import points
from loyalty.actions.enrolment import refuse_too_young
from loyalty.models import Consent, Member, Score, Tier
from loyalty.queries import members as queries
from loyalty.queries.brand import business
from loyalty.queries.scores import latest_scoring
from loyalty.queries.segments import segments

SHOWN, FRAGMENT = 50, 10
VIEW = needs("loyalty.view_member")


class MemberForm(forms.Form):
    """What is written here is judged by the action, which knows who has which contact already."""

    name = forms.CharField(required=False, max_length=120)
    email = forms.CharField(required=False, max_length=254, widget=forms.EmailInput)
    phone = forms.CharField(
        required=False, max_length=40, help_text="Without a country code it is read as a US number."
    )
    birth_date = forms.DateField(required=False, widget=DateInput)
    home_store = forms.ModelChoiceField(queries.stores(), required=False, empty_label="None")


class ConsentForm(forms.Form):
    channel = forms.ChoiceField(choices=Consent.Channel.choices)
    is_granted = forms.TypedChoiceField(
        label="The member", choices=[("yes", "agreed"), ("no", "opted out")], coerce=lambda value: value == "yes"
    )
    wording = forms.CharField(
        label="The words the member saw or said", max_length=1_000, widget=forms.Textarea(attrs={"rows": 3})
    )


class CorrectionForm(forms.Form):
    points = forms.IntegerField(help_text="Negative takes points away.")
    note = forms.CharField(label="Why", max_length=200)
    reference = forms.UUIDField(widget=forms.HiddenInput)


@require_GET
@VIEW
def member_list(request: HttpRequest) -> HttpResponseBase:
    filters, may_see = queries.Filters.of(request.GET), request.user.has_perm("loyalty.view_pii")
    found, now = queries.members(filters, may_see=may_see), timezone.now()
    today = timezone.localdate(now)
    if request.GET.get("format") == "csv":
        actions.note_export(by=request.user, filters=filters.chosen(), is_masked=not may_see, now=now)  # type: ignore[arg-type]
        return csv_response("members.csv", queries.CSV_COLUMNS, queries.csv_rows(found, may_see=may_see, today=today))
    rows = Paginator(found, SHOWN).get_page(request.GET.get("page"))
    context = {
        "members": rows,
        "shown": list(queries.all_shown(rows, may_see=may_see, today=today)),
        "filters": filters,
        "selects": _selects(filters),
        "is_narrowed": bool(filters.chosen().keys() - {"sort"}),
        "may_see": may_see,
    }
    return page(request, "loyalty/members.html", context, partials=("members",))


@require_GET
@VIEW
def member_page(request: HttpRequest, public_id: UUID) -> HttpResponse:
    member = get_object_or_404(queries.member_for_page(public_id))
    if member.merged_into:
        return redirect("loyalty:member", member.merged_into.public_id)
    context = {
        "member": member,
        "merges": queries.merges_of(member),
        "shown": _shown(request, member),
        "scoring": latest_scoring(),
        "consents": queries.consents_of(member),
        "consent_history": queries.consent_history(member)[:20],
        "correction": CorrectionForm(initial={"reference": uuid.uuid4()}),
        "consent_form": ConsentForm(),
    }
    return page(request, "loyalty/member.html", context)


@require_GET
@VIEW
def member_orders(request: HttpRequest, public_id: UUID) -> HttpResponse:
    member = get_object_or_404(Member, public_id=public_id)
    orders = Paginator(queries.orders_of(member), FRAGMENT).get_page(request.GET.get("page"))
    return page(request, "loyalty/member_orders.html", {"member": member, "orders": orders})


@require_GET
@VIEW
def member_ledger(request: HttpRequest, public_id: UUID) -> HttpResponse:
    member = get_object_or_404(Member, public_id=public_id)
    entries = Paginator(queries.ledger_of(member), FRAGMENT).get_page(request.GET.get("page"))
    return page(request, "loyalty/member_ledger.html", {"member": member, "entries": entries})


@require_http_methods(["GET", "POST"])
@needs("loyalty.add_member", "loyalty.view_pii")
def member_new(request: HttpRequest) -> HttpResponse:
    form = MemberForm(request.POST or None)
    if form.is_valid():
        now = timezone.now()
        try:
            if born := form.cleaned_data["birth_date"]:
                refuse_too_young(born, now=now)
            member = actions.join(**form.cleaned_data, source="staff", now=now)
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, f"{member.name or 'The member'} joined.")
            return redirect("loyalty:member", member.public_id)
    return page(request, "loyalty/member_form.html", {"form": form}, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@needs("loyalty.change_member", "loyalty.view_pii")
def member_edit(request: HttpRequest, public_id: UUID) -> HttpResponse:
    member = get_object_or_404(Member, public_id=public_id)
    form = MemberForm(request.POST or None, initial=model_to_dict(member))
    if form.is_valid():
        try:
            actions.change_member(member=member, **form.cleaned_data)
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "Saved.")
            return redirect("loyalty:member", member.public_id)
    context = {"form": form, "member": member, "shown": _shown(request, member)}
    return page(request, "loyalty/member_form.html", context, status=422 if form.errors else 200)


@require_POST
@needs("loyalty.change_consent")
def member_consent(request: HttpRequest, public_id: UUID) -> HttpResponse:
    member = get_object_or_404(Member, public_id=public_id)
    form = ConsentForm(request.POST)
    if form.is_valid():
        changed = actions.set_consent(
            member=member,
            **form.cleaned_data,
            source="staff",
            by=request.user,
            now=timezone.now(),  # type: ignore[arg-type]
        )
        messages.success(request, "Noted." if changed else "That was known already.")
    else:
        messages.error(request, "Nothing was noted: say what the member saw or said.")
    return redirect("loyalty:member", public_id)


@require_POST
@needs("loyalty.add_pointsentry")
def member_correction(request: HttpRequest, public_id: UUID) -> HttpResponse:
    member = get_object_or_404(Member, public_id=public_id)
    form = CorrectionForm(request.POST)
    if form.is_valid():
        values = form.cleaned_data | {"reference": str(form.cleaned_data["reference"])}
        entered = points.correct(member=member, **values, by=request.user, now=timezone.now())  # type: ignore[arg-type]
        messages.success(request, "Points entered." if entered else "These points were entered already.")
    else:
        messages.error(request, "Nothing was entered: give a whole number of points and a reason.")
    return redirect("loyalty:member", public_id)


@require_GET
@VIEW
def search(request: HttpRequest) -> HttpResponse:
    """Members by name or number (and by contact, for those who may see contacts), and an order by its number."""
    text, may_see = (
        request.GET.get("q", "").strip()[:100].replace("\x00", ""),
        request.user.has_perm("loyalty.view_pii"),
    )
    context: dict[str, Any] = {"q": text, "may_see": may_see}
    if text:
        found = queries.members(queries.Filters(q=text), may_see=may_see)[:20]
        today = timezone.localdate(timezone.now())
        context["shown"] = list(queries.all_shown(found, may_see=may_see, today=today))
        context["orders"] = list(queries.orders_by_number(text))
        context["currency"] = business().currency
    return page(request, "loyalty/search.html", context)


def _shown(request: HttpRequest, member: Member) -> queries.Shown:
    may_see = request.user.has_perm("loyalty.view_pii")
    return queries.shown(member, may_see=may_see, today=timezone.localdate(timezone.now()))


def _selects(filters: queries.Filters) -> list[dict[str, Any]]:
    stores = [(str(pk), name) for pk, name in queries.stores().values_list("pk", "name")]
    sorts = [(name, label) for name, (label, _) in queries.SORTS.items()]
    return [
        {"name": "group", "label": "Group", "value": filters.group, "options": Score.Group.choices},
        {"name": "risk", "label": "Churn risk", "value": filters.risk, "options": list(queries.CHURN_RISKS.items())},
        {"name": "seen", "label": "Last seen", "value": filters.seen, "options": list(queries.SEEN.items())},
        {"name": "value", "label": "Value", "value": filters.value, "options": list(queries.VALUES.items())},
        {
            "name": "tier",
            "label": "Tier",
            "value": filters.tier,
            "options": [(str(pk), name) for pk, name in Tier.objects.values_list("pk", "name")],
        },
        {
            "name": "segment",
            "label": "Segment",
            "value": filters.segment,
            "options": [(str(each.public_id), each.name) for each in segments()],
        },
        {"name": "store", "label": "Store", "value": filters.store, "options": stores},
        {"name": "consent", "label": "Consent", "value": filters.consent, "options": list(queries.CONSENTS.items())},
        {"name": "sort", "label": "Order", "value": filters.sort, "options": sorts},
    ]
