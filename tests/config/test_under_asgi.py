"""Django under ASGI, asked as a web server asks it."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.db import connection
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import Client
from django.urls import path

from config.pages import Pages
from config.shared import live
from config.urls import urlpatterns as the_products
from tests.copies import wait_for

AT_ONCE = 4
SECONDS = 10


def broken(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("This view is broken.")


def in_pieces(request: HttpRequest) -> StreamingHttpResponse:
    def pieces() -> Iterator[str]:
        yield from ("one, ", "two, ", "three")

    return StreamingHttpResponse(pieces())


def watched(request: HttpRequest) -> StreamingHttpResponse:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return live.stream("topic")


urlpatterns = [path("broken", broken), path("in-pieces", in_pieces), path("watched", watched), *the_products]
pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db(transaction=True)]


async def ask(pages: Pages, address: str) -> ApplicationCommunicator:
    scope = {"type": "http", "method": "GET", "path": address, "query_string": b""}
    asked = ApplicationCommunicator(pages, scope | {"headers": [(b"host", b"localhost")]})
    await asked.send_input({"type": "http.request", "body": b"", "more_body": False})
    return asked


async def answer_to(address: str) -> tuple[int, bytes]:
    """The status and the whole body."""
    asked = await ask(Pages(), address)
    status: int = (await asked.receive_output(SECONDS))["status"]
    body, is_open = b"", True
    while is_open:
        piece: dict[str, Any] = await asked.receive_output(SECONDS)
        body, is_open = body + piece.get("body", b""), piece.get("more_body", False)
    await asked.wait(SECONDS)
    return status, body


def test_a_view_that_breaks_is_an_answer_and_not_a_wait(caplog: pytest.LogCaptureFixture):
    status, body = asyncio.run(answer_to("/broken"))
    assert (status, "This view is broken." in caplog.text) == (500, True)
    assert b"This view is broken." not in body


def test_an_answer_in_pieces_arrives_whole():
    assert asyncio.run(answer_to("/in-pieces")) == (200, b"one, two, three")


def test_a_server_of_threads_ends_an_endless_answer_instead_of_gathering_it(client: Client):
    answer = client.get("/watched")
    assert (answer.status_code, answer.content) == (204, b"")


def test_a_live_page_holds_no_connection_to_the_database_while_it_is_open():
    async def look() -> None:
        before = await asyncio.to_thread(_connections)
        pages = Pages()
        looked_at = [await ask(pages, "/watched") for _ in range(AT_ONCE)]
        for page in looked_at:
            assert (await page.receive_output(SECONDS))["status"] == 200
            assert b"data: now" in (await page.receive_output(SECONDS))["body"]
        # The server counts a connection that was closed for some milliseconds more.
        await asyncio.to_thread(wait_for, lambda: _connections() <= before, SECONDS)
        for page in looked_at:
            await page.send_input({"type": "http.disconnect"})
            await page.wait(SECONDS)

    asyncio.run(look())


def _connections() -> int:
    """How many this database has open."""
    with connection.temporary_connection() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        return int(cursor.fetchone()[0])
