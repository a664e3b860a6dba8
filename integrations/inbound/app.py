"""The quick way through the door, in front of Django's: calls by the thousand meet no middleware and share an INSERT.

It knows good news only: a proof that is right at once, and nobody who waits for words. Whatever else it meets, it hands
to the page behind it as it came, which says what is wrong. So there is one place for refusals, and that is `views`.
"""

import logging
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.conf import settings
from django.utils import timezone

from config.shared.together import Together
from integrations.inbound import calls
from integrations.inbound.base import Answer, Call, Forged
from integrations.inbound.calls import Row
from integrations.inbound.senders import senders
from integrations.inbound.views import LARGEST

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]

PATH = re.compile(r"/hooks/([a-z]+)/")
logger = logging.getLogger(__name__)


class Hooks:
    """Serves what it can of /hooks/ and hands everything else to `inner`."""

    def __init__(self, inner: Application) -> None:
        self.inner = inner
        self._kept: Together[Row] = Together(calls.keep, name="hooks")

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or not (found := PATH.fullmatch(scope["path"])):
            await self.inner(scope, receive, send)
            return
        body = await _Body.read(receive)
        answer = await self._taken(found[1], scope, body) if body.is_whole else None
        if answer is None:
            await self.inner(scope, body.again, send)
        else:
            await _say(answer, send)

    async def _taken(self, name: str, scope: Message, body: "_Body") -> Answer | None:
        """The answer once the call is kept; None when it is not for this way, or the database does not answer."""
        sender = senders().get(name)
        if sender is None or not sender.is_quick:
            return None
        call = _call(scope, body.content)
        try:
            sender.verify(call, settings.INBOUND_SECRETS.get(sender.variable, []))
        except Forged:
            return None
        if sender.asked_by(call.body):
            return None
        try:
            await self._kept.keep(calls.row_of(sender, call))
        except Exception:
            logger.warning("Calls cannot be kept together; each is tried by itself.", exc_info=True)
            return None
        return sender.silence()


class _Body:
    """What was sent, read once and told again to whoever comes after. Of what is too large, only the beginning."""

    def __init__(self, received: list[Message], rest: Receive) -> None:
        self._received, self._rest = received, rest
        self.content = b"".join(message.get("body", b"") for message in received)

    @classmethod
    async def read(cls, receive: Receive) -> "_Body":
        received, size = [], 0
        while size <= LARGEST:
            message = await receive()
            received.append(message)
            size += len(message.get("body", b""))
            if message["type"] != "http.request" or not message.get("more_body"):
                break
        return cls(received, receive)

    @property
    def is_whole(self) -> bool:
        last = self._received[-1]
        return last["type"] == "http.request" and not last.get("more_body") and len(self.content) <= LARGEST

    async def again(self) -> Message:
        return self._received.pop(0) if self._received else await self._rest()


def _call(scope: Message, body: bytes) -> Call:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    query = scope["query_string"].decode("latin-1")
    url = settings.PUBLIC_URL + scope["path"] + (f"?{query}" if query else "")
    return Call(body=body, received_at=timezone.now(), headers=headers, url=url)


async def _say(answer: Answer, send: Send) -> None:
    body = answer.text.encode()
    headers = [
        (b"content-type", f"{answer.content_type}; charset=utf-8".encode()),
        (b"content-length", str(len(body)).encode()),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
