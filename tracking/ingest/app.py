"""The ASGI application in front of Django's: what an SDK sends never meets Django's middleware.

Answers are what the clients in the field need: exactly 200 with a JSON object for success, `code`, `message`, `detail`
and `meta.error` in one body for a refusal, 429 and 503 with whole seconds in Retry-After, and no redirect ever.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Iterator, MutableMapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote

import orjson
import sentry_sdk
from uuid_utils import uuid7

from tracking.ingest import arrivals, bodies, credentials
from tracking.ingest.catalogue import Catalogue
from tracking.ingest.commit import Committer
from tracking.ingest.dialects import dialects
from tracking.ingest.neutral import (
    Answer,
    Call,
    Courtesy,
    Fault,
    Incoming,
    Ingest,
    Lookup,
    Refused,
    Route,
    Source,
    Translated,
    as_pattern,
    refusal_body,
)
from tracking.ingest.rates import Rates
from tracking.ingest.spool import Spool
from tracking.ingest.uses import Uses
from tracking.rules.keys import digest_of

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]

FIRST_LOAD_PATIENCE = 5.0
LAST_WORD_PATIENCE = 2.0
UNREADABLE = "(unreadable request)"
_SAFE_ID = re.compile(r"[\w.:/+=@-]{1,100}")
logger = logging.getLogger(__name__)


class Matched(NamedTuple):
    dialect: str
    route: Route
    path: dict[str, str]


class Delivery(NamedTuple):
    """A request that brings events, apart from what its translation sees of it."""

    dialect: str
    route: Ingest
    path: str
    raw: bytes
    correlation_id: str
    received_at: datetime


class Routes:
    """The paths of all dialects."""

    def __init__(self) -> None:
        self._fixed: dict[str, dict[str, tuple[str, Route]]] = {}
        self._patterns: list[tuple[re.Pattern[str], str, Route]] = []
        for dialect in dialects():
            for route in dialect.routes:
                if "{" in route.pattern:
                    self._patterns.append((as_pattern(route.pattern), dialect.name, route))
                else:
                    self._fixed.setdefault(route.pattern, {})[route.method] = dialect.name, route

    def __iter__(self) -> Iterator[tuple[str, Route]]:
        for methods in self._fixed.values():
            yield from methods.values()
        yield from ((name, route) for _, name, route in self._patterns)

    def at(self, path: str) -> dict[str, Matched]:
        """What answers at this (still quoted) path, by method; empty when it is none of ours."""
        if path != "/":
            path = path.removesuffix("/")
        fixed = self._fixed.get(path)
        if fixed is not None:
            return {method: Matched(name, route, {}) for method, (name, route) in fixed.items()}
        found: dict[str, Matched] = {}
        for pattern, name, route in self._patterns:
            if matched := pattern.fullmatch(path):
                parts = {part: unquote(value) for part, value in matched.groupdict().items()}
                found.setdefault(route.method, Matched(name, route, parts))
        return found


class IngestApp:
    """Serves the paths of the dialects and hands everything else to `inner`."""

    def __init__(self, inner: Application, *, conninfo: str, folder: Path, spool_bytes: int, redis_url: str) -> None:
        self.inner = inner
        self.routes = Routes()
        self.catalogue = Catalogue(conninfo, folder / "catalogue.json")
        self.rates = Rates(redis_url)
        self.uses = Uses(conninfo)
        self._conninfo, self._spool_folder, self._spool_bytes = conninfo, folder / "spool", spool_bytes
        self._committer: Committer | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http" and (found := self.routes.at(_raw_path(scope))):
            await self._serve(found, scope, receive, send)
        else:
            await self.inner(scope, receive, send)

    async def start(self) -> None:
        self._committer = Committer(self._conninfo, Spool(self._spool_folder, most_bytes=self._spool_bytes))
        self.catalogue.load_file()
        self._tasks = [
            asyncio.create_task(work())
            for work in (self.catalogue.run, self._committer.run, self.rates.run, self.uses.run)
        ]

    async def close(self) -> None:
        """Whoever waits is still answered."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._committer is not None:
            await self._committer.close()
        await self.rates.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(self.uses.tell(), LAST_WORD_PATIENCE)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _serve(self, found: dict[str, Matched], scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        correlation_id = _correlation_id(headers)
        try:
            answer, retry_after = await self._answer(found, scope, receive, headers, correlation_id), None
        except Refused as refusal:
            logger.warning("%s %s %s %s", refusal.status, refusal.code, scope["path"], correlation_id)
            answer, retry_after = _refusal(refusal), refusal.retry_after
        except Exception:
            sentry_sdk.set_tag("correlation_id", correlation_id)
            logger.exception("500 %s %s", scope["path"], correlation_id)
            answer = _refusal(Refused(500, "our_fault", "Something went wrong on our side. Send it again."))
            retry_after = None
        else:
            logger.debug("%s %s %s", answer.status, scope["path"], correlation_id)
        await _send(send, answer, headers.get("origin", ""), correlation_id, retry_after)

    async def _answer(
        self, found: dict[str, Matched], scope: Scope, receive: Receive, headers: dict[str, str], correlation_id: str
    ) -> Answer:
        if scope["method"] == "OPTIONS":
            return Answer({}, headers=_preflight(headers))
        matched = found.get(scope["method"])
        if matched is None:
            raise Refused(405, "wrong_method", f"Use {' or '.join(found)} here.")
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        raw = await _body(receive)
        call = Call(matched.path, query, headers, None, scope["scheme"])
        match matched.route:
            case Courtesy(answer=answer):
                return answer
            case Lookup() as route:
                call = replace(call, body=_asked(raw, call))
                return route.look(call, await self._source(call, route.key_in_path))
            case Ingest() as route:
                delivery = Delivery(matched.dialect, route, scope["path"], raw, correlation_id, datetime.now(UTC))
                return await self._take(delivery, call)

    async def _take(self, delivery: Delivery, call: Call) -> Answer:
        try:
            call = replace(call, body=_parsed(delivery.raw, call, may_be_empty=delivery.route.may_be_empty))
            source = await self._source(call)
            bodies.refuse_too_many(call.body)
            translated = delivery.route.translate(call)
        except bodies.Unreadable as refusal:
            await self._keep_unreadable(delivery, call, refusal)
            raise
        self.rates.take(source, len(translated.events))
        rows = await self._store(delivery, call, source, translated)
        if isinstance(translated.answer, Answer):
            return translated.answer
        return translated.answer([orjson.loads(row.errors) for row in rows])

    async def _source(self, call: Call, key_in_path: str = "") -> Source:
        if not self.catalogue.has_tried.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self.catalogue.has_tried.wait(), FIRST_LOAD_PATIENCE)
        given = list(credentials.candidates(call, key_in_path))
        source = self._known(given)
        if source is None and given:
            await self.catalogue.look_again()
            source = self._known(given)
        if source is not None:
            return source
        if not self.catalogue.is_current:
            # A 401 is final for every SDK, and this key may be newer than what is known here.
            raise Refused(503, "cannot_check", "Keys cannot be checked now. Send again soon.", retry_after=5)
        if key_in_path:
            raise Refused(404, "unknown_key", "There is no such key.")
        raise Refused(401, "unknown_key", "This needs a key that is known here and not revoked.")

    def _known(self, given: Sequence[str]) -> Source | None:
        now, snapshot = datetime.now(UTC), self.catalogue.snapshot
        for credential in given:
            digest = digest_of(credential)
            if source := snapshot.source(digest, now=now):
                self.uses.note(digest, now=now)
                return source
        return None

    async def _store(
        self, delivery: Delivery, call: Call, source: Source, translated: Translated
    ) -> list[arrivals.Arrival]:
        assert self._committer is not None, "The application was not started."
        rows = arrivals.arrivals(
            translated.events,
            source=source,
            structures=self.catalogue.snapshot.structures,
            dialect=delivery.dialect,
            sent_at=translated.sent_at,
            received_at=delivery.received_at,
            correlation_id=delivery.correlation_id,
            agent=call.headers.get("user-agent", "")[:80],
        )
        await self._committer.store(rows)
        return rows

    async def _keep_unreadable(self, delivery: Delivery, call: Call, refusal: Refused) -> None:
        """The bytes nobody could read, as an invalid event of whose key they came with."""
        try:
            source = await self._source(replace(call, body={"writeKey": credentials.in_unreadable(delivery.raw)}))
        except Refused:
            return
        beginning = delivery.raw[: bodies.RAW_KEPT].decode("utf-8", "replace")
        kept = {"body": beginning, "size": len(delivery.raw), "path": delivery.path}
        event = Incoming("track", UNREADABLE, properties=kept, faults=(Fault("unreadable", "", refusal.message),))
        await self._store(delivery, call, source, Translated([event], Answer({})))


