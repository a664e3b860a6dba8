from typing import Any

from django.contrib import admin
from django.forms import ModelForm
from django.http import HttpRequest

from config.shared.admin import ByAction, ReadOnly
from config.shared.forms import ActionForm
from tracking.actions import partners
from tracking.models import (
    CountedProperty,
    Dispatch,
    Event,
    EventStructure,
    IdentityLink,
    Partner,
    PartnerAccess,
    PartnerSystem,
    Projection,
    ReceivedEvent,
    Replay,
    ReplayVerdict,
    SavedFunnel,
    SystemKey,
    TrackedEvent,
    UserMerge,
)


@admin.register(Event)
class EventAdmin(ReadOnly):
    shows_personal_data = True
    list_display = ("id", "name", "subject", "occurred_at", "recorded_at")
    list_filter = ("name",)
    search_fields = ("=subject", "=key")
    ordering = ("-id",)


@admin.register(Dispatch)
class DispatchAdmin(ReadOnly):
    list_display = ("id", "handler", "event", "due_at", "done_at", "attempts")
    list_filter = ("handler",)
    list_select_related = ("event",)
    ordering = ("-id",)


@admin.register(Projection)
class ProjectionAdmin(ReadOnly):
    list_display = ("name", "advanced_at", "failed_at", "last_error")


class PartnerForm(ActionForm):
    class Meta:
        model = Partner
        fields = ("name", "is_active")


@admin.register(Partner)
class PartnerAdmin(ByAction):
    list_display = ("name", "is_active", "created_at")
    list_filter = ("is_active",)
    search_fields = ("name", "=public_id")
    form = PartnerForm

    def write(self, request: HttpRequest, obj: Any, form: ModelForm, *, is_new: bool) -> Partner:
        if is_new:
            return partners.add_partner(**form.cleaned_data)
        partner = Partner.objects.get(pk=obj.pk)
        partners.change_partner(partner, **form.cleaned_data)
        return partner


class SystemForm(ActionForm):
    class Meta:
        model = PartnerSystem
        fields = ("name", "kind", "events_per_second", "is_active")


class NewSystemForm(ActionForm):
    class Meta:
        model = PartnerSystem
        fields = ("partner", *SystemForm.Meta.fields)


@admin.register(PartnerSystem)
class PartnerSystemAdmin(ByAction):
    list_display = ("name", "partner", "kind", "events_per_second", "is_active")
    list_filter = ("kind", "is_active")
    list_select_related = ("partner",)
    search_fields = ("name", "partner__name", "=public_id")
    autocomplete_fields = ("partner",)
    form = SystemForm

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """A system stays with its partner: what it sent belongs to that one."""
        return super().get_form(request, obj, **kwargs | ({} if obj else {"form": NewSystemForm}))

    def write(self, request: HttpRequest, obj: Any, form: ModelForm, *, is_new: bool) -> PartnerSystem:
        if is_new:
            return partners.add_system(**form.cleaned_data)
        system = PartnerSystem.objects.select_related("partner").get(pk=obj.pk)
        partners.change_system(system, **form.cleaned_data)
        return system


@admin.register(SystemKey)
class SystemKeyAdmin(ReadOnly):
    """Made, rotated and revoked on the system's page, where a new key is shown once."""

    list_display = ("prefix", "kind", "system", "created_at", "expires_at", "revoked_at", "last_used_at")
    list_filter = ("kind",)
    list_select_related = ("system",)
    search_fields = ("prefix",)
    exclude = ("digest",)


@admin.register(PartnerAccess)
class PartnerAccessAdmin(ReadOnly):
    shows_personal_data = True
    list_display = ("user", "partner", "created_at")
    list_select_related = ("user", "partner")


@admin.register(EventStructure)
class EventStructureAdmin(ReadOnly):
    """Drafted, tried and published on the system's page."""

    list_display = ("event_name", "version", "status", "system", "created_at", "published_at", "retired_at")
    list_filter = ("status",)
    list_select_related = ("system",)
    search_fields = ("event_name", "=public_id")


@admin.register(ReceivedEvent)
class ReceivedEventAdmin(ReadOnly):
    """What came, as it came. Ids are made in the order of arrival."""

    shows_personal_data = True
    list_display = ("id", "name", "kind", "system_id", "dialect", "received_at", "user_id")
    list_filter = ("kind", "dialect")
    search_fields = ("=id",)
    ordering = ("-id",)


@admin.register(TrackedEvent)
class TrackedEventAdmin(ReadOnly):
    shows_personal_data = True
    list_display = ("id", "name", "partner_name", "system_name", "occurred_at", "person", "is_valid")
    list_filter = ("is_valid", "kind")
    search_fields = ("=id",)
    ordering = ("-id",)


@admin.register(IdentityLink)
class IdentityLinkAdmin(ReadOnly):
    shows_personal_data = True
    list_display = ("anonymous_id", "user_id", "partner_id", "linked_at")
    search_fields = ("=anonymous_id", "=user_id")
    ordering = ("-id",)


@admin.register(UserMerge)
class UserMergeAdmin(ReadOnly):
    shows_personal_data = True
    list_display = ("user_id", "into_user_id", "partner", "merged_by", "merged_at", "undone_at")
    list_select_related = ("partner", "merged_by")
    search_fields = ("=user_id", "=into_user_id")


@admin.register(SavedFunnel)
class SavedFunnelAdmin(ReadOnly):
    list_display = ("name", "created_by", "created_at", "archived_at")
    list_select_related = ("created_by",)
    search_fields = ("name",)


@admin.register(Replay)
class ReplayAdmin(ReadOnly):
    list_display = ("id", "system", "event_name", "status", "total", "seen", "mended", "created_at")
    list_select_related = ("system",)
    list_filter = ("status",)


@admin.register(ReplayVerdict)
class ReplayVerdictAdmin(ReadOnly):
    list_display = ("event_id", "replay", "at")
    search_fields = ("=event_id",)


@admin.register(CountedProperty)
class CountedPropertyAdmin(ReadOnly):
    """Declared and stopped on the page of values."""

    list_display = ("path", "event_name", "system", "status", "seen", "total", "declared_at")
    list_filter = ("status",)
    list_select_related = ("system",)
    search_fields = ("event_name", "path")
