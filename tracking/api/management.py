"""What the management API has in common: who may, and what they see of partners, structures and keys."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from config.shared.rest import RestView, Row
from tracking.api.authentication import ReadsSystems, SystemUser
from tracking.models import EventStructure, Partner, SystemKey
from tracking.queries import scope


class MayManage(ReadsSystems):
    """Looking is for whoever sees tracking at all; each change asks for the permission that its page asks for."""

    message = "Your login or key does not open this. Ask an administrator for it."

    def has_permission(self, request: Request, view: Any) -> bool:
        may_look = super().has_permission(request, view)
        if request.method in SAFE_METHODS:
            return may_look
        needed = view.needs.get(request.method)
        return needed is not None and request.user.has_perm(needed)


class ManagementView(RestView):
    """Open to the shop's people by their role, to a partner's people and to systems for what is theirs.

    `needs` names the permission of each method that changes something.
    """

    permission_classes = [MayManage]
    needs: ClassVar[Mapping[str, str]] = {}

    @property
    def may_see(self) -> bool:
        """Whether names and addresses are answered as they are: a system reads its own data whole."""
        return isinstance(self.request.user, SystemUser) or scope.may_see_people(self.request.user)


def named(rows: QuerySet[Row], field: str, public_id: Any) -> Row:
    """What a field of the body names."""
    row = rows.filter(public_id=public_id).first()
    if row is None:
        raise serializers.ValidationError({field: [f"There is no such {field}."]})
    return row


def partners_of(request: Request) -> QuerySet[Partner]:
    if isinstance(request.user, SystemUser):
        return Partner.objects.filter(pk=request.user.system.partner_id)
    return scope.partners_seen_by(request.user)


def structures_of(request: Request) -> QuerySet[EventStructure]:
    if isinstance(request.user, SystemUser):
        mine = EventStructure.objects.filter(system=request.user.system)
        return mine.select_related("system__partner")
    return scope.structures_seen_by(request.user)


def keys_of(request: Request) -> QuerySet[SystemKey]:
    """People's matter: a system tells nobody which other keys there are."""
    return SystemKey.objects.none() if isinstance(request.user, SystemUser) else scope.keys_seen_by(request.user)
