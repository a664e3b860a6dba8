from datetime import datetime

from django.contrib.auth.models import Permission
from django.db.models import Q, QuerySet

from loyalty.models import Invitation, User

ROLES = ("Admin", "Manager", "Marketer", "Viewer")


def people() -> QuerySet[User]:
    """Everybody who works here."""
    ours = User.objects.filter(partner_access=None)
    return ours.prefetch_related("groups").order_by("-is_active", "name", "email")


def partner_logins() -> QuerySet[User]:
    """The people of all partners."""
    return User.objects.exclude(partner_access=None).order_by("-is_active", "name", "email")


def admins() -> QuerySet[User]:
    """Everybody who may still sign in and manage the others."""
    return User.objects.filter(Q(groups__name="Admin") | Q(is_superuser=True), is_active=True)


def open_invitations(now: datetime) -> QuerySet[Invitation]:
    return Invitation.objects.filter(accepted_at=None, withdrawn_at=None, expires_at__gt=now).select_related(
        "invited_by", "partner"
    )


def role_of(user: User) -> str:
    """The name of the one group; a superuser made on the command line is an Admin."""
    group = next(iter(user.groups.all()), None)
    return group.name if group else ("Admin" if user.is_superuser else "")


def who_may(permission: str) -> QuerySet[User]:
    """Everybody here with a permission such as campaigns.approve_plan."""
    app, _, codename = permission.partition(".")
    granted = Permission.objects.filter(content_type__app_label=app, codename=codename)
    may = Q(is_superuser=True) | Q(groups__permissions__in=granted) | Q(user_permissions__in=granted)
    return User.objects.filter(may, is_active=True).distinct()
