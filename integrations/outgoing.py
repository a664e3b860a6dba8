"""Calls over HTTP to the outside, in one place: what may be connected to, how much is read, how long it may take.

Addresses that the operator set are trusted and may be anywhere. Addresses that came from elsewhere, such as a browser's
push subscription, may lead to the public internet only. That is decided at the socket: a name is looked up once, each
address behind it is judged, and exactly the judged address is connected to. So neither an odd spelling of 127.0.0.1 nor
a name that answers differently the second time leads inside, and no redirect is followed at all.
"""

import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from http.cookiejar import DefaultCookiePolicy
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from threading import Timer
from typing import Any

from django.conf import settings
from requests import ConnectionError as CannotReach
from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.util.connection import create_connection

LONGEST_REPLY = 64 * 2**10
LONGEST_WAIT = timedelta(hours=1)
TRANSLATED = IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address in the last 32 bits


class NotConnected(Exception):
    """No connection came about, so nothing has left."""


class AddressRefused(NotConnected):
    """The name leads to an address that strangers may not send us to."""


def is_public(address: str) -> bool:
    """False for what is private, local or reserved, also when it hides inside an IPv6 address."""
    ip = ip_address(address.partition("%")[0])
    inner = _inside(ip) if isinstance(ip, IPv6Address) else None
    if inner is not None:
        return is_public(str(inner))
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


def _inside(ip: IPv6Address) -> IPv4Address | None:
    if ip.ipv4_mapped or ip.sixtofour:
        return ip.ipv4_mapped or ip.sixtofour
    if ip.teredo:
        return ip.teredo[1]
    return IPv4Address(int(ip) & 0xFFFF_FFFF) if ip in TRANSLATED else None


def trusted() -> Session:
    """For an address that the operator set."""
    return _Bounded(_Adapter(_OPEN))


def untrusted(*, longest: int = LONGEST_REPLY) -> Session:
    """For an address that somebody else gave us: https and the public internet, unless ALLOW_PRIVATE_ADDRESSES.

    Of an answer no more than `longest` bytes are read.
    """
    if settings.ALLOW_PRIVATE_ADDRESSES:
        return _Bounded(_Adapter(_OPEN, longest))
    session = _Bounded(_Adapter(_GUARDED, longest))
    session.trust_env = False  # a proxy of the environment would look the name up again, and connect in our stead
    del session.adapters["http://"]
    return session


def retry_after(headers: Mapping[str, str], *, now: datetime | None = None) -> timedelta | None:
    """What `Retry-After` asks for, as seconds or as a date; an hour at most, so that a slip costs no days."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        wait = timedelta(seconds=min(int(value[:9]), LONGEST_WAIT.total_seconds()))
    else:
        try:
            until = parsedate_to_datetime(value)
        except (ValueError, OverflowError):
            return None
        wait = until.replace(tzinfo=until.tzinfo or UTC) - (now or datetime.now(UTC))
    return min(max(wait, timedelta()), LONGEST_WAIT)


class _Bounded(Session):
    """Keeps its connections for the next call. Follows no redirect, keeps no cookie, asks for nothing compressed."""

    def __init__(self, adapter: HTTPAdapter) -> None:
        super().__init__()
        self.mount("https://", adapter)
        self.mount("http://", adapter)
        self.headers.update({"User-Agent": "Regulars", "Accept-Encoding": "identity"})
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def get_redirect_target(self, resp: Response) -> None:
        return None


class _Timed:
    """Says for sure when nothing has left, and does not wait for ever for an answer that comes byte by byte."""

    sock: socket.socket | None

    def connect(self) -> None:
        try:
            super().connect()  # type: ignore[misc]
        except (OSError, HTTPError, HTTPException) as error:
            raise NotConnected(_in_words(error)) from error

    def getresponse(self) -> Any:
        alarm = Timer(settings.OUTGOING_TIMEOUT, self._hang_up)
        alarm.daemon = True
        alarm.start()
        try:
            return super().getresponse()  # type: ignore[misc]
        finally:
            alarm.cancel()

    def _hang_up(self) -> None:
        if self.sock is not None:
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)


class _Guarded(_Timed):
    """Connects to an address that was judged, and looks the name up no second time."""

    _dns_host: str
    port: int
    timeout: float | None
    socket_options: Any

    def _new_conn(self) -> socket.socket:
        found = socket.getaddrinfo(self._dns_host, self.port, type=socket.SOCK_STREAM)
        addresses = [str(place[4][0]) for place in found]
        if not addresses or not all(map(is_public, addresses)):
            raise AddressRefused("This address leads into a private network.")
        for address in addresses[:-1]:
            with suppress(OSError):
                return self._connected_to(address)
        return self._connected_to(addresses[-1])

    def _connected_to(self, address: str) -> socket.socket:
        return create_connection((address, self.port), self.timeout, socket_options=self.socket_options)


def _pools(behaviour: type) -> dict[str, type[HTTPConnectionPool]]:
    plain = type("Connection", (behaviour, HTTPConnection), {})
    secure = type("SecureConnection", (behaviour, HTTPSConnection), {})
    return {
        "http": type("Pool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
        "https": type("SecurePool", (HTTPSConnectionPool,), {"ConnectionCls": secure}),
    }


_OPEN, _GUARDED = _pools(_Timed), _pools(_Guarded)


class _Adapter(HTTPAdapter):
    """Tries once, and reads so much and so long."""

    def __init__(self, pools: dict[str, type[HTTPConnectionPool]], longest: int = LONGEST_REPLY) -> None:
        self._pools, self._longest = pools, longest
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, *args: Any, **options: Any) -> Any:
        manager = super().proxy_manager_for(*args, **options)
        manager.pool_classes_by_scheme = self._pools
        return manager

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        ends_at = time.monotonic() + settings.OUTGOING_TIMEOUT
        response = super().send(request, **options | {"stream": True, "timeout": settings.OUTGOING_TIMEOUT})
        response._content = _read(response, ends_at, self._longest)
        response._content_consumed = True
        return response


def _read(response: Response, ends_at: float, longest: int) -> bytes:
    """Raises what requests would: the connection was lost, or it takes too long. What is too long is cut off."""
    body = bytearray()
    try:
        while chunk := response.raw.read1(LONGEST_REPLY, decode_content=False):
            body += chunk
            if len(body) > longest:
                break
            if time.monotonic() > ends_at:
                raise TimeoutError("The answer took too long.")
        else:
            response.raw.release_conn()
            return bytes(body)
    except (OSError, HTTPError, HTTPException) as error:
        response.close()
        raise CannotReach(error, request=response.request) from error
    response.close()
    return bytes(body[:longest])


def _in_words(error: Exception) -> str:
    if isinstance(error, socket.gaierror):
        return "The name is not known."
    if isinstance(error, ssl.SSLCertVerificationError):
        return "The certificate is not right."
    return "No connection came about."
