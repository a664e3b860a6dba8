from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers


def page(
    request: HttpRequest,
    template: str,
    context: Mapping[str, Any],
    *,
    partials: tuple[str, ...] = (),
    status: int = 200,
) -> HttpResponse:
    """The whole page, or the one fragment htmx aimed at: element id = fragment name = hx-target.

    Only the fragments listed in `partials` are ever served alone.
    """
    if part := part_of(request, partials):
        template = f"{template}#{part}"
    response = render(request, template, dict(context), status=status)
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    return response


def part_of(request: HttpRequest, partials: tuple[str, ...]) -> str:
    """Which of `partials` htmx aimed at; empty for the whole page."""
    target: str = (request.htmx.target or "").rpartition("#")[2]  # type: ignore[attr-defined]
    return target if target in partials else ""
