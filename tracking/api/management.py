"""What the management API has in common: who may, how lists are paged, how a body is read."""

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from django.db.models import Model, QuerySet
from django.http import Http404
from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.generics import GenericAPIView
from rest_framework.pagination import CursorPagination
from rest_framework.parsers import JSONParser
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response

from tracking.api.authentication import ReadsSystems, SystemUser
from tracking.models import EventStructure, Partner, SystemKey
from tracking.queries import scope

Row = TypeVar("Row", bound=Model)


class MayManage(ReadsSystems):
    """Looking is for whoever sees tracking at all; each change asks for the permission that its page asks for."""

    message = "Your login or key does not open this. Ask an administrator for it."

    def has_permission(self, request: Request, view: Any) -> bool:
        may_look = super().has_permission(request, view)
        if request.method in SAFE_METHODS:
            return may_look
        needed = view.needs.get(request.method)
        return needed is not None and request.user.has_perm(needed)


class NewestFirst(CursorPagination):
    """By place, not by page number: a list that grows meanwhile shows nothing twice."""

    ordering = "-pk"
    page_size = 50
    page_size_query_param = "limit"
    max_page_size = 200


class ShallowJSON(JSONParser):
    """JSON as people write it: what is nested for ever is refused, not followed."""

    def parse(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().parse(*args, **kwargs)
        except RecursionError:
            raise ParseError("The body is nested too deep.") from None


class ManagementView(GenericAPIView[Any]):
    """Open to the shop's people by their role, to a partner's people and to systems for what is theirs.

    `needs` names the permission of each method that changes something.
    """

    permission_classes = [MayManage]
    pagination_class = NewestFirst
    parser_classes = [ShallowJSON]
    metadata_class = None  # type: ignore[assignment]  # there is nothing to tell beside the schema
    needs: ClassVar[Mapping[str, str]] = {}

    @property
    def may_see(self) -> bool:
        """Whether names and addresses are answered as they are: a system reads its own data whole."""
        return isinstance(self.request.user, SystemUser) or scope.may_see_people(self.request.user)

    def said(self, serializer: type[serializers.Serializer[Any]], *, partial: bool = False) -> dict[str, Any]:
        """The body, or a refusal that names each field."""
        return _understood(serializer(data=self.request.data, partial=partial))

    def asked(self, serializer: type[serializers.Serializer[Any]]) -> dict[str, Any]:
        """The query, likewise."""
        return _understood(serializer(data=self.request.query_params))

    def paged(self, rows: QuerySet[Any], answer: type[serializers.Serializer[Any]]) -> Response:
        return self.get_paginated_response(answer(self.paginate_queryset(rows), many=True).data)


def _understood(serializer: serializers.Serializer[Any]) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def one_of(rows: QuerySet[Row], **which: Any) -> Row:
    """404 for what is not there and for what is somebody else's, alike."""
    row = rows.filter(**which).first()
    if row is None:
        raise Http404("There is nothing of yours at this address.")
    return row


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
