"""Who asks: somebody signed in, or a system by its key. Both end as the systems they may see."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated, PermissionDenied
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
    is_staff = False
    pk = None

    def __init__(self, key: SystemKey) -> None:
        self.key, self.system = key, key.system

    @property
    def is_secret(self) -> bool:
        """Whether it came with a secret, which no web page holds."""
        return self.key.kind == SystemKey.Kind.PAIR

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
        told = (
            "A system's id and secret. Statistics also take a write key: as the user name with no password, "
            "or in X-Write-Key."
        )
        return {"type": "http", "scheme": "basic", "description": told}


class SeesSystems(BasePermission):
    """For systems with a key of any kind, a partner's people, and the shop's people who may look at tracking."""

    message = "Your login does not open tracking. Ask an administrator for it."

    def has_permission(self, request: Request, view: object) -> bool:
        if not request.user or not request.user.is_authenticated:
            raise NotAuthenticated(
                "Send a system's key as on ingest, a personal token (Authorization: Bearer …), or sign in."
            )
        return isinstance(request.user, SystemUser) or scope.may_look(request.user)


class ReadsSystems(SeesSystems):
    """The same, without write keys: these stand in public web pages, where anybody can copy them."""

    def has_permission(self, request: Request, view: object) -> bool:
        if isinstance(request.user, SystemUser) and not request.user.is_secret:
            raise PermissionDenied(
                "A write key brings events in and counts them, nothing more. Read with the system's id and secret."
            )
        return super().has_permission(request, view)


def systems_of(request: Request) -> QuerySet[PartnerSystem]:
    """Every system whose events the asker may read."""
    if isinstance(request.user, SystemUser):
        return PartnerSystem.objects.filter(pk=request.user.system.pk).select_related("partner")
    return scope.systems_seen_by(request.user)
