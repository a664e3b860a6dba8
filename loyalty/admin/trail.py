"""Who changed what."""

from typing import Any

from auditlog.admin import LogEntryAdmin
from auditlog.models import LogEntry
from django.contrib import admin
from django.contrib.auth.models import Group
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from config.shared.admin import ReadOnly

admin.site.unregister(Group)
admin.site.unregister(LogEntry)


@admin.register(Group)
class GroupAdmin(ReadOnly):
    list_display = ("name",)


@admin.register(LogEntry)
class ChangeAdmin(LogEntryAdmin, ModelAdmin):  # type: ignore[misc]  # ships no types
    """The trail, in the admin's own look."""

    search_fields = ("object_repr", "actor__email", "changes")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("loyalty.view_audit")
