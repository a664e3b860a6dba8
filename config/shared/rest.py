"""What views of the REST API have in common, whichever app they belong to."""

from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.generics import GenericAPIView
from rest_framework.pagination import CursorPagination
from rest_framework.parsers import JSONParser
from rest_framework.response import Response

Row = TypeVar("Row", bound=Model)


class NewestFirst(CursorPagination):
    """By place, not by page number: a list that grows meanwhile shows nothing twice."""

    ordering: Any = "-pk"
    page_size = 50
    page_size_query_param = "limit"
    max_page_size = 200


class ShallowJSON(JSONParser):
    """JSON as people write it: what is nested for ever is refused, not followed."""

    def parse(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().parse(*args, **kwargs)
        except RecursionError:
            raise ParseError(_("The body is nested too deep.")) from None


class RestView(GenericAPIView[Any]):
    """A view that reads its body and query by serializers, and answers lists by place."""

    pagination_class = NewestFirst
    parser_classes = [ShallowJSON]
    metadata_class = None  # type: ignore[assignment]  # there is nothing to tell beside the schema

    def said(self, serializer: type[serializers.Serializer[Any]], *, partial: bool = False) -> dict[str, Any]:
        """The body, or a refusal that names each field."""
        return _understood(serializer(data=self.request.data, partial=partial))

    def asked(self, serializer: type[serializers.Serializer[Any]]) -> dict[str, Any]:
        """The query, likewise."""
        return _understood(serializer(data=self.request.query_params))

    def paged(self, rows: QuerySet[Any], answer: type[serializers.Serializer[Any]]) -> Response:
        return self.get_paginated_response(answer(self.paginate_queryset(rows), many=True).data)


def one_of(rows: QuerySet[Row], **which: Any) -> Row:
    """404 for what is not there and for what is somebody else's, alike."""
    row = rows.filter(**which).first()
    if row is None:
        raise Http404(_("There is nothing of yours at this address."))
    return row


def _understood(serializer: serializers.Serializer[Any]) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)
