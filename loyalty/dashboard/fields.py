"""Fields and forms that several editors of the programme have in common."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest

from loyalty.actions.pictures import LARGEST
from loyalty.models import Product


class SkuField(forms.CharField):
    """A product by its SKU; None when it is left empty."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(label="SKU of the product", required=False, max_length=64, **kwargs)

    def clean(self, value: Any) -> Product | None:
        sku = super().clean(value).strip()
        if not sku:
            return None
        product = Product.objects.filter(sku=sku).first()
        if product is None:
            raise forms.ValidationError("No product has this SKU.")
        return product


class PictureForm(forms.Form):
    picture = forms.FileField(label="Picture file", help_text="PNG, JPEG or WebP, up to 5 MB. Shown 640 pixels wide.")


def change_picture(request: HttpRequest, change: Callable[[bytes | None], None]) -> None:
    """What somebody uploaded, or None when they took the picture away, goes to `change`; they are told how it went."""
    form = PictureForm(request.POST, request.FILES)
    if request.POST.get("remove"):
        change(None)
    elif form.is_valid():
        change(form.cleaned_data["picture"].read(LARGEST + 1))
    else:
        messages.error(request, "Choose a picture first.")
        return
    messages.success(request, "Saved.")
