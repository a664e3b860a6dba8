from collections.abc import Callable
from typing import Any

from allauth.account.adapter import get_adapter
from django.contrib.auth.decorators import login_required, permission_required
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import HttpRequest

View = Callable[..., Any]


def needs(*permissions: str) -> Callable[[View], View]:
    """A page for those who hold all of these permissions: a stranger is asked to sign in, a colleague is refused."""

    def guard(view: View) -> View:
        return login_required(permission_required(permissions, raise_exception=True)(view))

    return guard


def client_address(request: HttpRequest) -> str | None:
    """Who asks, seen through as many proxies as TRUSTED_PROXIES says and no more; None when nobody can tell."""
    try:
        return get_adapter(request).get_client_ip(request) or None
    except (PermissionDenied, ImproperlyConfigured):  # no address at all, or fewer proxies than were announced
        return None