def _parsed(raw: bytes, call: Call, *, may_be_empty: bool) -> Any:
    plain = bodies.inflated(raw, call.headers.get("content-encoding", ""), call.query)
    if may_be_empty and not plain:
        return {}
    return bodies.parsed(plain, call.headers.get("content-type", ""))


def _asked(raw: bytes, call: Call) -> Any:
    """What an SDK asks with, as far as it can be read."""
    with suppress(Refused):
        return _parsed(raw, call, may_be_empty=True)
    return {}


def _raw_path(scope: Scope) -> str:
    """Still quoted, so that an id with a slash in it stays one segment."""
    raw = scope.get("raw_path")
    return raw.decode("latin-1").partition("?")[0] if raw else scope["path"]


def _correlation_id(headers: dict[str, str]) -> str:
    for name in ("x-correlation-id", "x-request-id"):
        if _SAFE_ID.fullmatch(said := headers.get(name, "")):
            return said
    trace = headers.get("traceparent", "").split("-")
    return trace[1] if len(trace) == 4 and len(trace[1]) == 32 and trace[1].isalnum() else uuid7().hex


async def _body(receive: Receive) -> bytes:
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, "cut_short", "The request ended before its body did.")
        part = message.get("body", b"")
        size += len(part)
        if size > bodies.LARGEST_BODY:
            raise Refused(413, "body_too_large", f"Send at most {bodies.LARGEST_BODY // 2**20} MB at once.")
        parts.append(part)
        if not message.get("more_body"):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def _preflight(headers: dict[str, str]) -> dict[str, str]:
    """What a browser asks before it sends for a page, and a sender of CloudEvents before it sends any.

    SDKs invent headers of their own, so whatever is asked for is allowed: nothing here rests on a browser's cookies.
    """
    allowed = {"access-control-allow-methods": "GET, POST, PUT, DELETE, OPTIONS", "access-control-max-age": "86400"}
    if asked := headers.get("access-control-request-headers"):
        allowed["access-control-allow-headers"] = asked
    if asking := headers.get("webhook-request-origin"):
        allowed |= {"webhook-allowed-origin": asking, "webhook-allowed-rate": "*"}
    return allowed


def _refusal(refusal: Refused) -> Answer:
    return Answer(refusal_body(refusal.code, refusal.message), HTTPStatus(refusal.status))


async def _send(send: Send, answer: Answer, origin: str, correlation_id: str, retry_after: int | None) -> None:
    body = answer.body if isinstance(answer.body, bytes) else orjson.dumps(answer.body)
    headers = [
        (b"content-type", answer.content_type.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-correlation-id", correlation_id.encode()),
        *((name.encode(), value.encode("latin-1")) for name, value in answer.headers.items()),
    ]
    if origin:
        headers += [
            (b"access-control-allow-origin", origin.encode("latin-1")),
            (b"access-control-allow-credentials", b"true"),
            (b"vary", b"Origin"),
        ]
    if retry_after is not None:
        headers.append((b"retry-after", str(retry_after).encode()))
    await send({"type": "http.response.start", "status": int(answer.status), "headers": headers})
    await send({"type": "http.response.body", "body": body})
