"""Refusals under another status than 409."""

from rest_framework.exceptions import APIException

from config.shared.errors import DomainError


class Told(APIException):
    """What the business refuses, with its own words and code. `wait` becomes `Retry-After`."""

    def __init__(self, refusal: DomainError, status_code: int, *, wait: int | None = None) -> None:
        super().__init__(str(refusal), refusal.code)
        self.status_code, self.wait = status_code, wait
