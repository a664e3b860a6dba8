"""Pictures inside messages, for anybody who got one. The name is the digest of what is in it."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import cache_control
from django.views.decorators.http import etag, require_safe

from campaigns.models import MediaFile
from campaigns.rules.pictures import TYPES

A_YEAR = 31_536_000
# Whoever opens the address itself sees a picture, and nothing in it runs.
POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"


def _digest(request: HttpRequest, digest: str, kind: str) -> str:
    return f'"{digest}"'


@require_safe
@cache_control(public=True, max_age=A_YEAR, immutable=True)
@etag(_digest)
def media_file(request: HttpRequest, digest: str, kind: str) -> HttpResponse:
    """Of letters sent before pictures moved into another store, too: then the answer says where it is."""
    storage = MediaFile._meta.get_field("file").storage
    name = f"messages/{digest}.{kind}"
    if (now_at := storage.url(name)) != request.path:
        return redirect(now_at)
    try:
        with storage.open(name) as file:
            response = HttpResponse(file.read(), content_type=TYPES[kind])
    except (FileNotFoundError, KeyError):
        raise Http404("There is no such picture.") from None
    response._csp_exempt = True  # type: ignore[attr-defined]  # replaced by a stricter one
    response["Content-Security-Policy"] = POLICY
    return response
