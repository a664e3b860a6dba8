"""Look up and correct anything. Every write goes through the action that the other pages use."""

from typing import Any

from auditlog.admin import LogEntryAdmin
from auditlog.models import LogEntry
from django import forms
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin, TabularInline

from config.shared.admin import ByAction, ReadOnly
from config.shared.forms import ActionForm
from loyalty.actions import business, earn_rules, members, people, points, shop, sign_in, till_keys, tokens
from loyalty.models import (
    ApiToken,
    Business,
    Consent,
    Device,
    EarnRule,
    ImportIssue,
    Invitation,
    Member,
    MemberStats,
    Order,
    OrderLine,
    OwnEvents,
    PointsAccount,
    PointsEntry,
    Product,
    PurchaseImport,
    Score,
    Scoring,
    Segment,
    Store,
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


@admin.register(Business)
class BusinessAdmin(ByAction):
    list_display = ("name", "vertical", "currency", "legal_age")
    fields = ("name", "vertical", "accent", "currency", "website", "address", "legal_age")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def write(self, request: HttpRequest, obj: Any, form: forms.ModelForm, *, is_new: bool) -> Business:
        return business.change_business(**form.cleaned_data)


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


@admin.register(Store)
class StoreAdmin(ByAction):
    list_display = ("code", "name", "state", "time_zone")
    search_fields = ("code", "name")

    def write(self, request: HttpRequest, obj: Any, form: forms.ModelForm, *, is_new: bool) -> Store:
        return shop.save_store(store=None if is_new else Store.objects.get(pk=obj.pk), **form.cleaned_data)


@admin.register(Product)
class ProductAdmin(ByAction):
    list_display = ("sku", "name", "brand", "category", "size")
    list_filter = ("category",)
    search_fields = ("=sku", "name", "brand")

    def write(self, request: HttpRequest, obj: Any, form: forms.ModelForm, *, is_new: bool) -> Product:
        return shop.save_product(product=None if is_new else Product.objects.get(pk=obj.pk), **form.cleaned_data)


class OrderLines(TabularInline):  # type: ignore[misc]  # ships no types
    model = OrderLine
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Order)
class OrderAdmin(ReadOnly):
    list_display = ("number", "member", "store", "ordered_at", "total")
    list_select_related = ("member", "store")
    search_fields = ("=number",)
    inlines = (OrderLines,)


@admin.register(OrderLine)
class OrderLineAdmin(ReadOnly):
    list_display = ("id", "order", "product", "quantity", "amount")
    list_select_related = ("order", "product")
    search_fields = ("=order__number", "=product__sku")


@admin.register(OwnEvents)
class OwnEventsAdmin(ReadOnly):
    """Switched on and off on the page of the partner they stand with."""

    list_display = ("system", "named_by", "begins_anew")
    list_select_related = ("system",)


class EarnRuleForm(ActionForm):
    class Meta:
        model = EarnRule
        fields = ("name", "points_per_unit", "minimum_total", "starts_on", "ends_on", "priority", "is_active")


@admin.register(EarnRule)
class EarnRuleAdmin(ByAction):
    form = EarnRuleForm
    list_display = ("name", "points_per_unit", "minimum_total", "priority", "starts_on", "ends_on", "is_active")

    def write(self, request: HttpRequest, obj: Any, form: forms.ModelForm, *, is_new: bool) -> EarnRule:
        return earn_rules.save_earn_rule(rule=None if is_new else EarnRule.objects.get(pk=obj.pk), **form.cleaned_data)


class CorrectionForm(ActionForm):
    class Meta:
        model = PointsEntry
        fields = ("member", "points", "note")


@admin.register(PointsEntry)
class PointsEntryAdmin(ByAction):
    list_display = ("id", "member", "points", "reason", "reference", "occurred_at")
    list_filter = ("reason",)
    list_select_related = ("member",)
    search_fields = ("=reference",)
    autocomplete_fields = ("member",)
    form = CorrectionForm

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def write(self, request: HttpRequest, obj: Any, form: forms.ModelForm, *, is_new: bool) -> PointsEntry:
        # The page's own CSRF token names this one showing of the form: sent twice, it enters once.
        reference = f"admin {request.POST.get('csrfmiddlewaretoken', '')[:32]}"
        points.correct(**form.cleaned_data, reference=reference, now=timezone.now())
        return PointsEntry.objects.get(reason=PointsEntry.Reason.CORRECTION, reference=reference)


@admin.register(PointsAccount)
class PointsAccountAdmin(ReadOnly):
    list_display = ("member", "balance")
    list_select_related = ("member",)


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


@admin.register(Segment)
class SegmentAdmin(ReadOnly):
    list_display = ("name", "member_count", "counted_at", "created_by", "archived_at")
    list_select_related = ("created_by",)
    search_fields = ("name",)


@admin.register(PurchaseImport)
class PurchaseImportAdmin(ReadOnly):
    list_display = ("file_name", "status", "size_bytes", "created_by", "created_at", "finished_at")
    list_select_related = ("created_by",)
    list_filter = ("status",)
    # The first lines of the file name people.
    exclude = ("file", "refused_csv", "samples")


@admin.register(ImportIssue)
class ImportIssueAdmin(ReadOnly):
    shows_personal_data = True
    list_display = ("purchase_import", "line_number", "severity", "code", "message")
    list_filter = ("severity", "code")


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
