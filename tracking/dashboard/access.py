"""Who may look at tracking: the shop's own people by their role, a partner's people at what is theirs."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from tracking.queries import scope

View = Callable[..., Any]


def for_onlookers(view: View) -> View:
    """A page that shows rows of `scope.*_seen_by(request.user)` and no others. Changes ask `needs(...)` instead."""

    @login_required
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not scope.may_look(request.user):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return guarded
