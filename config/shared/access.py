from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_required, permission_required

View = Callable[..., Any]


def needs(*permissions: str) -> Callable[[View], View]:
    """A page for those who hold all of these permissions: a stranger is asked to sign in, a colleague is refused."""

    def guard(view: View) -> View:
        return login_required(permission_required(permissions, raise_exception=True)(view))

    return guard
