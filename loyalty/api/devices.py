"""Where a member is signed in, listed and ended."""

from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from config.shared.rest import one_of
from loyalty.actions import sign_in
from loyalty.api.shoppers import ShopperView
from loyalty.models import Device
from loyalty.queries.devices import devices_of


class DeviceAnswer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    name = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()
    last_seen_at = serializers.DateTimeField(source="seen_at")
    is_current = serializers.SerializerMethodField(help_text="Whether it is the one that asks.")

    def get_name(self, device: Device) -> str:
        """As its phone called it."""
        return _("A device") if device.name == sign_in.UNNAMED else device.name

    def get_is_current(self, device: Any) -> bool:
        return device.pk == self.context["device"].pk


class Devices(ShopperView):
    pagination_class = None  # type: ignore[assignment]

    @extend_schema(responses=DeviceAnswer(many=True))
    def get(self, request: Request) -> Response:
        """Where you are signed in, the device used last first."""
        context = {"device": self.device}
        return Response(DeviceAnswer(devices_of(self.member), many=True, context=context).data)


class OneDevice(ShopperView):
    @extend_schema(responses={204: None})
    def delete(self, request: Request, public_id: UUID) -> Response:
        """Sign a device out. It is shut at once."""
        device = one_of(self.member.devices.all(), public_id=public_id)
        sign_in.end_device(device, now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)
