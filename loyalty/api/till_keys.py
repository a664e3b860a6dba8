"""How a till shows whose it is: `Authorization: Bearer tk_…`, a key of its store with what it may do."""

from typing import Any, ClassVar, cast

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from config.shared.trail import spoken_for
from loyalty.actions import till_keys as actions
from loyalty.api.views import WritesOnce
from loyalty.models import Store, TillKey
from loyalty.queries.till_keys import working_till_key
from loyalty.rules.shopper_tokens import TILL_BEGINNING


class Till:
    """A till of one store. Nobody of the shop's: holds no permission but the scopes of its key."""

    is_authenticated = True
    is_active = True
    is_staff = False
    pk = None

    def __init__(self, key: TillKey) -> None:
        self.key, self.store = key, key.store

    def has_perm(self, permission: str) -> bool:
        return False


class TillKeyAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[Till, TillKey] | None:
        scheme, _space, given = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            return None
        credential = given.strip()
        key = working_till_key(credential) if credential.startswith(TILL_BEGINNING) else None
        if key is None:
            raise AuthenticationFailed(_("This key is not known here, or was revoked. Make another under Settings."))
        actions.note_use(key, now=timezone.now())
        spoken_for(f"Till {key}")
        return Till(key), key

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="Regulars"'


class TillKeyScheme(OpenApiAuthenticationExtension):
    """How the schema describes it."""

    target_class = "loyalty.api.till_keys.TillKeyAuthentication"
    name = "till"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        told = "A key of one store's till, made under Settings → Tills. It may do what it was made for."
        return {"type": "http", "scheme": "bearer", "bearerFormat": "tk_…", "description": told}


class HasScope(BasePermission):
    """The scope that the view names."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not isinstance(request.user, Till):
            return False
        told = _("This key may not do that. Make one that may: %(scope)s.")
        self.message = told % {"scope": TillKey.Scope(view.scope).label.lower()}
        return view.scope in request.user.key.scopes


class TillView(WritesOnce):
    """For a till that holds a key with this scope."""

    authentication_classes = [TillKeyAuthentication]
    permission_classes = [HasScope]
    scope: ClassVar[TillKey.Scope]

    @property
    def store(self) -> Store:
        return cast(Till, self.request.user).store
