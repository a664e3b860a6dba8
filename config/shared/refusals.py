from collections.abc import Callable
from urllib.parse import urlsplit

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from config.shared.errors import DomainError

Next = Callable[[HttpRequest], HttpResponse]


class ShowRefusals:
    """What the business refuses is an answer, not an error: said on the page the person came from.

    htmx shows the text as a toast; a form post goes back to its page with a message; anything else gets a page.
    """

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, DomainError):
            return None
        if getattr(request, "htmx", False):
            return HttpResponse(str(error), status=409, content_type="text/plain")
        if request.method == "POST" and (back := _page_before(request)):
            messages.error(request, str(error))
            return HttpResponseRedirect(back)
        return render(request, "refused.html", {"reason": str(error)}, status=409)


def _page_before(request: HttpRequest) -> str:
    """The path of the page that posted, when it is one of ours."""
    before = urlsplit(request.headers.get("Referer", ""))
    if before.netloc != request.get_host():
        return ""
    return before.path + (f"?{before.query}" if before.query else "")


class NoNul:
    """PostgreSQL keeps no NUL and no honest address holds one: it is left out before a page asks for it."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "\x00" in request.path_info:
            raise Http404("Nothing of ours has a NUL in its address.")
        request.META["QUERY_STRING"] = request.META.get("QUERY_STRING", "").replace("%00", "")
        return self.get_response(request)
