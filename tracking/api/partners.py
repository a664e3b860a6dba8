"""Partners over REST."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from config.shared.rest import one_of
from tracking.actions import partners as actions
from tracking.api.management import ManagementView, partners_of
from tracking.api.serializers_management import PartnerAnswer, PartnerInput


class Partners(ManagementView):
    needs = {"POST": "tracking.add_partner"}

    @extend_schema(responses=PartnerAnswer(many=True))
    def get(self, request: Request) -> Response:
        """The partners you may see, newest first."""
        return self.paged(partners_of(request), PartnerAnswer)

    @extend_schema(request=PartnerInput, responses={201: PartnerAnswer})
    def post(self, request: Request) -> Response:
        """A new partner. 409 when the name is taken."""
        said = self.said(PartnerInput)
        return Response(PartnerAnswer(actions.add_partner(**said)).data, status=201)


class Partner(ManagementView):
    needs = {"PATCH": "tracking.change_partner"}

    @extend_schema(responses=PartnerAnswer)
    def get(self, request: Request, public_id: UUID) -> Response:
        return Response(PartnerAnswer(one_of(partners_of(request), public_id=public_id)).data)

    @extend_schema(request=PartnerInput, responses=PartnerAnswer)
    def patch(self, request: Request, public_id: UUID) -> Response:
        """Rename it, or switch it off and on."""
        partner = one_of(partners_of(request), public_id=public_id)
        present: dict[str, Any] = {"name": partner.name, "is_active": partner.is_active}
        actions.change_partner(partner, **present | self.said(PartnerInput, partial=True))
        partner.refresh_from_db()
        return Response(PartnerAnswer(partner).data)
