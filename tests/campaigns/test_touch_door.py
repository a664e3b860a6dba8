"""Pictures and links of messages as the web server answers them, before any page of Django is asked."""

import asyncio
import datetime as dt
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from anyio.from_thread import start_blocking_portal
from django.db import connection, transaction
from django.utils import timezone

from campaigns.actions import touches
from campaigns.actions.sends import forget_member
from campaigns.dashboard.door import Touches
from campaigns.dashboard.views.public import PIXEL
from campaigns.models import Link, ReceivedTouch, Send, Touch
from campaigns.sending import links
from config.pages import Pages
from loyalty.actions.profiles import forget

pytestmark = pytest.mark.django_db(transaction=True)
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148"
SHOP = "https://shop.example/new?from=letter"


class Door:
    """The application in a loop of its own."""

    def __init__(self, portal: Any) -> None:
        transport = httpx2.ASGITransport(app=Touches(Pages()))
        self._portal = portal
        self._client = httpx2.AsyncClient(
            transport=transport, base_url="http://testserver", headers={"user-agent": PHONE}
        )

    def ask(self, *urls: str, method: str = "GET") -> list[httpx2.Response]:
        """All at the same moment."""

        async def all_at_once() -> list[httpx2.Response]:
            return await asyncio.gather(*(self._client.request(method, urlsplit(url).path) for url in urls))

        return self._portal.call(all_at_once)


@pytest.fixture
def door() -> Iterator[Door]:
    with start_blocking_portal() as portal:
        yield Door(portal)


@pytest.fixture
def to_the_shop(sent: Send) -> str:
    return links.click_url(sent, Link.objects.create(url=SHOP, digest="1" * 64).pk)


def take_up() -> None:
    while touches.take_up(now=timezone.now()):
        pass


def noted(send: Send) -> list[tuple[str, str]]:
    return list(send.touches.order_by("pk").values_list("kind", "machine"))


def test_a_picture_is_answered_at_once_and_its_opening_noted_a_moment_later(sent: Send, door: Door) -> None:
    [answer] = door.ask(links.open_url(sent))
    assert (answer.status_code, answer.headers["content-type"], answer.content) == (200, "image/gif", PIXEL)
    assert "no-store" in answer.headers["cache-control"]
    assert noted(sent) == []
    take_up()
    sent.refresh_from_db()
    assert noted(sent) == [(Touch.Kind.OPEN, "")]
    assert sent.opened_at == sent.touches.get().at
    assert not ReceivedTouch.objects.exists()


def test_a_link_leads_on_at_once_and_its_click_is_noted_with_where_it_led(
    sent: Send, to_the_shop: str, door: Door
) -> None:
    [answer] = door.ask(to_the_shop)
    assert (answer.status_code, answer.headers["location"], answer.content) == (302, SHOP, b"")
    take_up()
    touch = sent.touches.get()
    assert (touch.kind, touch.url, touch.user_agent, touch.machine) == (Touch.Kind.CLICK, SHOP, PHONE, "")


def test_whoever_asks_only_for_headers_gets_no_picture_and_is_held_to_be_a_machine(sent: Send, door: Door) -> None:
    [answer] = door.ask(links.open_url(sent), method="HEAD")
    assert answer.content == b""
    take_up()
    assert noted(sent) == [(Touch.Kind.OPEN, "asked only for headers")]


def test_a_reader_who_follows_every_link_at_once_is_seen_through_a_moment_later_too(
    sent: Send, to_the_shop: str, door: Door
) -> None:
    door.ask(to_the_shop)
    door.ask(links.short_offer_url(sent))
    take_up()
    assert [machine for _, machine in noted(sent)] == ["followed every link at once"] * 2


def test_a_link_that_was_bent_and_the_picture_of_no_message_are_left_to_the_pages(sent: Send, door: Door) -> None:
    bent, picture, offer = door.ask(f"{links.short_offer_url(sent)[:-1]}x", "/o/nonsense", links.offer_url(sent))
    assert (bent.status_code, picture.status_code, picture.content) == (404, 200, PIXEL)
    assert offer.status_code == 200
    assert not ReceivedTouch.objects.exists()


