"""API tokens: one's own under the account, everybody's under Settings."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from config.shared.access import needs
from config.shared.htmx import page
from loyalty.actions import tokens as actions
from loyalty.models import ApiToken
from loyalty.queries import tokens
from loyalty.rules.tokens import DAYS, USUAL_DAYS

MINE, EVERYBODYS = "loyalty/account_tokens.html", "loyalty/settings_tokens.html"
SHOWN = 50
FOR_EVER = "for-ever"


class TokenForm(forms.Form):
    name = forms.CharField(max_length=80, label="What it is for", help_text="Such as “Nightly export”.")
    scope = forms.ChoiceField(choices=ApiToken.Scope, label="It may", initial=ApiToken.Scope.READ)
    days = forms.ChoiceField(
        choices=[*((str(days), f"In {days} days") for days in DAYS), (FOR_EVER, "Never")],
        label="It expires",
        initial=str(USUAL_DAYS),
    )

    def clean_days(self) -> int | None:
        chosen = self.cleaned_data["days"]
        return None if chosen == FOR_EVER else int(chosen)


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def my_tokens(request: HttpRequest) -> HttpResponse:
    """The answer to a POST is the only one that ever holds the token."""
    form, made = TokenForm(request.POST or None), None
    if form.is_valid():
        made = actions.make_token(user=request.user, **form.cleaned_data, now=timezone.now())
        form = TokenForm()
    context = _listed(request, tokens.tokens_of(request.user)) | {"form": form, "made": made}
    return page(request, MINE, context, partials=("tokens",), status=422 if form.errors else 200)


@require_POST
@login_required
def my_token_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    _revoke(request, get_object_or_404(tokens.tokens_of(request.user), pk=pk))
    return redirect("account-tokens:mine")


@require_GET
@needs("loyalty.manage_people")
def all_tokens(request: HttpRequest) -> HttpResponse:
    q, state = request.GET.get("q", "").strip(), request.GET.get("state", "")
    options = [(name, name.capitalize()) for name in tokens.STATES]
    context = _listed(request, tokens.all_tokens(now=timezone.now(), q=q, state=state)) | {
        "q": q,
        "is_narrowed": bool(q or state),
        "selects": [{"name": "state", "label": "State", "value": state, "options": options}],
    }
    return page(request, EVERYBODYS, context, partials=("tokens",))


@require_POST
@needs("loyalty.manage_people")
def token_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    _revoke(request, get_object_or_404(ApiToken, pk=pk))
    return redirect("loyalty:tokens")


def _revoke(request: HttpRequest, token: ApiToken) -> None:
    actions.revoke_token(token, now=timezone.now())
    messages.success(request, f"{token} opens nothing any more.")


def _listed(request: HttpRequest, rows: Any) -> dict[str, Any]:
    shown = Paginator(rows, SHOWN).get_page(request.GET.get("page"))
    return {"tokens": shown, "rows": [_in_words(token) for token in shown]}


def _in_words(token: ApiToken) -> dict[str, Any]:
    """The token with its state, and until when it works."""
    works = token.works_at(timezone.now())
    if token.revoked_at:
        state = "Revoked"
    elif works:
        state = "Works until" if token.expires_at else "Works"
    else:
        state = "Expired"
    tone, at = "success" if works else "neutral", token.revoked_at or token.expires_at
    return {"token": token, "works": works, "state": state, "tone": tone, "at": at}
