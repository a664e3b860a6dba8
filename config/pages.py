"""Django under ASGI, with each request in one thread from the first middleware to the view and back.

No view here is asynchronous; only what streams is, and it does so once the view has answered. Django's own handler
takes every middleware for itself, and a request changes threads for each.
"""

from typing import cast

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest
from django.http.response import HttpResponseBase


class Pages(ASGIHandler):
    """The whole chain, from the first middleware to the view, is one synchronous call in the request's own thread."""

    def load_middleware(self, is_async: bool = False) -> None:
        """Django's handler asks for an asynchronous chain; `get_response_async` below calls a synchronous one."""
        super().load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        return cast(HttpResponseBase, await sync_to_async(self.get_response, thread_sensitive=True)(request))
