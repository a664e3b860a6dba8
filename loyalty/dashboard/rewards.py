"""Rewards: the catalogue and its editor."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from config.shared.access import needs
from config.shared.errors import DomainError
from config.shared.forms import ActionForm, MomentInput
from config.shared.htmx import page
from loyalty.actions import rewards as actions
from loyalty.dashboard.fields import PictureForm, SkuField, change_picture
from loyalty.models import Reward
from loyalty.queries import rewards as queries
from loyalty.queries import segments

SHOWN = 50
A_MONTH = timedelta(days=30)
VIEW, CHANGE = needs("loyalty.view_reward"), needs("loyalty.change_reward")
SHOWN_OPTIONS = [("offered", "Offered"), ("put_aside", "Put aside")]


class RewardForm(ActionForm):
    sku = SkuField(help_text="Which product is free, or is meant.")
    # Members take from it while somebody edits: it is written only when it was changed here.
    stock = forms.IntegerField(
        label="Left in stock",
        required=False,
        min_value=0,
        max_value=1_000_000,
        show_hidden_initial=True,
        help_text="Empty: no limit.",
    )

    class Meta:
        model = Reward
        fields = (
            "name", "kind", "cost", "value", "sku", "stock", "per_member", "starts_at", "ends_at", "tier", "segment",
            "description", "terms", "is_active",
        )  # fmt: skip
        labels = {
            "kind": "What it is",
            "value": "What it costs the shop",
            "per_member": "Most times for one member",
            "starts_at": "Offered from",
            "ends_at": "Until",
            "tier": "For members from this tier on",
            "segment": "For members of this segment",
            "is_active": "Offered",
        }
        help_texts = {
            "value": "For the reports.",
            "per_member": "Empty: no limit.",
            "starts_at": "Leave empty to begin at once.",
            "ends_at": "Leave empty for no end.",
            "tier": "",
        }
        widgets = {
            "starts_at": MomentInput,
            "ends_at": MomentInput,
            "description": forms.Textarea(attrs={"rows": 2}),
            "terms": forms.Textarea(attrs={"rows": 2}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["tier"].empty_label, self.fields["segment"].empty_label = "Everybody", "Everybody"  # type: ignore[attr-defined]
        self.fields["segment"].queryset = segments.segments()  # type: ignore[attr-defined]
        if self.instance.product:
            self.initial["sku"] = self.instance.product.sku


@require_GET
@VIEW
def reward_list(request: HttpRequest) -> HttpResponse:
    q, shown = request.GET.get("q", "").strip()[:80], request.GET.get("shown", "")
    shown = shown if shown in dict(SHOWN_OPTIONS) else ""
    context = {
        "rewards": Paginator(queries.rewards(q=q, shown=shown), SHOWN).get_page(request.GET.get("page")),
        "sums": queries.sums(since=timezone.now() - A_MONTH),
        "q": q,
        "is_narrowed": bool(q or shown),
        "selects": [{"name": "shown", "label": "Rewards", "value": shown, "options": SHOWN_OPTIONS}],
        "now": timezone.now(),
    }
    return page(request, "loyalty/rewards.html", context, partials=("rewards",))


@require_http_methods(["GET", "POST"])
@CHANGE
def reward_edit(request: HttpRequest, public_id: UUID | None = None) -> HttpResponse:
    found = Reward.objects.select_related("product", "picture").defer("picture__content")
    reward = None if public_id is None else get_object_or_404(found, public_id=public_id)
    form = RewardForm(request.POST or None, instance=reward)
    if form.is_valid():
        try:
            saved = _save(form, reward)
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "Saved." if reward else "Made. A picture makes it easier to want.")
            return redirect("loyalty:rewards") if reward else redirect("loyalty:reward", saved.public_id)
    context = {"form": form, "picture_form": PictureForm(), "reward": reward}
    return page(request, "loyalty/reward_form.html", context, status=422 if form.errors else 200)


@require_POST
@CHANGE
def reward_picture(request: HttpRequest, public_id: UUID) -> HttpResponse:
    reward, now = get_object_or_404(Reward, public_id=public_id), timezone.now()
    change_picture(request, lambda content: actions.change_picture(reward=reward, content=content, now=now))
    return redirect("loyalty:reward", public_id)


def _save(form: RewardForm, reward: Reward | None) -> Reward:
    values, now = dict(form.cleaned_data), timezone.now()
    stock, product = values.pop("stock"), values.pop("sku")
    saved = actions.save_reward(reward=reward, product=product, **values, now=now)
    if reward is None or "stock" in form.changed_data:
        actions.set_stock(reward=saved, stock=stock, now=now)
    return saved
