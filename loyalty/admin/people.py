"""Who works here, and what lets people, phones and tills in."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from config.shared.admin import ByAction, ReadOnly
from loyalty.actions import people, sign_in, till_keys, tokens
from loyalty.models import (
    ApiToken,
    Device,
    Invitation,
    TillKey,
    User,
)
from loyalty.queries.people import ROLES, partner_logins, role_of


class UserForm(forms.ModelForm):
    role = forms.ChoiceField(choices=[(role, role) for role in ROLES])

    class Meta:
        model = User
        fields = ("is_active",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if is_of_a_partner(self.instance):
            self.fields.pop("role", None)
        else:
            self.fields["role"].initial = role_of(self.instance)


def is_of_a_partner(user: User) -> bool:
    return partner_logins().filter(pk=user.pk).exists()


@admin.register(User)
class UserAdmin(ByAction):
    shows_personal_data = True
    list_display = ("email", "name", "is_active", "last_login")
    search_fields = ("email", "name")
    form = UserForm

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """A partner's people hold no role."""
        return ("is_active",) if obj and is_of_a_partner(obj) else ("role", "is_active")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("loyalty.manage_people")

    def write(self, request: HttpRequest, obj: Any, form: forms.ModelForm, *, is_new: bool) -> User:
        if "role" in form.cleaned_data:
            people.change_role(user=obj, role=form.cleaned_data["role"])
        people.set_active(user=obj, is_active=form.cleaned_data["is_active"], now=timezone.now())
        return obj


@admin.register(Invitation)
class InvitationAdmin(ReadOnly):
    shows_personal_data = True
    list_display = ("email", "role", "partner", "invited_by", "created_at", "accepted_at", "withdrawn_at")
    list_select_related = ("partner", "invited_by")
    exclude = ("token_hash",)


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnly):
    """Who lets scripts call the API. Nobody reads a token here; one that should work no more is revoked."""

    shows_personal_data = True
    list_display = ("prefix", "name", "user", "scope", "created_at", "expires_at", "revoked_at", "last_used_at")
    list_select_related = ("user",)
    list_filter = ("scope",)
    search_fields = ("name", "user__email")
    actions = ("revoke",)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("loyalty.manage_people")

    @admin.action(description="Revoke", permissions=["revoke"])
    def revoke(self, request: HttpRequest, chosen: QuerySet[ApiToken]) -> None:
        now = timezone.now()
        for token in chosen.filter(revoked_at=None):
            tokens.revoke_token(token, now=now)
        self.message_user(request, "They open nothing any more.")


@admin.register(TillKey)
class TillKeyAdmin(ReadOnly):
    """Which tills call the API. Nobody reads a key here; one that should work no more is revoked."""

    list_display = ("prefix", "name", "store", "scopes", "created_at", "revoked_at", "last_used_at")
    list_select_related = ("store",)
    list_filter = ("store",)
    search_fields = ("name",)
    actions = ("revoke",)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("loyalty.change_tillkey")

    @admin.action(description="Revoke", permissions=["revoke"])
    def revoke(self, request: HttpRequest, chosen: QuerySet[TillKey]) -> None:
        now = timezone.now()
        for key in chosen.filter(revoked_at=None):
            till_keys.revoke_till_key(key, now=now)
        self.message_user(request, "They open nothing any more.")


@admin.register(Device)
class DeviceAdmin(ReadOnly):
    """Where members are signed in. A lost phone is shut here."""

    shows_personal_data = True
    list_display = ("name", "member", "created_at", "seen_at", "ended_at", "ended_by")
    list_select_related = ("member",)
    search_fields = ("=member__email", "=member__phone", "=public_id")
    actions = ("shut",)

    def has_shut_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("loyalty.change_member")

    @admin.action(description="Sign out", permissions=["shut"])
    def shut(self, request: HttpRequest, chosen: QuerySet[Device]) -> None:
        now = timezone.now()
        for device in chosen.filter(ended_at=None):
            sign_in.end_device(device, now=now)
        self.message_user(request, "They are signed out.")