def test_many_who_open_at_once_share_a_write_and_none_is_forgotten(sent: Send, door: Door) -> None:
    answers = door.ask(*[links.open_url(sent)] * 200)
    assert {answer.status_code for answer in answers} == {200}
    assert ReceivedTouch.objects.count() == 200
    take_up()
    assert noted(sent) == [(Touch.Kind.OPEN, "")]  # told again within a minute, it is one opening
    assert not ReceivedTouch.objects.exists()


def test_the_test_of_a_message_is_answered_and_counts_nowhere(door: Door) -> None:
    [answer] = door.ask(links.open_url(Send()))
    assert answer.content == PIXEL
    take_up()
    assert not ReceivedTouch.objects.exists()
    assert not Touch.objects.exists()


def test_what_cannot_be_noted_holds_up_no_other_and_stays_to_be_looked_at(sent: Send, door: Door) -> None:
    """A row that something of ours cannot digest, whatever it is: here a kind of touch that nobody knows."""
    door.ask(links.open_url(sent))
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE campaigns_touch ADD CONSTRAINT nobody CHECK (kind <> 'CLICK')")
    try:
        door.ask(links.short_offer_url(sent), links.open_url(sent))
        take_up()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE campaigns_touch DROP CONSTRAINT nobody")
    assert noted(sent) == [(Touch.Kind.OPEN, "")]
    left = ReceivedTouch.objects.get()
    assert (left.kind, left.failures) == (Touch.Kind.CLICK, 1)
    take_up()
    assert left.failures == 1, "not again at once"
    assert touches.take_up(now=timezone.now() + touches.RETRIED_AFTER * 2) == 1
    assert [kind for kind, _ in noted(sent)] == [Touch.Kind.OPEN, Touch.Kind.CLICK]


def test_a_click_that_is_heard_late_does_not_make_a_later_one_a_machines(sent: Send, to_the_shop: str) -> None:
    for url, hours in (("https://shop.example/b", 6), ("https://shop.example/a", 1)):
        at = sent.sent_at + dt.timedelta(hours=hours)
        touches.note_click(send=sent, url=url, method="GET", user_agent=PHONE, now=at)
    touches.note_open(send=sent, method="GET", user_agent=PHONE, now=sent.sent_at + dt.timedelta(minutes=30))
    sent.refresh_from_db()
    assert noted(sent) == [(Touch.Kind.CLICK, ""), (Touch.Kind.CLICK, ""), (Touch.Kind.OPEN, "")]
    assert sent.clicked_at == sent.sent_at + dt.timedelta(hours=1)
    assert sent.opened_at == sent.sent_at + dt.timedelta(minutes=30)


def test_of_who_left_meanwhile_it_is_not_kept_what_they_read_with(sent: Send, door: Door, now: dt.datetime) -> None:
    door.ask(links.open_url(sent))
    forget(member=sent.member, now=now)
    forget_member(public_id=str(sent.member.public_id))
    assert ReceivedTouch.objects.get().user_agent == ""
    take_up()
    assert sent.touches.get().user_agent == ""


def test_nobody_waits_for_a_database_that_is_held_up(
    sent: Send, to_the_shop: str, door: Door, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("campaigns.dashboard.door.LONGEST_WAIT", 0.3)
    links.read_click(urlsplit(to_the_shop).path.removeprefix("/c/"))  # somebody has used it before
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE campaigns_receivedtouch")
        [link] = door.ask(to_the_shop)
    assert (link.status_code, link.headers["location"]) == (302, SHOP)
    assert "may not be counted" in caplog.text


def test_a_reader_gets_where_they_want_to_though_nobody_can_be_told(
    sent: Send, to_the_shop: str, door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE campaigns_receivedtouch RENAME TO elsewhere")
    try:
        [link, picture] = door.ask(to_the_shop, links.open_url(sent))
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE elsewhere RENAME TO campaigns_receivedtouch")
    assert (link.status_code, link.headers["location"], picture.content) == (302, SHOP, PIXEL)
    assert "may not be counted" in caplog.text
