"""A real little name server on UDP: it knows what it is told, and is silent where it is asked to be."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset


@dataclass
class NameServer:
    """`zone` holds values by name and kind: {"shop.example": {"MX": ["10 mail.shop.example."]}}."""

    zone: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    silent_about: set[str] = field(default_factory=set)
    asked: list[tuple[str, str]] = field(default_factory=list)
    port: int = 0

    def publish(self, name: str, *texts: str) -> None:
        self.zone.setdefault(name, {})["TXT"] = [_quoted(text) for text in texts]

    def answer(self, raw: bytes) -> bytes | None:
        query = dns.message.from_wire(raw)
        [question] = query.question
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        if name in self.silent_about or "*" in self.silent_about:
            return None
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.RA
        if values := self.zone.get(name, {}).get(kind):
            reply.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *values))
        elif not any(known == name or known.endswith(f".{name}") for known in self.zone):
            reply.set_rcode(dns.rcode.NXDOMAIN)
        return reply.to_wire()


def _quoted(text: str) -> str:
    """No string of a record is longer than 255 bytes; a longer text is several."""
    return " ".join(f'"{text[start : start + 255]}"' for start in range(0, len(text), 255)) or '""'


@contextmanager
def open_name_server(settings: Any) -> Iterator[NameServer]:
    """A name server on a free port, and the product's own settings pointing at it."""
    server = NameServer()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        server.port = listener.getsockname()[1]
        thread = Thread(target=_serve, args=(listener, server))
        thread.start()
        settings.NAME_SERVERS = [("127.0.0.1", server.port)]
        try:
            yield server
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as caller:
                caller.sendto(b"", ("127.0.0.1", server.port))
            thread.join(10)


def _serve(listener: socket.socket, server: NameServer) -> None:
    """Until an empty packet comes."""
    while True:
        raw, caller = listener.recvfrom(4096)
        if not raw:
            return
        if reply := server.answer(raw):
            listener.sendto(reply, caller)
