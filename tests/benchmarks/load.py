"""A client that costs little: keep-alive connections over plain sockets, one request in flight on each."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf


@dataclass
class Load:
    """What came back. `latencies` are seconds."""

    seconds: float = 0.0
    refused: int = 0
    latencies: list[float] = field(default_factory=list)

    @property
    def answered(self) -> int:
        return len(self.latencies)

    def percentile(self, share: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def load(port: int, request: Callable[[], bytes | None], *, connections: int, seconds: float = inf) -> Load:
    """Send `request()` again and again for `seconds`, or until it gives None."""
    return asyncio.run(_load(port, request, connections, seconds))


def http_post(path: str, headers: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def _load(port: int, request: Callable[[], bytes | None], connections: int, seconds: float) -> Load:
    result, loop = Load(), asyncio.get_running_loop()
    began = time.perf_counter()
    clients = [Client(request, result, began + seconds) for _ in range(connections)]
    await asyncio.gather(*(loop.create_connection(lambda c=client: c, "127.0.0.1", port) for client in clients))
    await asyncio.gather(*(client.done for client in clients))
    result.seconds = time.perf_counter() - began
    return result


class Client(asyncio.Protocol):
    def __init__(self, request: Callable[[], bytes | None], result: Load, until: float) -> None:
        self.request, self.result, self.until = request, result, until
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self.answer += data
        head, found, body = self.answer.partition(b"\r\n\r\n")
        if not found or len(body) < int(head.lower().partition(b"content-length: ")[2].split(b"\r\n", 1)[0]):
            return
        now = time.perf_counter()
        self.result.latencies.append(now - self.sent_at)
        self.result.refused += head[9:10] not in (b"2", b"3")
        self.answer = b""
        if now < self.until:
            self._send()
        else:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc) if exc else self.done.set_result(None)

    def _send(self) -> None:
        if (request := self.request()) is None:
            self.transport.close()
            return
        self.sent_at = time.perf_counter()
        self.transport.write(request)
