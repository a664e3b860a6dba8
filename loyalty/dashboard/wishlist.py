"""What members wish for, and the price and stock that they want to hear of."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from config.shared.access import needs
from config.shared.errors import DomainError
from config.shared.exports import csv_response
from config.shared.htmx import page
from loyalty.actions import products
from loyalty.dashboard.fields import PictureForm, change_picture
from loyalty.models import Member, Product
from loyalty.queries import wishlist as queries

SHOWN, FRAGMENT = 50, 10
VIEW, CHANGE = needs("loyalty.view_wishlistitem", "loyalty.view_product"), needs("loyalty.change_product")
STOCK = [("in", "In stock"), ("out", "Out of stock")]
STOCK_CHOICES = [("", "Nobody told"), ("yes", "In stock"), ("no", "Out of stock")]
IS_IN_STOCK = {"yes": True, "no": False, "": None}


class ProductForm(forms.Form):
    price = forms.DecimalField(
        required=False, min_value=0, max_digits=10, decimal_places=2, help_text="Empty: not shown to members."
    )
    is_in_stock = forms.TypedChoiceField(
        label="Stock", required=False, choices=STOCK_CHOICES, coerce=lambda value: IS_IN_STOCK[value], empty_value=None
    )


@require_GET
@VIEW
def wishlist(request: HttpRequest) -> HttpResponseBase:
    q, stock = request.GET.get("q", "").strip()[:80], request.GET.get("stock", "")
    found = queries.wished(q=q, stock=stock)
    if request.GET.get("format") == "csv":
        return csv_response("wishlist.csv", queries.COLUMNS, queries.csv_rows(found))
    context = {
        "products": Paginator(found, SHOWN).get_page(request.GET.get("page")),
        "q": q,
        "is_narrowed": bool(q or stock),
        "selects": [{"name": "stock", "label": "Stock", "value": stock, "options": STOCK}],
    }
    return page(request, "loyalty/wishlist.html", context, partials=("wishlist",))


@require_http_methods(["GET", "POST"])
@CHANGE
def product_edit(request: HttpRequest, pk: int) -> HttpResponse:
    found = Product.objects.select_related("picture").defer("picture__content")
    product = get_object_or_404(found, pk=pk)
    form = ProductForm(request.POST or None, initial=_initial(product))
    if form.is_valid():
        try:
            products.change_product(product=product, **form.cleaned_data, now=timezone.now())
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "Saved. Members who wish for it hear what is good news.")
            return redirect("loyalty:wishlist")
    context = {"form": form, "picture_form": PictureForm(), "product": product, "wishes": product.wished.count()}
    return page(request, "loyalty/product_form.html", context, status=422 if form.errors else 200)


@require_POST
@CHANGE
def product_picture(request: HttpRequest, pk: int) -> HttpResponse:
    product, now = get_object_or_404(Product, pk=pk), timezone.now()
    change_picture(request, lambda content: products.change_picture(product=product, content=content, now=now))
    return redirect("loyalty:product", pk)


@require_GET
@needs("loyalty.view_member", "loyalty.view_wishlistitem")
def member_wishlist(request: HttpRequest, public_id: UUID) -> HttpResponse:
    member = get_object_or_404(Member, public_id=public_id)
    rows = Paginator(queries.wishlist_of(member), FRAGMENT).get_page(request.GET.get("page"))
    return page(request, "loyalty/member_wishlist.html", {"member": member, "wishes": rows})


def _initial(product: Product) -> dict[str, object]:
    told = {is_in_stock: value for value, is_in_stock in IS_IN_STOCK.items()}
    return {"price": product.price, "is_in_stock": told[product.is_in_stock]}
