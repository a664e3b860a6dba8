from django.contrib import admin

from config.shared.admin import ReadOnly
from tracking.models import Dispatch, Event, Projection


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
