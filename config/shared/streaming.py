"""Long answers leave piece by piece, whatever server carries them."""

from collections.abc import AsyncIterator, Callable, Iterator
from itertools import islice

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse

PIECES = 500


class Streams:
    """Under ASGI Django gathers a plain iterator before it sends the first byte; an asynchronous one it does not.

    A WSGI server does the reverse: it would gather an endless stream of events, in a thread that never ends. There 204
    tells the page's EventSource not to come again; the page shows what it was loaded with.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not isinstance(response, StreamingHttpResponse) or response.is_async == isinstance(request, ASGIRequest):
            return response
        if response.is_async:
            return HttpResponse(status=204, headers=response.headers)
        response.streaming_content = _pieces(iter(response.streaming_content))
        return response


async def _pieces(content: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Some at a time, read in a thread: behind the iterator there may be a database."""
    take = sync_to_async(lambda: b"".join(islice(content, PIECES)))
    while piece := await take():
        yield piece
