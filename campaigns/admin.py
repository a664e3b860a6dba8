from typing import Any

from django.contrib import admin
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils import timezone

from campaigns.actions import attribution, brand_kit, permits, playbooks, policy, voice
from campaigns.forms import (
    AttributionForm,
    BrandKitForm,
    BrandVoiceForm,
    CapForm,
    MessagePolicyForm,
    OfferForm,
    PlaybookForm,
    PolicyForm,
    QuietHoursForm,
    RateForm,
)
from campaigns.models import (
    Action,
    ArmsReport,
    Attribution,
    BrandKit,
    BrandVoice,
    Campaign,
    CampaignPolicy,
    Candidate,
    DrawnPicture,
    Experiment,
    FrequencyCap,
    ImageBrief,
    Letter,
    MediaFile,
    MessagePolicy,
    ModelCall,
    Notice,
    Offer,
    Plan,
    PlanChange,
    PlanStep,
    Playbook,
    QuietHours,
    ReceivedTouch,
    SavedBlock,
    Send,
    SendingRate,
    SendMove,
    StepComment,
    StepText,
    Suppression,
    Template,
    TemplateVersion,
    Touch,
    Variant,
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
        return policy.change_policy(**form.cleaned_data, now=timezone.now())


@admin.register(ArmsReport)
class ArmsReportAdmin(ReadOnly):
    list_display = ("name", "control", "units", "made_by", "made_at")
    list_select_related = ("made_by",)


@admin.register(Attribution)
class AttributionAdmin(ByAction):
    form = AttributionForm

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def write(self, request: HttpRequest, obj: Any, form: ModelForm, *, is_new: bool) -> Attribution:
        return attribution.change_attribution(**form.cleaned_data)


@admin.register(BrandKit)
class BrandKitAdmin(ByAction):
    form = BrandKitForm

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def write(self, request: HttpRequest, obj: Any, form: ModelForm, *, is_new: bool) -> BrandKit:
        return brand_kit.change_brand_kit(**form.cleaned_data)


@admin.register(BrandVoice)
class BrandVoiceAdmin(ByAction):
    form = BrandVoiceForm

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def write(self, request: HttpRequest, obj: Any, form: ModelForm, *, is_new: bool) -> BrandVoice:
        return voice.change_brand_voice(**form.cleaned_data)


@admin.register(MediaFile)
class MediaFileAdmin(ReadOnly):
    list_display = ("name", "alt", "content_type", "width", "height", "size", "uploaded_at", "archived_at")
    list_filter = ("content_type",)
    search_fields = ("name", "alt", "=digest")


class VersionInline(admin.TabularInline):
    model = TemplateVersion
    fields = readonly_fields = ("number", "note", "saved_by", "saved_at", "restored_from")
    extra, can_delete, show_change_link = 0, False, False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Template)
class TemplateAdmin(ReadOnly):
    list_display = ("name", "is_default", "revision", "draft_by", "draft_at", "archived_at")
    list_filter = ("is_default",)
    list_select_related = ("draft_by",)
    search_fields = ("name",)
    inlines = (VersionInline,)


@admin.register(Experiment)
class ExperimentAdmin(ReadOnly):
    list_display = ("step", "measure", "decides", "test_percent", "winner", "is_certain", "decided_at")
    list_filter = ("measure", "decides")
    list_select_related = ("step",)


@admin.register(Variant)
class VariantAdmin(ReadOnly):
    list_display = ("experiment", "letter", "subject", "weight", "template")
    list_select_related = ("experiment", "template")


@admin.register(Letter)
class LetterAdmin(ReadOnly):
    list_display = ("step", "language", "subject", "version", "pressed_at")
    list_filter = ("language",)
    list_select_related = ("step", "version")
    search_fields = ("subject",)
    show_full_result_count = False


@admin.register(TemplateVersion)
class TemplateVersionAdmin(ReadOnly):
    list_display = ("template", "number", "note", "saved_by", "saved_at")
    list_select_related = ("template", "saved_by")


@admin.register(SavedBlock)
class SavedBlockAdmin(ReadOnly):
    list_display = ("name", "created_at")


