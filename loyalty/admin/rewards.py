"""Rewards and what became of them, and what the law says."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from config.shared.admin import ByAction, ReadOnly
from config.shared.forms import ActionForm
from loyalty.actions import reward_policies, rewards
from loyalty.models import Picture, Redemption, Reward, RewardPolicy


class RewardForm(ActionForm):
    """Stock is changed on the reward's own page, beside what members take meanwhile."""

    class Meta:
        model = Reward
        fields = (
            "name", "kind", "cost", "value", "product", "per_member", "starts_at", "ends_at", "tier", "segment",
            "description", "terms", "is_active",
        )  # fmt: skip


@admin.register(Reward)
class RewardAdmin(ByAction):
    form = RewardForm
    list_display = ("name", "kind", "cost", "stock", "tier", "segment", "is_active")
    list_select_related = ("tier", "segment")
    list_filter = ("kind", "is_active")
    search_fields = ("name",)
    autocomplete_fields = ("product",)

    def write(self, request: HttpRequest, obj: Any, form: forms.ModelForm, *, is_new: bool) -> Reward:
        reward = None if is_new else Reward.objects.get(pk=obj.pk)
        return rewards.save_reward(reward=reward, **form.cleaned_data, now=timezone.now())


@admin.register(Redemption)
class RedemptionAdmin(ReadOnly):
    list_display = ("code", "reward", "member", "points", "status", "held_at", "ended_at")
    list_select_related = ("reward", "member")
    list_filter = ("status",)
    search_fields = ("=code", "=public_id")


@admin.register(RewardPolicy)
class RewardPolicyAdmin(ByAction):
    list_display = ("state", "vertical", "kind", "is_denied", "is_in_force", "as_of")
    list_filter = ("is_in_force", "vertical")

    def write(self, request: HttpRequest, obj: Any, form: forms.ModelForm, *, is_new: bool) -> RewardPolicy:
        policy = None if is_new else RewardPolicy.objects.get(pk=obj.pk)
        return reward_policies.save_reward_policy(policy=policy, **form.cleaned_data)


@admin.register(Picture)
class PictureAdmin(ReadOnly):
    list_display = ("digest", "width", "height", "created_at")
    exclude = ("content",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Picture]:
        return super().get_queryset(request).defer("content")
