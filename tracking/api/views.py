from typing import Any

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tracking import queries
from tracking.api import serializers
from tracking.api.authentication import SeesSystems, SystemUser, systems_of
from tracking.models import PartnerSystem


class TrackingView(APIView):
    """Open to systems with a key, a partner's people, and the shop's people who may look at tracking."""

    permission_classes = [SeesSystems]


class Statistics(TrackingView):
    @extend_schema(parameters=[serializers.StatisticsQuery], responses=serializers.StatisticsAnswer)
    def get(self, request: Request) -> Response:
        """How many events a system sent: valid, invalid and repeated, by name and over time."""
        asked = _understood(serializers.StatisticsQuery, request)
        found = queries.statistics(
            [_system(request, asked.get("partner_system")).pk],
            since=asked["since"],
            until=asked["until"],
            interval=asked["interval"],
            name=asked["name"],
            is_fresh=asked["fresh"],
        )
        return Response(found.as_json())


def _understood(serializer: Any, request: Request) -> dict[str, Any]:
    asked = serializer(data=request.query_params)
    asked.is_valid(raise_exception=True)
    return asked.validated_data


def _system(request: Request, public_id: Any) -> PartnerSystem:
    """The one whose key asks, unless one is named. 404 for one that is not there and one of somebody else, alike."""
    if public_id is None:
        if isinstance(request.user, SystemUser):
            return request.user.system
        raise ValidationError({"partner_system": "Say which system: its id is on its page."})
    system = systems_of(request).filter(public_id=public_id).first()
    if system is None:
        raise Http404("There is no such system.")
    return system
