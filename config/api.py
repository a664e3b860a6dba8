"""What all of our REST API has in common: refusals as problem+json (RFC 9457), and how often it answers."""

import math
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext
from django.views.defaults import page_not_found
from rest_framework import status
from rest_framework.exceptions import (
    APIException,
    AuthenticationFailed,
    NotAuthenticated,
    PermissionDenied,
    Throttled,
    ValidationError,
)
from rest_framework.response import Response
from rest_framework.views import exception_handler

from config.limits import seconds_after_refusal
from config.shared.errors import DomainError


class Refused(APIException):
    """What the business refuses, said to a program: 409 with the same words a person would read."""

    status_code = status.HTTP_409_CONFLICT

    def __init__(self, refusal: DomainError) -> None:
        super().__init__(str(refusal), refusal.code)


# What HTTP calls the refusals. Nothing reads this: it is here for config.locales to find the texts that `problem` asks
# for by the status.
TITLES = (
    gettext_noop("Bad Request"),
    gettext_noop("Unauthorized"),
    gettext_noop("Forbidden"),
    gettext_noop("Not Found"),
    gettext_noop("Method Not Allowed"),
    gettext_noop("Not Acceptable"),
    gettext_noop("Conflict"),
    gettext_noop("Unsupported Media Type"),
    gettext_noop("Unprocessable Entity"),
    gettext_noop("Unprocessable Content"),
    gettext_noop("Too Many Requests"),
)


class TooManyCalls(Throttled):
    """429, with `Retry-After` in whole seconds."""

    def __init__(self, wait: float | None) -> None:
        self.wait = None if wait is None else math.ceil(wait)
        seconds = self.wait or 1
        told = ngettext("Ask again in %(number)s second.", "Ask again in %(number)s seconds.", seconds)
        # Not by Throttled: it asks for translations of words in which the number stands already.
        APIException.__init__(self, _("Too many calls.") + " " + told % {"number": seconds})


def problem(error: Exception, context: dict[str, Any]) -> Response | None:
    """`code` is for programs, `detail` for people, `errors` names each field of a request that was not understood."""
    if isinstance(error, DomainError):
        error = Refused(error)
    elif isinstance(error, Throttled):
        error = TooManyCalls(error.wait)  # type: ignore[attr-defined]  # the stubs forgot it
    elif isinstance(error, NotAuthenticated | AuthenticationFailed | PermissionDenied):
        error = _counted(error, context)
    response = exception_handler(error, context)
    if response is None:
        return None
    body: dict[str, Any] = {"type": "about:blank", "title": _(response.status_text), "status": response.status_code}
    if isinstance(error, ValidationError):
        body |= {"code": "invalid", "detail": _("Some of what was sent cannot be used."), "errors": response.data}
    else:
        told = response.data["detail"]
        body |= {"code": getattr(told, "code", "error"), "detail": str(told)}
    response.data = body
    response.content_type = "application/problem+json"
    return response


def _counted(error: APIException, context: dict[str, Any]) -> APIException:
    """Refusals at the door come before the limits, so they are counted here: told why, but not for ever."""
    seconds = seconds_after_refusal(context["request"], context["view"])
    return TooManyCalls(seconds) if seconds else error


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler for addresses that lead nowhere: programs get a problem, people a page."""
    if not request.path.startswith("/api/"):
        return page_not_found(request, exception)
    with translation.override(translation.get_language_from_request(request)):
        body = {
            "type": "about:blank",
            "title": _("Not Found"),
            "status": 404,
            "code": "not_found",
            "detail": _("It is not there."),
        }
    return JsonResponse(body, status=404, content_type="application/problem+json")


_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "For programs; it stays the same."},
        "detail": {"type": "string", "description": "For people: what to change."},
        "errors": {
            "type": "object",
            "additionalProperties": True,
            "description": "Each field that was not understood.",
        },
    },
}
_PROBLEMS = {
    "400": "Something of what was sent cannot be used.",
    "401": "Nobody is signed in, or the token or key is unknown.",
    "403": "This is for others, or the token may only read.",
    "404": "It is not there, or somebody else's.",
    "405": "Not by this method.",
    "409": "The business refuses.",
    "429": "Too many calls in this minute.",
}
_RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}}


def describe_problems(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """drf-spectacular's hook: every operation may end in a problem, and says so."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = _PROBLEM
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for methods in result["paths"].values():
        for operation in methods.values():
            for status_code, told in _PROBLEMS.items():
                described = {"description": told, "content": content}
                if status_code == "429":
                    described["headers"] = _RETRY_AFTER
                operation["responses"].setdefault(status_code, described)
    return result
