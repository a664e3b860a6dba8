"""The admin's two kinds of pages: rows to look at, and rows that change through an action."""

from collections.abc import Callable
from typing import Any

from csp.constants import UNSAFE_EVAL, UNSAFE_INLINE
from django.db import models
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from unfold.admin import ModelAdmin

from config.shared.errors import DomainError


class AdminPolicy:
    """The admin's theme runs on Alpine, which evaluates attributes, and writes its colours as a style element."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.path.startswith(reverse("admin:index")):
            response._csp_update = {"script-src": UNSAFE_EVAL, "style-src-elem": UNSAFE_INLINE}  # type: ignore[attr-defined]
        return response


class ReadOnly(ModelAdmin):  # type: ignore[misc]  # ships no types
    """Rows the product keeps by itself. Nobody edits them by hand, so that they stay true."""

    list_per_page = 50
    show_full_result_count = False
    shows_personal_data = False

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return super().has_view_permission(request, obj) and _may_see(self, request)

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


class ByAction(ModelAdmin):  # type: ignore[misc]  # ships no types
    """Rows people may correct. Saving calls `write`, which calls one action, as every other page does."""

    list_per_page = 50
    show_full_result_count = False
    shows_personal_data = False

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return super().has_view_permission(request, obj) and _may_see(self, request)

    def write(self, request: HttpRequest, obj: Any, form: ModelForm, *, is_new: bool) -> Any:
        """Call the action with the form's cleaned data; return the row it wrote."""
        raise NotImplementedError

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm, change: bool) -> None:
        obj.pk = self.write(request, obj, form, is_new=not change).pk
        obj.refresh_from_db()

    def save_related(self, request: HttpRequest, form: ModelForm, formsets: Any, change: bool) -> None:
        """Relations are the action's to write."""

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """What the action refuses is said on the form, beside everything that was typed."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except DomainError as refusal:
            request.refusal = str(refusal)  # type: ignore[attr-defined]
            return super().changeform_view(request, *args, **kwargs)

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        form = super().get_form(request, *args, **kwargs)
        refusal = getattr(request, "refusal", None)
        return form if refusal is None else _refused(form, refusal)

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


def _refused(form: type[ModelForm], refusal: str) -> type[ModelForm]:
    """The form as it is once the action has said no: never valid, so nothing is saved."""

    class Refused(form):  # type: ignore[misc, valid-type]
        def full_clean(self) -> None:
            super().full_clean()
            self.add_error(None, refusal)

    return Refused


def _may_see(page: Any, request: HttpRequest) -> bool:
    """The admin does not mask: rows with personal data are for those who may see it unmasked."""
    return not page.shows_personal_data or request.user.has_perm("loyalty.view_pii")
