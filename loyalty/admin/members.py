"""Members, what they allowed, and how they score."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from config.shared.admin import ByAction, ReadOnly
from config.shared.forms import ActionForm
from loyalty.actions import members
from loyalty.models import (
    Consent,
    Forecast,
    ForecastRun,
    ForecastVersion,
    GroupMove,
    Member,
    MemberMerge,
    MemberStats,
    Score,
    Scoring,
    Segment,
    WalletPass,
    WalletPhone,
)


class MemberForm(ActionForm):
    class Meta:
        model = Member
        fields = ("name", "email", "phone", "birth_date", "home_store")

    def clean_email(self) -> str:
        return self.cleaned_data["email"] or ""

    def clean_phone(self) -> str:
        return self.cleaned_data["phone"] or ""


@admin.register(Member)
class MemberAdmin(ByAction):
    shows_personal_data = True
    list_display = ("id", "name", "email", "phone", "home_store", "joined_at")
    list_select_related = ("home_store",)
    search_fields = ("name", "=email", "=phone", "=external_id", "=public_id")
    form = MemberForm

    def write(self, request: HttpRequest, obj: Any, form: forms.ModelForm, *, is_new: bool) -> Member:
        if is_new:
            return members.join(**form.cleaned_data, source="admin", now=timezone.now())
        return members.change_member(member=Member.objects.get(pk=obj.pk), **form.cleaned_data)


class ConsentForm(forms.ModelForm):
    class Meta:
        model = Consent
        fields = ("member", "channel", "is_granted", "wording")


@admin.register(Consent)
class ConsentAdmin(ByAction):
    shows_personal_data = True
    list_display = ("member", "channel", "topic", "is_granted", "source", "changed_by", "changed_at")
    list_filter = ("channel", "is_granted")
    list_select_related = ("member", "changed_by")
    autocomplete_fields = ("member",)
    form = ConsentForm

    def write(self, request: HttpRequest, obj: Any, form: forms.ModelForm, *, is_new: bool) -> Consent:
        data = form.cleaned_data
        members.set_consent(**data, source="admin", by=request.user, now=timezone.now())
        return Consent.objects.get(member=data["member"], channel=data["channel"], topic=Consent.Topic.MARKETING)


@admin.register(MemberStats)
class MemberStatsAdmin(ReadOnly):
    list_display = ("member", "orders", "spent", "last_ordered_at", "primary_category")
    list_select_related = ("member",)


@admin.register(Scoring)
class ScoringAdmin(ReadOnly):
    """How the members were cut into fifths, and when."""

    list_display = ("as_of", "scored_at")


@admin.register(Score)
class ScoreAdmin(ReadOnly):
    list_display = ("member", "group", "recency", "frequency", "monetary")
    list_filter = ("group",)
    list_select_related = ("member",)


@admin.register(GroupMove)
class GroupMoveAdmin(ReadOnly):
    list_display = ("day", "from_group", "to_group", "members")
    list_filter = ("day",)


@admin.register(Forecast)
class ForecastAdmin(ReadOnly):
    list_display = ("member", "p_return", "expected_orders", "expected_value", "churn_risk", "next_category")
    list_filter = ("churn_risk",)
    list_select_related = ("member",)
    raw_id_fields = ("member", "next_product")


@admin.register(ForecastVersion)
class ForecastVersionAdmin(ReadOnly):
    """What was fitted, how well it foretold, and which one is in use."""

    list_display = ("id", "fitted_at", "kind", "members", "orders", "verdict", "is_in_use", "pinned_by")
    list_filter = ("kind", "verdict", "is_in_use")
    list_select_related = ("pinned_by",)


@admin.register(ForecastRun)
class ForecastRunAdmin(ReadOnly):
    list_display = ("id", "status", "version", "written", "created_by", "created_at", "finished_at")
    list_filter = ("status",)
    list_select_related = ("version", "created_by")


@admin.register(Segment)
class SegmentAdmin(ReadOnly):
    list_display = ("name", "member_count", "counted_at", "created_by", "archived_at")
    list_select_related = ("created_by",)
    search_fields = ("name",)


@admin.register(MemberMerge)
class MemberMergeAdmin(ReadOnly):
    shows_personal_data = True
    list_display = ("kept", "merged", "by", "merged_at", "undone_at")
    list_select_related = ("kept", "merged", "by")


@admin.register(WalletPass)
class WalletPassAdmin(ReadOnly):
    shows_personal_data = True
    list_display = ("member", "kind", "points", "tier", "changed_at", "pushed_at", "voided_at")
    list_filter = ("kind",)
    list_select_related = ("member",)
    raw_id_fields = ("member",)


@admin.register(WalletPhone)
class WalletPhoneAdmin(ReadOnly):
    list_display = ("wallet_pass", "registered_at")
    list_select_related = ("wallet_pass",)
    exclude = ("push_token", "device_id")
