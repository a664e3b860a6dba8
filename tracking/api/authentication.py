"""Who asks: somebody signed in, or a system by its key. Both end as the systems they may see."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from tracking.actions import partners
from tracking.ingest import credentials
from tracking.ingest.neutral import Call
from tracking.models import PartnerSystem, SystemKey
from tracking.queries import scope


class SystemUser:
    """A system that asks by its key. It is nobody of the shop's, and holds no permission."""

    is_authenticated = True
    is_active = True
    pk = None

    def __init__(self, key: SystemKey) -> None:
        self.key, self.system = key, key.system

    def has_perm(self, permission: str) -> bool:
        return False


class SystemKeyAuthentication(BaseAuthentication):
    """The same keys in the same places as on ingest. A key that was given and is not known is refused."""

    def authenticate(self, request: Request) -> tuple[SystemUser, SystemKey] | None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        call = Call({}, request.query_params.dict(), headers, None)
        given: Sequence[str] = list(credentials.candidates(call))
        if not given:
            return None
        now = timezone.now()
        for credential in given:
            if key := scope.working_key(credential, now=now):
                partners.note_use(key, now=now)
                return SystemUser(key), key
        raise AuthenticationFailed("This needs a key that is known here and not revoked.")

    def authenticate_header(self, request: Request) -> str:
        return 'Basic realm="write key"'


class SystemKeyScheme(OpenApiAuthenticationExtension):
    """How the schema describes a key."""

    target_class = "tracking.api.authentication.SystemKeyAuthentication"
    name = "systemKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        told = "A write key as the user name with no password, or an id and its secret. X-Write-Key works as well."
        return {"type": "http", "scheme": "basic", "description": told}


class SeesSystems(BasePermission):
    """For systems with a key, a partner's people, and the shop's people who may look at tracking."""

    message = "Your login does not open tracking. Ask an administrator for it."

    def has_permission(self, request: Request, view: object) -> bool:
        if not request.user or not request.user.is_authenticated:
            raise NotAuthenticated("Send a key as on ingest, or sign in.")
        return isinstance(request.user, SystemUser) or scope.partners_seen_by(request.user).exists()


def systems_of(request: Request) -> QuerySet[PartnerSystem]:
    """Every system whose events the asker may read."""
    if isinstance(request.user, SystemUser):
        return PartnerSystem.objects.filter(pk=request.user.system.pk).select_related("partner")
    return scope.systems_seen_by(request.user)
