"""Asking the domain name system, with little patience."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum

import dns.exception
import dns.name
import dns.nameserver
import dns.rdata
import dns.resolver
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.TXT import TXT

SECONDS = 3.0
AT_ONCE = 8


class State(StrEnum):
    FOUND = "found"
    ABSENT = "absent"
    NO_DOMAIN = "no domain"
    SILENT = "silent"


@dataclass(frozen=True)
class Answer:
    """What is published under a name; `values` only when FOUND."""

    state: State
    values: tuple[str, ...] = ()


class Names:
    """Looks names up at the name servers of this machine, or at those given as (address, port)."""

    def __init__(self, servers: Iterable[tuple[str, int]] = (), *, seconds: float = SECONDS) -> None:
        self._servers, self._seconds = list(servers), seconds

    def look_up(self, name: str, kind: str) -> Answer:
        try:
            found = self._resolver().resolve(name, kind, search=False)
        except dns.resolver.NXDOMAIN:
            return Answer(State.NO_DOMAIN)
        except dns.resolver.NoAnswer:
            return Answer(State.ABSENT)
        except (dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.EmptyLabel, dns.name.IDNAException):
            return Answer(State.NO_DOMAIN)
        except dns.exception.DNSException:
            return Answer(State.SILENT)
        return Answer(State.FOUND, tuple(sorted(_written(record) for record in found)))

    def all_at_once(self, questions: list[tuple[str, str]]) -> dict[tuple[str, str], Answer]:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return dict(zip(questions, pool.map(lambda question: self.look_up(*question), questions), strict=True))

    def _resolver(self) -> dns.resolver.Resolver:
        """Raises NoResolverConfiguration on a machine that knows no name server."""
        resolver = dns.resolver.Resolver(configure=not self._servers)
        if self._servers:
            resolver.nameservers = [dns.nameserver.Do53Nameserver(address, port) for address, port in self._servers]
        resolver.lifetime, resolver.timeout = self._seconds, self._seconds / 2
        return resolver


def _written(record: dns.rdata.Rdata) -> str:
    """A text may come in several strings, which are one (RFC 7208, 3.3; RFC 6376, 3.6.2.2)."""
    if isinstance(record, TXT):
        return b"".join(record.strings).decode(errors="replace")
    if isinstance(record, MX):
        return str(record.exchange).rstrip(".")
    return record.to_text()
