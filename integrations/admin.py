from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from config.shared.admin import ReadOnly
from integrations.models import (
    AlertDelivery,
    DeliveryAttempt,
    Destination,
    InboundCall,
    MailboxMessage,
    OutboundDelivery,
    ProviderReport,
    StaffAlert,
)


@admin.register(MailboxMessage)
class MailboxMessageAdmin(ReadOnly):
    shows_personal_data = True
    list_display = ("id", "recipient", "subject", "received_at", "read_at")
    search_fields = ("recipient", "subject")
    exclude = ("raw",)


@admin.register(InboundCall)
class InboundCallAdmin(ReadOnly):
    shows_personal_data = True
    list_display = ("id", "sender", "status", "received_at", "read_at", "fault")
    list_filter = ("sender", "status")
    fields = ("sender", "status", "fault", "received_at", "read_at", "content_type", "query", "as_text")

    @admin.display(description="body")
    def as_text(self, call: InboundCall) -> str:
        return bytes(call.body).decode("utf-8", "replace")

    def get_queryset(self, request: HttpRequest) -> QuerySet[InboundCall]:
        return super().get_queryset(request).defer("body")


@admin.register(ProviderReport)
class ProviderReportAdmin(ReadOnly):
    shows_personal_data = True
    list_display = ("id", "sender", "kind", "channel", "address", "occurred_at", "applied_at")
    list_filter = ("sender", "kind", "channel")
    search_fields = ("address", "message_id", "provider_id")
    raw_id_fields = ("call",)


@admin.register(StaffAlert)
class StaffAlertAdmin(ReadOnly):
    list_display = ("id", "severity", "title", "created_at")
    list_filter = ("severity",)


@admin.register(AlertDelivery)
class AlertDeliveryAdmin(ReadOnly):
    list_display = ("id", "alert", "outlet", "status", "attempts", "told_at", "failed_at", "error")
    list_filter = ("status",)
    list_select_related = ("alert",)


@admin.register(Destination)
class DestinationAdmin(ReadOnly):
    """Set up and changed under Integrations → Events out. An address among its options may hold a key."""

    list_display = ("id", "name", "kind", "is_enabled", "tells_people", "delivered_at", "failing_since")
    list_filter = ("kind", "is_enabled")
    search_fields = ("name",)
    exclude = ("secret", "old_secret", "options")
    raw_id_fields = ("created_by",)


@admin.register(OutboundDelivery)
class OutboundDeliveryAdmin(ReadOnly):
    list_display = ("id", "destination", "event_name", "status", "attempts", "last_status", "due_at", "error")
    list_filter = ("status", "destination")
    list_select_related = ("destination",)
    raw_id_fields = ("event",)


@admin.register(DeliveryAttempt)
class DeliveryAttemptAdmin(ReadOnly):
    list_display = ("id", "delivery", "number", "at", "status", "duration_ms", "error")
    list_select_related = ("delivery",)
    raw_id_fields = ("delivery",)
