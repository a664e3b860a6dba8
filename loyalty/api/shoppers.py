"""How a shopper shows who they are: `Authorization: Bearer sh_…`, good for five minutes on one device.

The token is signed and names the device; whether the device is still open is asked each time. It is got by signing in
and renewed by the device's refresh token, see loyalty.api.sign_in.
"""

from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from django.core import signing
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from config.shared.trail import spoken_for
from loyalty.api.views import WritesOnce
from loyalty.models import Device, Member
from loyalty.queries.devices import open_device

BEGINNING = "sh_"
LASTS = timedelta(minutes=5)
_SIGNER = signing.Signer(salt="loyalty.api.shoppers")


def access_token(device: Device, *, now: datetime) -> str:
    until = int((now + LASTS).timestamp())
    return BEGINNING + _SIGNER.sign_object([device.public_id.hex, until])


def device_of(token: str, *, now: datetime) -> Device | None:
    """The open device behind an access token, in one query; None for any other text."""
    try:
        device_id, until = _SIGNER.unsign_object(token.removeprefix(BEGINNING))
        public_id = UUID(device_id)
    except (signing.BadSignature, ValueError):
        return None
    return open_device(public_id) if now.timestamp() < until else None


class Shopper:
    """A member on one of their devices. Nobody of the shop's: holds no permission and has no password."""

    is_authenticated = True
    is_active = True
    is_staff = False
    pk = None

    def __init__(self, device: Device) -> None:
        self.device, self.member = device, device.member

    def has_perm(self, permission: str) -> bool:
        return False


class ShopperAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[Shopper, Member] | None:
        """Limits count by what is shown: here the member, on however many devices."""
        scheme, _space, given = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            return None
        device = device_of(given.strip(), now=timezone.now()) if given.strip().startswith(BEGINNING) else None
        if device is None:
            raise AuthenticationFailed(_("This sign-in has run out or was ended. Renew it, or sign in again."))
        spoken_for("A member, on their phone")
        return Shopper(device), device.member

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="Regulars"'


class ShopperScheme(OpenApiAuthenticationExtension):
    """How the schema describes it."""

    target_class = "loyalty.api.shoppers.ShopperAuthentication"
    name = "shopper"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        told = "A shopper's access token: the answer to a one-time code, renewed under sign-in/refresh."
        return {"type": "http", "scheme": "bearer", "bearerFormat": "sh_…", "description": told}


class IsShopper(BasePermission):
    message = gettext_lazy("Sign in as a member first.")

    def has_permission(self, request: Request, view: object) -> bool:
        return isinstance(request.user, Shopper)


class ShopperView(WritesOnce):
    """For a member, about themselves and nobody else."""

    authentication_classes = [ShopperAuthentication]
    permission_classes = [IsShopper]

    @property
    def member(self) -> Member:
        return cast(Shopper, self.request.user).member

    @property
    def device(self) -> Device:
        return cast(Shopper, self.request.user).device
