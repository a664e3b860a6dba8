"""What libraries keep, in the admin's own look: to be looked at. Schedules are written in config.celery alone."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule

from config.shared.admin import ReadOnly
from loyalty.actions import people

for model in (
    EmailAddress,
    Authenticator,
    PeriodicTask,
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    SolarSchedule,
):
    admin.site.unregister(model)


@admin.register(EmailAddress)
class EmailAddressAdmin(ReadOnly):
    shows_personal_data = True
    list_display = ("email", "user", "primary", "verified")
    list_select_related = ("user",)
    search_fields = ("email",)


@admin.register(Authenticator)
class AuthenticatorAdmin(ReadOnly):
    """Who signs in with a second factor. Its secret is shown to nobody; a lost one is taken away here."""

    list_display = ("user", "type", "created_at", "last_used_at")
    list_select_related = ("user",)
    fields = list_display

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("loyalty.manage_people")

    def delete_model(self, request: HttpRequest, obj: Authenticator) -> None:
        people.forget_second_factor(user=obj.user)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Authenticator]) -> None:
        for authenticator in queryset.select_related("user"):
            people.forget_second_factor(user=authenticator.user)


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(ReadOnly):
    list_display = ("name", "task", "enabled", "last_run_at", "total_run_count")
    fields = ("name", "task", "interval", "crontab", "enabled", "last_run_at", "total_run_count")
