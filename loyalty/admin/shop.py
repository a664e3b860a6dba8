"""What the shop is, sells and sold."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import TabularInline

from config.shared.admin import ByAction, ReadOnly
from loyalty.actions import business, shop
from loyalty.models import (
    Business,
    ImportIssue,
    Order,
    OrderLine,
    OwnEvents,
    Product,
    PurchaseImport,
    Store,
)


@admin.register(Business)
class BusinessAdmin(ByAction):
    list_display = ("name", "vertical", "currency", "legal_age")
    fields = ("name", "vertical", "accent", "currency", "website", "address", "legal_age")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def write(self, request: HttpRequest, obj: Any, form: forms.ModelForm, *, is_new: bool) -> Business:
        return business.change_business(**form.cleaned_data)


@admin.register(Store)
class StoreAdmin(ByAction):
    list_display = ("code", "name", "state", "time_zone")
    search_fields = ("code", "name")

    def write(self, request: HttpRequest, obj: Any, form: forms.ModelForm, *, is_new: bool) -> Store:
        return shop.save_store(store=None if is_new else Store.objects.get(pk=obj.pk), **form.cleaned_data)


@admin.register(Product)
class ProductAdmin(ByAction):
    fields = ("sku", "name", "brand", "category", "kind", "size")
    list_display = ("sku", "name", "brand", "category", "size", "price", "is_in_stock")
    list_filter = ("category",)
    search_fields = ("=sku", "name", "brand")

    def write(self, request: HttpRequest, obj: Any, form: forms.ModelForm, *, is_new: bool) -> Product:
        return shop.save_product(product=None if is_new else Product.objects.get(pk=obj.pk), **form.cleaned_data)


class OrderLines(TabularInline):  # type: ignore[misc]  # ships no types
    model = OrderLine
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Order)
class OrderAdmin(ReadOnly):
    list_display = ("number", "member", "store", "ordered_at", "total")
    list_select_related = ("member", "store")
    search_fields = ("=number",)
    inlines = (OrderLines,)


@admin.register(OrderLine)
class OrderLineAdmin(ReadOnly):
    list_display = ("id", "order", "product", "quantity", "amount")
    list_select_related = ("order", "product")
    search_fields = ("=order__number", "=product__sku")


@admin.register(OwnEvents)
class OwnEventsAdmin(ReadOnly):
    """Switched on and off on the page of the partner they stand with."""

    list_display = ("system", "named_by", "begins_anew")
    list_select_related = ("system",)


@admin.register(PurchaseImport)
class PurchaseImportAdmin(ReadOnly):
    list_display = ("file_name", "status", "size_bytes", "created_by", "created_at", "finished_at")
    list_select_related = ("created_by",)
    list_filter = ("status",)
    # The first lines of the file name people.
    exclude = ("file", "refused_csv", "samples")


@admin.register(ImportIssue)
class ImportIssueAdmin(ReadOnly):
    shows_personal_data = True
    list_display = ("purchase_import", "line_number", "severity", "code", "message")
    list_filter = ("severity", "code")
