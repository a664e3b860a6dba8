"""Settings → Tills: the keys that stores' tills show."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from config.shared.access import needs
from config.shared.htmx import page
from loyalty.actions import till_keys as actions
from loyalty.models import Store, TillKey
from loyalty.queries import till_keys as queries

SHOWN = 50


class TillKeyForm(forms.Form):
    store = forms.ModelChoiceField(Store.objects.order_by("name"), empty_label=None)
    name = forms.CharField(max_length=80, label="Which till", help_text="Such as “Counter 2”.")
    scopes = forms.MultipleChoiceField(
        choices=TillKey.Scope, label="It may", widget=forms.CheckboxSelectMultiple, initial=TillKey.Scope.values
    )


@never_cache
@require_http_methods(["GET", "POST"])
@needs("loyalty.add_tillkey")
def till_keys(request: HttpRequest) -> HttpResponse:
    """The answer to a POST is the only one that ever holds the key."""
    form, made = TillKeyForm(request.POST or None), None
    if form.is_valid():
        made = actions.make_till_key(**form.cleaned_data, by=request.user, now=timezone.now())
        form = TillKeyForm()
    context = _listed(request) | {"form": form, "made": made, "has_stores": Store.objects.exists()}
    return page(
        request, "loyalty/settings_tills.html", context, partials=("tills",), status=422 if form.errors else 200
    )


@require_POST
@needs("loyalty.change_tillkey")
def till_key_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    key = get_object_or_404(TillKey, pk=pk)
    actions.revoke_till_key(key, now=timezone.now())
    messages.success(request, f"{key} opens nothing any more.")
    return redirect("loyalty:tills")


def _listed(request: HttpRequest) -> dict[str, Any]:
    q, state = request.GET.get("q", "").strip(), request.GET.get("state", "")
    keys = Paginator(queries.till_keys(q=q, state=state), SHOWN).get_page(request.GET.get("page"))
    options = [(name, name.capitalize()) for name in queries.STATES]
    return {
        "keys": keys,
        "q": q,
        "is_narrowed": bool(q or state),
        "selects": [{"name": "state", "label": "State", "value": state, "options": options}],
        "rows": [{"key": key, "scopes": [TillKey.Scope(scope).label for scope in key.scopes]} for key in keys],
    }
