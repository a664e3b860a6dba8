"""An order that is there already, at the till: goods come back, it never was, or it was delivered."""

import uuid
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.forms import BaseFormSet, formset_factory
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from config.shared.access import needs
from config.shared.errors import DomainError
from config.shared.htmx import page
from loyalty.actions import purchases
from loyalty.models import Order
from loyalty.queries import receipts
from loyalty.queries.receipts import Bought

USE = needs("loyalty.view_order", "loyalty.add_order")
CENT = Decimal("0.01")


class KeyForm(forms.Form):
    """One for each time the page is shown: pressed twice, goods come back once."""

    key = forms.UUIDField(widget=forms.HiddenInput)


class BackForm(forms.Form):
    """A row without a quantity stays with its buyer."""

    sku = forms.CharField(max_length=64, widget=forms.HiddenInput)
    quantity = forms.DecimalField(label="Comes back", required=False, min_value=0, max_digits=10, decimal_places=3)
    amount = forms.DecimalField(
        label="Paid back",
        required=False,
        min_value=0,
        max_digits=10,
        decimal_places=2,
        help_text="Empty: its share of what was paid.",
    )


Rows = formset_factory(BackForm, extra=0, max_num=purchases.MOST_LINES)


@require_GET
@USE
def receipt(request: HttpRequest, pk: int) -> HttpResponse:
    return _shown(request, _order(pk))


@require_POST
@USE
def goods_back(request: HttpRequest, pk: int) -> HttpResponse:
    order = _order(pk)
    kept = [bought for bought in receipts.bought_in(order) if bought.kept > 0]
    key, rows = KeyForm(request.POST), Rows(request.POST)
    if not (key.is_valid() and rows.is_valid()):
        return _shown(request, order, rows=rows, status=422)
    told = key.cleaned_data["key"].hex
    if purchases.was_returned(order, key=told):  # pressed twice: shares are others by now
        return redirect("loyalty:till-receipt", pk)
    back = _all_of(kept) if "everything" in request.POST else _chosen(kept, rows)
    if not back:
        return _shown(request, order, rows=rows, fault="Say of something how many come back.", status=422)
    try:
        purchases.return_lines(order=order, lines=back, key=told, now=timezone.now())
    except DomainError as refusal:
        return _shown(request, order, rows=rows, fault=str(refusal), status=422)
    messages.success(request, "Taken back. The points follow in a moment.")
    return redirect("loyalty:till-receipt", pk)


@require_POST
@USE
def receipt_void(request: HttpRequest, pk: int) -> HttpResponse:
    order = purchases.void(order=_order(pk), now=timezone.now())
    messages.success(request, f"Order {order.number} is void. Its points go in a moment.")
    return redirect("loyalty:till-receipt", pk)


@require_POST
@USE
def receipt_delivered(request: HttpRequest, pk: int) -> HttpResponse:
    order = purchases.deliver(order=_order(pk), now=timezone.now())
    messages.success(request, f"Order {order.number} is delivered. Points that waited for it can be used.")
    return redirect("loyalty:till-receipt", pk)


def _order(pk: int) -> Order:
    return get_object_or_404(Order.objects.select_related("member", "store"), pk=pk)


def _chosen(kept: Sequence[Bought], rows: BaseFormSet) -> list[purchases.ReturnedLine]:
    by_sku = {bought.product.sku: bought for bought in kept}
    wanted = [form.cleaned_data for form in rows if form.cleaned_data.get("quantity")]
    return [
        purchases.ReturnedLine(
            sku=row["sku"],
            quantity=row["quantity"],
            amount=_share(by_sku.get(row["sku"]), row["quantity"]) if row["amount"] is None else row["amount"],
        )
        for row in wanted
    ]


def _all_of(kept: Sequence[Bought]) -> list[purchases.ReturnedLine]:
    return [
        purchases.ReturnedLine(sku=bought.product.sku, quantity=bought.kept, amount=bought.amount) for bought in kept
    ]


def _share(bought: Bought | None, quantity: Decimal) -> Decimal:
    """Of what was paid for all that is still there; what is not there is refused by the action, in its own words."""
    if bought is None:
        return Decimal(0)
    return (bought.amount * quantity / bought.kept).quantize(CENT, ROUND_HALF_UP)


def _shown(
    request: HttpRequest, order: Order, *, rows: BaseFormSet | None = None, fault: str = "", status: int = 200
) -> HttpResponse:
    bought = receipts.bought_in(order)
    kept = [each for each in bought if each.kept > 0]
    rows = rows or Rows(initial=[{"sku": each.product.sku} for each in kept])
    by_sku = {each.product.sku: each for each in kept}
    context: dict[str, Any] = {
        "order": order,
        "bought": bought,
        "points": receipts.points_of(order),
        "rows": rows,
        "back": [(by_sku.get(str(form["sku"].value())), form) for form in rows],
        "key": KeyForm(initial={"key": uuid.uuid4()}),
        "fault": fault,
    }
    return page(request, "loyalty/receipt.html", context, status=status)
