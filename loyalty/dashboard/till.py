"""The till view: find a member, try a basket, enter an order, and see what they have held."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.forms import BaseFormSet, formset_factory
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from config.shared.access import needs
from config.shared.errors import DomainError
from config.shared.htmx import page
from loyalty.actions import cards, purchases
from loyalty.models import Member, Order, Product, Redemption, Store
from loyalty.queries import at_the_till, tiers
from loyalty.queries.basket import BasketLine, examine
from loyalty.queries.members import stores
from loyalty.queries.rewards import held_by_code, offered_to
from loyalty.rules.contacts import masked_email, masked_phone

USE = needs("loyalty.view_member", "loyalty.add_order")
ROWS, LAST = 4, 5
FILL_IN = "Choose the store and fill in a line first."
CARD, PASS = "RGC", "RGW"
STORE = "till_store"


class SaleForm(forms.Form):
    store = forms.ModelChoiceField(stores(), empty_label="Choose the store")
    number = forms.CharField(max_length=64, label="Receipt number")
    paid_with_points = forms.DecimalField(
        label="Of it paid with points", required=False, min_value=0, max_digits=10, decimal_places=2
    )


class LineForm(forms.Form):
    """A row without a product counts for nothing."""

    sku = forms.CharField(
        label="Product (SKU)", required=False, max_length=64, widget=forms.TextInput(attrs={"list": "products"})
    )
    quantity = forms.DecimalField(
        required=False, min_value=Decimal("0.001"), max_digits=10, decimal_places=3, initial=1
    )
    amount = forms.DecimalField(label="Paid", required=False, min_value=0, max_digits=10, decimal_places=2)

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        if given.get("amount") and not given.get("sku"):
            raise forms.ValidationError("Say which product this was paid for, or empty the row.")
        if given.get("sku") and (given.get("amount") is None or given.get("quantity") is None):
            raise forms.ValidationError("Give the quantity and what was paid.")
        return given


Lines = formset_factory(LineForm, extra=ROWS, max_num=50)


@require_GET
@USE
def till(request: HttpRequest) -> HttpResponse:
    """By name, number or contact, a card's text that a scanner read, a held reward's code, or a receipt's number."""
    asked = request.GET.get("q", "").strip()[:200]
    if asked.startswith((CARD, PASS)):
        return redirect("loyalty:till-member", cards.holder_of(text=asked, now=timezone.now()).public_id)
    found = list(at_the_till.found(asked)) if asked else []
    if asked and not found:
        if order := Order.objects.filter(number=asked).first():
            return redirect("loyalty:till-receipt", order.pk)
        if redemption := held_by_code(asked).first():
            return redirect("loyalty:redemption", redemption.public_id)
    if len(found) == 1:
        return redirect("loyalty:till-member", found[0].public_id)
    rows = [(member, masked_email(member.email), masked_phone(member.phone)) for member in found]
    context = {"q": asked, "rows": rows, "most": at_the_till.MOST, "is_full": len(rows) == at_the_till.MOST}
    return page(request, "loyalty/till.html", context)


@require_GET
@USE
def till_member(request: HttpRequest, public_id: UUID) -> HttpResponse:
    member = get_object_or_404(at_the_till.members(), public_id=public_id)
    sale = SaleForm(initial={"store": store_for(request, member), "number": f"T-{uuid.uuid4().hex[:10].upper()}"})
    return _shown(request, member, sale, Lines())


