from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from loyalty.models import Picture


@require_safe
@cache_control(public=True, max_age=31_536_000, immutable=True)
def picture(request: HttpRequest, digest: str) -> HttpResponse:
    """Its address names its content: whoever has it once never asks again."""
    row = get_object_or_404(Picture, digest=digest)
    return HttpResponse(bytes(row.content), content_type="image/webp")
