"""`python -m tests.benchmarks.smtp_sink PORT`: an SMTP server that throws everything away and counts it.

It answers whole groups of commands at once (RFC 2920), so that whoever sends is measured and not this.
"""

import asyncio
import sys

import uvloop


class Sink(asyncio.Protocol):
    """One connection. `count` is of all of them."""

    count = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport, self._rest, self._in_text = transport, b"", False
        transport.write(b"220 sink ESMTP\r\n")  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self._rest += data
        replies = b""
        while True:
            if self._in_text:
                end = self._rest.find(b"\r\n.\r\n")
                if end < 0:
                    break
                self._rest, self._in_text = self._rest[end + 5 :], False
                Sink.count += 1
                replies += b"250 2.0.0 Ok\r\n"
                continue
            line, found, rest = self._rest.partition(b"\r\n")
            if not found:
                break
            self._rest = rest
            replies += self._answer(line[:4].upper())
        if replies:
            self._transport.write(replies)  # type: ignore[attr-defined]

    def _answer(self, verb: bytes) -> bytes:
        match verb:
            case b"EHLO":
                return b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 10240000\r\n"
            case b"DATA":
                self._in_text = True
                return b"354 End data with <CR><LF>.<CR><LF>\r\n"
            case b"NOOP":
                return b"250 %d\r\n" % Sink.count
            case b"QUIT":
                self._transport.close()
                return b""
            case _:
                return b"250 2.1.0 Ok\r\n"


async def _listen(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", port)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_listen(int(sys.argv[1])))
