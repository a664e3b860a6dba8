"""What all of our REST API has in common: refusals as problem+json (RFC 9457)."""

from typing import Any

from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler

from config.shared.errors import DomainError


class Refused(APIException):
    """What the business refuses, said to a program: 409 with the same words a person would read."""

    status_code = status.HTTP_409_CONFLICT

    def __init__(self, refusal: DomainError) -> None:
        super().__init__(str(refusal), refusal.code)


def problem(error: Exception, context: dict[str, Any]) -> Response | None:
    """`code` is for programs, `detail` for people, `errors` names each field of a request that was not understood."""
    if isinstance(error, DomainError):
        error = Refused(error)
    response = exception_handler(error, context)
    if response is None:
        return None
    body: dict[str, Any] = {"type": "about:blank", "title": response.status_text, "status": response.status_code}
    if isinstance(error, ValidationError):
        body |= {"code": "invalid", "detail": "Some of what was sent cannot be used.", "errors": response.data}
    else:
        told = response.data["detail"]
        body |= {"code": getattr(told, "code", "error"), "detail": str(told)}
    response.data = body
    response.content_type = "application/problem+json"
    return response