@admin.register(MessagePolicy)
class MessagePolicyAdmin(ByAction):
    list_display = ("concerns", "verdict", "is_in_force", "as_of")
    list_filter = ("verdict", "is_in_force")
    form = MessagePolicyForm

    def write(self, request: HttpRequest, obj: Any, form: ModelForm, *, is_new: bool) -> MessagePolicy:
        row = None if is_new else MessagePolicy.objects.get(pk=obj.pk)
        return permits.save_message_policy(policy=row, **form.cleaned_data)


@admin.register(QuietHours)
class QuietHoursAdmin(ByAction):
    list_display = ("concerns", "hours", "is_in_force", "as_of")
    list_filter = ("is_in_force",)
    form = QuietHoursForm

    def write(self, request: HttpRequest, obj: Any, form: ModelForm, *, is_new: bool) -> QuietHours:
        row = None if is_new else QuietHours.objects.get(pk=obj.pk)
        return permits.save_quiet_hours(hours=row, **form.cleaned_data)


@admin.register(FrequencyCap)
class FrequencyCapAdmin(ByAction):
    list_display = ("channel", "topic", "most", "days")
    form = CapForm

    def write(self, request: HttpRequest, obj: Any, form: ModelForm, *, is_new: bool) -> FrequencyCap:
        row = None if is_new else FrequencyCap.objects.get(pk=obj.pk)
        return permits.save_cap(cap=row, **form.cleaned_data)


@admin.register(SendingRate)
class SendingRateAdmin(ByAction):
    """A provider is known by carrying something, so none is added here."""

    list_display = ("provider", "per_second", "paused_until", "paused_because")
    form = RateForm

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def write(self, request: HttpRequest, obj: Any, form: ModelForm, *, is_new: bool) -> SendingRate:
        return permits.set_rate(provider=obj.provider, **form.cleaned_data)


@admin.register(Suppression)
class SuppressionAdmin(ReadOnly):
    shows_personal_data = True
    list_display = ("channel", "address", "reason", "created_at", "by", "lifted_at")
    list_filter = ("reason", "channel")
    search_fields = ("=address",)
    list_select_related = ("by",)


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


@admin.register(ModelCall)
class ModelCallAdmin(ReadOnly):
    list_display = ("id", "task", "status", "plan", "model_name", "prompt", "attempt", "tokens", "cost", "asked_at")
    list_filter = ("task", "status", "model_name")
    list_select_related = ("plan",)


@admin.register(PlanChange)
class PlanChangeAdmin(ReadOnly):
    list_display = ("plan", "number", "kind", "step", "by", "at", "undone_at")
    list_filter = ("kind",)
    list_select_related = ("plan", "step", "by")


@admin.register(StepText)
class StepTextAdmin(ReadOnly):
    list_display = ("step", "language", "subject", "written_by", "made_at", "used_at")
    list_filter = ("language",)
    list_select_related = ("step",)


@admin.register(ImageBrief)
class ImageBriefAdmin(ReadOnly):
    list_display = ("step", "scene", "written_by", "by", "made_at")
    list_select_related = ("step", "by")


@admin.register(DrawnPicture)
class DrawnPictureAdmin(ReadOnly):
    list_display = ("id", "brief", "content_type", "width", "height", "made_at", "chosen_at")
    list_select_related = ("brief",)
    exclude = ("content",)


@admin.register(StepComment)
class StepCommentAdmin(ReadOnly):
    list_display = ("step", "by", "at", "resolved_at")
    list_select_related = ("step", "by")


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


@admin.register(SendMove)
class SendMoveAdmin(ReadOnly):
    shows_personal_data = True
    list_display = ("id", "send", "status", "at", "due_at", "note")
    list_filter = ("status",)
    search_fields = ("=send__public_id",)
    list_select_related = ("send",)


@admin.register(Touch)
class TouchAdmin(ReadOnly):
    shows_personal_data = True
    list_display = ("id", "send", "kind", "at", "machine")
    list_filter = ("kind", "machine")
    list_select_related = ("send",)


@admin.register(ReceivedTouch)
class ReceivedTouchAdmin(ReadOnly):
    shows_personal_data = True
    list_display = ("id", "send", "kind", "at", "failures")
    list_filter = ("kind", "failures")


@admin.register(Notice)
class NoticeAdmin(ReadOnly):
    shows_personal_data = True
    list_display = ("id", "campaign", "user", "kind", "day", "emailed_at", "read_at")
    list_select_related = ("campaign", "user")
