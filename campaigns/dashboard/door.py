"""The quick way of openings and clicks, in front of Django: each reader of a message asks for its picture.

What a link says is kept, in an INSERT shared by all that wait, and answered; a moment later `touches.take_up` sees what
it means. Whatever else comes is handed to the pages behind as it came: they say what is wrong with it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from django.db import Error, close_old_connections
from django.utils import timezone
from django.utils.encoding import iri_to_uri

from campaigns.actions import touches
from campaigns.dashboard.views.public import PIXEL
from campaigns.models import ReceivedTouch, Touch
from campaigns.sending import links
from config.shared.together import Together, TooMany

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]

OPEN, CLICK = (f"/{links.BEGINNINGS[kind]}" for kind in ("open", "click"))
# As a page has them that nobody may keep a copy of.
_HEADERS = (
    (b"cache-control", b"max-age=0, no-cache, no-store, must-revalidate, private"),
    (b"content-security-policy", b"default-src 'none'"),
    (b"referrer-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
)
LONGEST_WAIT = 2.0  # seconds a reader waits for the database
logger = logging.getLogger(__name__)


class Touches:
    """Serves the pictures and links of messages, and hands everything else to `inner`."""

    def __init__(self, inner: Application) -> None:
        self.inner = inner
        self._kept: Together[ReceivedTouch] = Together(touches.receive, name="touches")
        self._readers = ThreadPoolExecutor(2, thread_name_prefix="links")

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD"):
            path = scope["path"]
            if path.startswith(OPEN) and (opened := links.read(path.removeprefix(OPEN), "open")):
                await self._keep(ReceivedTouch(send=opened, kind=Touch.Kind.OPEN), scope)
                await _answer(send, 200, [(b"content-type", b"image/gif")], PIXEL if scope["method"] == "GET" else b"")
                return
            if path.startswith(CLICK) and (click := await self._click(path.removeprefix(CLICK))):
                await self._keep(ReceivedTouch(send=click.send, kind=Touch.Kind.CLICK, url=click.url), scope)
                await _answer(send, 302, [(b"location", iri_to_uri(click.url).encode())])
                return
        await self.inner(scope, receive, send)

    async def _click(self, token: str) -> links.Click | None:
        """None as well where the database does not say in time what a link stands for: the page behind may wait."""
        if not links.must_be_looked_up(token):
            return links.read_click(token)
        with suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_WAIT):
                return await asyncio.get_running_loop().run_in_executor(self._readers, _read_click, token)
        return None

    async def _keep(self, touch: ReceivedTouch, scope: Message) -> None:
        """A reader gets where they want to, though nobody can be told of it."""
        touch.method, touch.at = scope["method"], timezone.now()
        agents = (value.decode("latin-1") for name, value in scope["headers"] if name == b"user-agent")
        touch.user_agent = next(agents, "")
        try:
            async with asyncio.timeout(LONGEST_WAIT):
                await self._kept.keep(touch)
        except (Error, TimeoutError, TooMany) as error:
            logger.warning("%s of message %s may not be counted: %r", touch.kind, touch.send, error)


def _read_click(token: str) -> links.Click | None:
    close_old_connections()
    try:
        return links.read_click(token)
    except Error:
        logger.exception("A link could not be looked up")
        return None
    finally:
        close_old_connections()


async def _answer(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes = b"") -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*_HEADERS, *headers, length]})
    await send({"type": "http.response.body", "body": body})
