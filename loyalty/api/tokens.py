"""Who calls the API by a token of a person."""

from typing import Any

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from config.shared.trail import known_as
from loyalty.actions import tokens as actions
from loyalty.models import ApiToken, User
from loyalty.queries.tokens import working_token
from loyalty.rules.tokens import is_token


class ApiTokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer rg_…`. Any other bearer is left to whoever knows it, such as a system's key.

    A view whose POST only asks says so by `only_asks`: a token that may only read may post it.
    """

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        scheme, _, given = get_authorization_header(request).decode("latin-1").partition(" ")
        credential, now = given.strip(), timezone.now()
        if scheme.lower() != "bearer" or not is_token(credential):
            return None
        token = working_token(credential, now=now)
        if token is None:
            raise AuthenticationFailed("This token is not known here, or works no more. Make another in your account.")
        if token.scope == ApiToken.Scope.READ and not _only_asks(request):
            raise PermissionDenied("This token may only read.")
        actions.note_use(token, now=now)
        known_as(token.user, by=str(token))
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="Regulars"'


class ApiTokenScheme(OpenApiAuthenticationExtension):
    """How the schema describes a token."""

    target_class = "loyalty.api.tokens.ApiTokenAuthentication"
    name = "personalToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        told = "A person's token, made under Your account → API tokens. It may do what its owner may do, or only read."
        return {"type": "http", "scheme": "bearer", "bearerFormat": "rg_…", "description": told}


def _only_asks(request: Request) -> bool:
    return request.method in SAFE_METHODS or getattr(request.parser_context["view"], "only_asks", False)
