"""Live pages: an action announces that something changed, the browser fetches the fragment again."""

import asyncio
import logging
from collections.abc import AsyncIterator

import redis
import redis.asyncio
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import close_old_connections, transaction
from django.http import StreamingHttpResponse

HEARTBEAT_SECONDS = 15
logger = logging.getLogger(__name__)


def announce(topic: str) -> None:
    """Tell the pages that show `topic`, once this transaction commits. A lost announcement only delays a page."""

    def publish() -> None:
        try:
            _redis().publish(f"live:{topic}", "changed")
        except redis.RedisError:
            logger.warning("Redis does not answer; pages refresh later.")

    transaction.on_commit(publish)


def stream(topic: str, *, event: str = "changed") -> StreamingHttpResponse:
    """Server-sent events: `event` at once and whenever `topic` is announced, a comment when all is quiet."""
    response = StreamingHttpResponse(_events(topic, event), content_type="text/event-stream")
    response["Cache-Control"] = "no-cache"
    response["X-Accel-Buffering"] = "no"
    return response


async def _events(topic: str, event: str) -> AsyncIterator[bytes]:
    # Django gives the view's connection to the database back when the answer has ended, and this one lasts as long as
    # somebody looks. It is the view's own: all of a request runs in one thread (config.pages).
    await sync_to_async(close_old_connections)()
    client = redis.asyncio.from_url(settings.REDIS_URL, socket_timeout=None)
    subscription = client.pubsub()
    try:
        await subscription.subscribe(f"live:{topic}")
        yield f"retry: 3000\nevent: {event}\ndata: now\n\n".encode()
        while True:
            message = await subscription.get_message(ignore_subscribe_messages=True, timeout=HEARTBEAT_SECONDS)
            if message is None:
                yield b": still here\n\n"
                continue
            # A thousand changes a second are still four refreshes a second for the one who looks. It waits first and
            # tells then: otherwise the last of several quick changes is thrown away, and the page stays as it was.
            await asyncio.sleep(0.25)
            while await subscription.get_message(ignore_subscribe_messages=True, timeout=0):
                pass
            yield f"event: {event}\ndata: now\n\n".encode()
    finally:
        await subscription.aclose()
        await client.aclose()


_client: redis.Redis | None = None


def _redis() -> redis.Redis:
    global _client  # noqa: PLW0603  # one connection pool a process
    if _client is None:
        _client = redis.from_url(settings.REDIS_URL, socket_connect_timeout=2, socket_timeout=2)
    return _client
