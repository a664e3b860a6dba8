"""Pictures of rewards and products. A picture's digest is its address, so browsers keep it for good."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from loyalty.models import Picture

A_YEAR = 31_536_000


@require_safe
@cache_control(public=True, max_age=A_YEAR, immutable=True)
def picture(request: HttpRequest, digest: str) -> HttpResponse:
    return HttpResponse(bytes(get_object_or_404(Picture, digest=digest).content), content_type="image/webp")


def address_of(shown: Picture | None) -> str | None:
    return reverse("loyalty-api:picture", args=[shown.digest]) if shown else None
