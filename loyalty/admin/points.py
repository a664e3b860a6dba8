"""Points, and the programme they are earned by."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from config.shared.admin import ByAction, ReadOnly
from config.shared.forms import ActionForm
from loyalty.actions import earn_rules, points, programme, tiers
from loyalty.models import (
    EarnRule,
    LedgerCheck,
    LotUse,
    PointsAccount,
    PointsEntry,
    PointsLot,
    Programme,
    ReferralMilestone,
    Tier,
    TierStanding,
)


class EarnRuleForm(ActionForm):
    class Meta:
        model = EarnRule
        fields = (*earn_rules.GIVES, *earn_rules.MAY_CHANGE)


@admin.register(EarnRule)
class EarnRuleAdmin(ByAction):
    form = EarnRuleForm
    list_display = ("name", "trigger", "effect", "priority", "starts_on", "ends_on", "is_active")
    list_filter = ("trigger", "effect", "is_active")

    def write(self, request: HttpRequest, obj: Any, form: forms.ModelForm, *, is_new: bool) -> EarnRule:
        return earn_rules.save_earn_rule(rule=None if is_new else EarnRule.objects.get(pk=obj.pk), **form.cleaned_data)


class CorrectionForm(ActionForm):
    class Meta:
        model = PointsEntry
        fields = ("member", "points", "note")


@admin.register(PointsEntry)
class PointsEntryAdmin(ByAction):
    list_display = ("id", "member", "points", "reason", "reference", "occurred_at")
    list_filter = ("reason",)
    list_select_related = ("member",)
    search_fields = ("=reference",)
    autocomplete_fields = ("member",)
    form = CorrectionForm

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def write(self, request: HttpRequest, obj: Any, form: forms.ModelForm, *, is_new: bool) -> PointsEntry:
        # The page's own CSRF token names this one showing of the form: sent twice, it enters once.
        reference = f"admin {request.POST.get('csrfmiddlewaretoken', '')[:32]}"
        points.correct(**form.cleaned_data, reference=reference, now=timezone.now())
        return PointsEntry.objects.get(reason=PointsEntry.Reason.CORRECTION, reference=reference)


@admin.register(PointsAccount)
class PointsAccountAdmin(ReadOnly):
    list_display = ("member", "balance")
    list_select_related = ("member",)


@admin.register(PointsLot)
class PointsLotAdmin(ReadOnly):
    list_display = ("id", "member", "points", "pending", "remaining", "expired", "pending_until", "expires_at")
    list_select_related = ("member",)


@admin.register(LotUse)
class LotUseAdmin(ReadOnly):
    list_display = ("redemption", "lot", "points")
    list_select_related = ("redemption", "lot")


@admin.register(LedgerCheck)
class LedgerCheckAdmin(ReadOnly):
    list_display = ("started_at", "accounts", "entries", "difference_count")


@admin.register(Programme)
class ProgrammeAdmin(ByAction):
    list_display = ("__str__", "earning", "pending", "expiry", "return_policy", "tier_basis")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def write(self, request: HttpRequest, obj: Any, form: forms.ModelForm, *, is_new: bool) -> Programme:
        return programme.change_terms(**form.cleaned_data)


@admin.register(ReferralMilestone)
class ReferralMilestoneAdmin(ReadOnly):
    list_display = ("friends", "points")


class TierForm(ActionForm):
    class Meta:
        model = Tier
        fields = ("name", "threshold", "colour", "perks")


@admin.register(Tier)
class TierAdmin(ByAction):
    form = TierForm
    list_display = ("name", "threshold")

    def write(self, request: HttpRequest, obj: Any, form: forms.ModelForm, *, is_new: bool) -> Tier:
        return tiers.save_tier(tier=None if is_new else Tier.objects.get(pk=obj.pk), **form.cleaned_data)


@admin.register(TierStanding)
class TierStandingAdmin(ReadOnly):
    list_display = ("member", "tier", "reached", "since", "keeps_until")
    list_select_related = ("member", "tier")
