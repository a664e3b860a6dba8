"""Codes and scans, friends and wishes: kept by the programme itself."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from config.shared.admin import ReadOnly
from loyalty.actions import codes
from loyalty.models import CodeBatch, Invite, ProductCode, Referral, Scan, WishlistItem


@admin.register(CodeBatch)
class CodeBatchAdmin(ReadOnly):
    """Made and printed on the pages of the programme; withdrawn here as well."""

    list_display = ("name", "product", "use", "size", "points", "expires_at", "withdrawn_at")
    list_select_related = ("product",)
    search_fields = ("name",)
    actions = ("withdraw",)

    def has_withdraw_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("loyalty.change_codebatch")

    @admin.action(description="Withdraw", permissions=["withdraw"])
    def withdraw(self, request: HttpRequest, chosen: QuerySet[CodeBatch]) -> None:
        for batch in chosen.filter(withdrawn_at=None):
            codes.withdraw(batch=batch, now=timezone.now())
        self.message_user(request, "They earn nothing any more.")


@admin.register(ProductCode)
class ProductCodeAdmin(ReadOnly):
    list_display = ("id", "batch", "scans")
    list_select_related = ("batch",)


@admin.register(Scan)
class ScanAdmin(ReadOnly):
    list_display = ("public_id", "member", "code", "points", "scanned_at", "received_at")
    list_select_related = ("member", "code")


@admin.register(Invite)
class InviteAdmin(ReadOnly):
    list_display = ("code", "member", "created_at")
    list_select_related = ("member",)
    search_fields = ("=code",)


@admin.register(Referral)
class ReferralAdmin(ReadOnly):
    """With the address a friend joined from. Reviewed on the pages of the programme."""

    shows_personal_data = True
    list_display = ("id", "referrer", "friend", "status", "reasons", "joined_at", "bought_at")
    list_select_related = ("referrer", "friend")
    list_filter = ("status",)


@admin.register(WishlistItem)
class WishlistItemAdmin(ReadOnly):
    list_display = ("id", "member", "product", "price_told", "added_at")
    list_select_related = ("member", "product")
