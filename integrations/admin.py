from django.contrib import admin

from config.shared.admin import ReadOnly
from integrations.models import MailboxMessage


@admin.register(MailboxMessage)
class MailboxMessageAdmin(ReadOnly):
    shows_personal_data = True
    list_display = ("id", "recipient", "subject", "received_at", "read_at")
    search_fields = ("recipient", "subject")
    exclude = ("raw",)
