from typing import Any

from django.contrib import admin
from django.forms import ModelForm
from django.http import HttpRequest

from campaigns.actions import playbooks, policy
from campaigns.forms import OfferForm, PlaybookForm, PolicyForm
from campaigns.models import (
    Action,
    Campaign,
    CampaignPolicy,
    Candidate,
    Notice,
    Offer,
    Plan,
    PlanAnswer,
    PlanStep,
    Playbook,
    Send,
    Touch,
)
from config.shared.admin import ByAction, ReadOnly


@admin.register(Playbook)
class PlaybookAdmin(ByAction):
    list_display = ("name", "group", "tone", "is_active")
    list_filter = ("group", "is_active")
    form = PlaybookForm

    def write(self, request: HttpRequest, obj: Any, form: ModelForm, *, is_new: bool) -> Playbook:
        return playbooks.save_playbook(playbook=None if is_new else obj, **form.cleaned_data)


@admin.register(Offer)
class OfferAdmin(ByAction):
    list_display = ("name", "code", "wording", "cost", "is_active")
    form = OfferForm

    def write(self, request: HttpRequest, obj: Any, form: ModelForm, *, is_new: bool) -> Offer:
        return playbooks.save_offer(offer=None if is_new else obj, **form.cleaned_data)


@admin.register(CampaignPolicy)
class CampaignPolicyAdmin(ByAction):
    form = PolicyForm

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def write(self, request: HttpRequest, obj: Any, form: ModelForm, *, is_new: bool) -> CampaignPolicy:
        return policy.change_policy(**form.cleaned_data)


@admin.register(Campaign)
class CampaignAdmin(ReadOnly):
    list_display = ("name", "status", "starts_on", "ends_on", "owner", "budget")
    list_filter = ("status",)
    search_fields = ("name", "goal")
    list_select_related = ("owner",)


@admin.register(Plan)
class PlanAdmin(ReadOnly):
    list_display = ("id", "campaign", "status", "model_name", "audience_size", "requested_by", "requested_at")
    list_filter = ("status",)
    list_select_related = ("campaign", "requested_by")


@admin.register(PlanAnswer)
class PlanAnswerAdmin(ReadOnly):
    list_display = ("id", "plan", "attempt", "model_name", "answered_at")


@admin.register(PlanStep)
class PlanStepAdmin(ReadOnly):
    list_display = ("id", "plan", "day", "group", "channel", "subject", "edited_by")
    list_select_related = ("plan", "edited_by")


@admin.register(Candidate)
class CandidateAdmin(ReadOnly):
    list_display = ("id", "plan", "rank", "member", "priority", "group")
    list_select_related = ("plan", "member")


@admin.register(Action)
class ActionAdmin(ReadOnly):
    list_display = ("id", "step", "member")
    list_select_related = ("step", "member")


@admin.register(Send)
class SendAdmin(ReadOnly):
    shows_personal_data = True
    list_display = ("id", "campaign", "member", "channel", "status", "due_at", "sent_at", "clicked_at")
    list_filter = ("status", "channel")
    search_fields = ("=public_id", "=provider_id")
    list_select_related = ("campaign", "member")


@admin.register(Touch)
class TouchAdmin(ReadOnly):
    shows_personal_data = True
    list_display = ("id", "send", "kind", "at", "machine")
    list_filter = ("kind", "machine")
    list_select_related = ("send",)


@admin.register(Notice)
class NoticeAdmin(ReadOnly):
    shows_personal_data = True
    list_display = ("id", "campaign", "user", "kind", "day", "emailed_at", "read_at")
    list_select_related = ("campaign", "user")
