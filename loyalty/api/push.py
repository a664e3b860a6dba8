"""Where this device takes push messages."""

from base64 import urlsafe_b64decode
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from loyalty.actions import push
from loyalty.api.shoppers import ShopperView

POINT_BYTES, AUTH_BYTES = 65, 16  # RFC 8291: an uncompressed point of P-256, and a secret.


class Base64Field(serializers.CharField):
    """So many bytes in base64url."""

    def __init__(self, size: int, **options: Any) -> None:
        self.size = size
        super().__init__(max_length=size * 2, **options)

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        try:
            is_right = len(urlsafe_b64decode(text + "=" * (-len(text) % 4))) == self.size
        except ValueError:
            is_right = False
        if not is_right:
            raise serializers.ValidationError(_("This is not %(size)s bytes in base64url.") % {"size": self.size})
        return text


class KeysInput(serializers.Serializer[dict[str, Any]]):
    p256dh = Base64Field(POINT_BYTES)
    auth = Base64Field(AUTH_BYTES)


class PushInput(serializers.Serializer[dict[str, Any]]):
    """As the browser's PushSubscription says it."""

    endpoint = serializers.RegexField(r"^https://[^\s]+$", max_length=1_000)
    keys = KeysInput()


class NoPushInput(serializers.Serializer[dict[str, Any]]):
    endpoint = serializers.CharField(max_length=1_000)


class Push(ShopperView):
    @extend_schema(request=PushInput, responses={204: None})
    def put(self, request: Request) -> Response:
        """Take push messages here. What is sent is what you have agreed to."""
        said = self.said(PushInput)
        push.subscribe(device=self.device, endpoint=said["endpoint"], **said["keys"], now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=NoPushInput, responses={204: None})
    def delete(self, request: Request) -> Response:
        """Take them here no more."""
        push.unsubscribe(device=self.device, **self.said(NoPushInput))
        return Response(status=status.HTTP_204_NO_CONTENT)