@require_GET
@USE
def till_now(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """What changes while the member stands there: the page asks every few seconds, and says which points it shows.

    What is within reach is looked through only when they are others by now.
    """
    member, now = get_object_or_404(at_the_till.members(), public_id=public_id), timezone.now()
    context, shown = _now(request, member, now), request.GET.get("points")
    if shown is not None and shown != str(member.points_account.balance):
        context["offered"] = offered_to(member, now=now)
    return render(request, "loyalty/till_member.html#now", context)


@require_POST
@USE
def till_try(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """What the basket would earn. Nothing is written."""
    member = get_object_or_404(at_the_till.members(), public_id=public_id)
    sale, lines = SaleForm(request.POST), Lines(request.POST)
    if not (sale.is_valid() and lines.is_valid() and _sold(lines)):
        fault = next((str(faults[0]) for form in lines if (faults := form.non_field_errors())), FILL_IN)
        return page(request, "loyalty/earn_rule_tried.html", {"fault": fault})
    basket = [BasketLine(sku=line.sku, quantity=line.quantity, amount=line.amount) for line in _sold(lines)]
    tried = examine(
        member=member,
        lines=basket,
        store=sale.cleaned_data["store"],
        at=timezone.now(),
        paid_with_points=sale.cleaned_data["paid_with_points"] or Decimal(0),
    )
    context = {"tried": tried, "member": member, "unknown": _unknown(lines)}
    return page(request, "loyalty/earn_rule_tried.html", context)


@require_http_methods(["GET", "POST"])
@USE
def till_order(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Of a refused order the browser keeps the address: opened again, it leads back to the member."""
    if request.method == "GET":
        return redirect("loyalty:till-member", public_id)
    member = get_object_or_404(at_the_till.members(), public_id=public_id)
    sale, lines = SaleForm(request.POST), Lines(request.POST)
    if not (sale.is_valid() and lines.is_valid()):
        return _shown(request, member, sale, lines, status=422)
    if not _sold(lines):
        sale.add_error(None, "Fill in at least one line.")
        return _shown(request, member, sale, lines, status=422)
    now, unknown = timezone.now(), _unknown(lines)
    try:
        order = purchases.record_order(
            number=sale.cleaned_data["number"],
            member=member,
            store=sale.cleaned_data["store"],
            ordered_at=now,
            lines=_sold(lines),
            paid_with_points=sale.cleaned_data["paid_with_points"] or Decimal(0),
            now=now,
        )
    except DomainError as refusal:
        sale.add_error(None, str(refusal))
        return _shown(request, member, sale, lines, status=422)
    remember_store(request, order.store)
    also = f" New in the catalogue: {', '.join(unknown)}." if unknown else ""
    messages.success(request, f"Order {order.number} is in. Its points follow in a moment.{also}")
    return redirect("loyalty:till-member", public_id)


def store_for(request: HttpRequest, member: Member) -> int | None:
    """Where somebody stands who has sold something before: in the same store. Else the member's own."""
    return request.session.get(STORE) or member.home_store_id


def remember_store(request: HttpRequest, store: Store | None) -> None:
    if store:
        request.session[STORE] = store.pk


def _sold(lines: BaseFormSet) -> Sequence[purchases.SoldLine]:
    filled = [form.cleaned_data for form in lines if form.cleaned_data.get("sku")]
    return [
        purchases.SoldLine(key=str(n), sku=line["sku"].strip(), quantity=line["quantity"], amount=line["amount"])
        for n, line in enumerate(filled, start=1)
    ]


def _unknown(lines: BaseFormSet) -> list[str]:
    """What the catalogue does not have yet: a new product, or a slip of the finger."""
    asked = {line.sku for line in _sold(lines)}
    return sorted(asked - set(Product.objects.filter(sku__in=asked).values_list("sku", flat=True)))


def _shown(
    request: HttpRequest, member: Member, sale: SaleForm, lines: BaseFormSet, *, status: int = 200
) -> HttpResponse:
    now = timezone.now()
    context = _now(request, member, now) | {
        "sale": sale,
        "lines": lines,
        "offered": offered_to(member, now=now),
        "is_too_young": at_the_till.is_of_age(member, now=now) is False,
        "orders": member.orders.select_related("store").order_by("-ordered_at", "-pk")[:LAST],
        "products": Product.objects.order_by("name").values_list("sku", "name")[:500],
    }
    return page(request, "loyalty/till_member.html", context, status=status)


def _now(request: HttpRequest, member: Member, now: datetime) -> dict[str, Any]:
    return {
        "member": member,
        "standing": tiers.standing_of(member, now=now),
        "held": Redemption.objects.filter(member=member, status=Redemption.Status.HELD).select_related("reward"),
        "may_redeem": request.user.has_perm("loyalty.change_redemption"),
    }
