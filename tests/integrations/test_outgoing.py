"""Calls to the outside: at the socket it is decided who is spoken to, and nobody can keep us reading or waiting."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from time import monotonic
from typing import Any

import pytest
from requests import RequestException

from integrations import outgoing


@contextmanager
def listening(host: str, handle: Callable[[socket.socket], None]) -> Iterator[tuple[int, list[str]]]:
    """The port of a listener, and who came."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    guests: list[str] = []
    with socket.create_server((host, 0), family=family) as server:
        server.settimeout(0.05)
        closed = Event()

        def serve() -> None:
            while not closed.is_set():
                with suppress(OSError):
                    guest, place = server.accept()
                    guests.append(place[0])
                    with guest, suppress(OSError):
                        guest.settimeout(5)
                        guest.recv(65_536)
                        handle(guest)

        thread = Thread(target=serve)
        thread.start()
        yield server.getsockname()[1], guests
        closed.set()
        thread.join(10)


def hello(guest: socket.socket) -> None:
    guest.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nbanner")


@pytest.fixture
def inside(settings: Any) -> Iterator[tuple[int, list[str]]]:
    settings.OUTGOING_TIMEOUT = 1
    with listening("127.0.0.1", hello) as listener:
        yield listener


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "localhost", "0.0.0.0", "127.1", "0x7f.1", "0x7f000001", "2130706433", "017700000001"),
        *("[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]"),
        *("169.254.169.254", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "[fe80::1]", "[fd00::1]"),
        *("user@127.0.0.1", "127.0.0.1.", "127。0。0。1", "①②⑦.0.0.1"),
    ],
)
def test_a_strangers_address_never_leads_inside(host: str, inside: tuple[int, list[str]]) -> None:
    port, guests = inside
    with outgoing.untrusted() as session, pytest.raises((outgoing.NotConnected, RequestException)) as refused:
        session.post(f"https://{host}:{port}/")
    assert guests == []
    assert "banner" not in str(refused.value)


@pytest.mark.parametrize("scheme", ["http", "file", "gopher", "ftp", "unix"])
def test_a_strangers_address_is_https_or_nothing(scheme: str, inside: tuple[int, list[str]]) -> None:
    port, guests = inside
    with outgoing.untrusted() as session, pytest.raises(RequestException):
        session.post(f"{scheme}://127.0.0.1:{port}/etc/passwd")
    assert guests == []


def test_a_name_that_changes_its_mind_is_asked_once(
    inside: tuple[int, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: public while it is judged, 127.0.0.1 from then on."""
    port, guests = inside
    asked: list[str] = []

    def rebinding(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        if host.endswith(".example"):
            asked.append(host)
            host = "1.1.1.1" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    with outgoing.untrusted() as session, pytest.raises((outgoing.NotConnected, RequestException)):
        session.post(f"https://rebind.example:{port}/")
    assert asked == ["rebind.example"]
    assert guests == []
    with outgoing.untrusted() as session, pytest.raises(outgoing.AddressRefused):
        session.post(f"https://rebind.example:{port}/")
    assert guests == []


def test_a_name_with_one_address_inside_is_refused_whole(
    inside: tuple[int, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, guests = inside
    places = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port)) for host in ("1.1.1.1", "127.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: places)
    with outgoing.untrusted() as session, pytest.raises(outgoing.AddressRefused):
        session.post(f"https://both.example:{port}/")
    assert guests == []


def test_a_proxy_of_the_environment_is_not_asked_to_connect_for_us(
    inside: tuple[int, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, guests = inside
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
    with outgoing.untrusted() as session, pytest.raises(outgoing.NotConnected):
        session.post("https://10.0.0.1/")
    assert guests == []


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_the_public_internet_is_open(address: str) -> None:
    assert outgoing.is_public(address)


@pytest.mark.parametrize(
    "address", ["224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "240.0.0.1", "ff02::1", "fe80::1%eth0", "::"]
)
def test_what_is_kept_for_special_uses_is_not_public(address: str) -> None:
    assert not outgoing.is_public(address)


def test_the_operators_own_address_may_be_inside(inside: tuple[int, list[str]]) -> None:
    port, guests = inside
    with outgoing.trusted() as session:
        assert session.post(f"http://127.0.0.1:{port}/").text == "banner"
    assert guests == ["127.0.0.1"]


def test_no_redirect_is_followed(settings: Any) -> None:
    settings.ALLOW_PRIVATE_ADDRESSES = True
    with listening("127.0.0.1", hello) as (elsewhere, guests):

        def redirect(guest: socket.socket) -> None:
            to = f"http://127.0.0.1:{elsewhere}/"
            guest.sendall(f"HTTP/1.1 307 See\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode())

        with listening("127.0.0.1", redirect) as (port, _), outgoing.untrusted() as session:
            assert session.post(f"http://127.0.0.1:{port}/").status_code == 307
        assert guests == []


def test_of_an_endless_reply_only_the_beginning_is_read() -> None:
    sent = [0]

    def flood(guest: socket.socket) -> None:
        guest.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
        while True:
            guest.sendall(b"x" * 65_536)
            sent[0] += 65_536

    with listening("127.0.0.1", flood) as (port, _), outgoing.trusted() as session:
        assert len(session.post(f"http://127.0.0.1:{port}/").content) == outgoing.LONGEST_REPLY
    assert sent[0] < 32 * 2**20, "what lies in the buffers of the sockets, no more"


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"])
def test_an_answer_that_comes_byte_by_byte_is_given_up(head: bytes, settings: Any) -> None:
    settings.OUTGOING_TIMEOUT = 0.5

    def drip(guest: socket.socket) -> None:
        guest.sendall(head)
        while monotonic() < began + 4 and not stopped.wait(0.1):
            guest.sendall(b"H" if head else b"HTTP/1.1 "[:1])

    stopped, began = Event(), monotonic()
    with listening("127.0.0.1", drip) as (port, _):
        with outgoing.trusted() as session, pytest.raises(RequestException):
            session.post(f"http://127.0.0.1:{port}/")
        took = monotonic() - began
        stopped.set()
    assert took < 3


def test_nothing_is_sent_twice_when_a_connection_breaks() -> None:
    with listening("127.0.0.1", lambda guest: guest.close()) as (port, guests):
        with outgoing.trusted() as session, pytest.raises(RequestException):
            session.post(f"http://127.0.0.1:{port}/")
        assert len(guests) == 1


@pytest.mark.parametrize(
    ("said", "wait"),
    [
        ("30", timedelta(seconds=30)),
        ("0", timedelta()),
        ("999999999999", timedelta(hours=1)),
        ("Sat, 21 Nov 2026 12:00:30 GMT", timedelta(seconds=30)),
        ("Sat, 21 Nov 2026 11:00:00 GMT", timedelta()),
        ("-5", None),
        ("soon", None),
        ("", None),
    ],
)
def test_how_long_to_wait_is_said_in_seconds_or_as_a_date(said: str, wait: timedelta | None) -> None:
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    assert outgoing.retry_after({"Retry-After": said}, now=now) == wait
