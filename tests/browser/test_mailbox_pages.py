"""The local mailbox: what an email, a text and a notification look like to whoever gets them."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from integrations.actions import take_mail
from integrations.channels.base import Message, channel
from loyalty.models import User

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

MAIL = b"Message-ID: <1@shop.example>\r\nSubject: Something for the weekend, Ada\r\n\r\nCome by."
TEXT = Message(
    id="2@shop.example",
    to="+12125550123",
    subject="",
    text="Corner Cellar: Ada, 2 for 1 on Pale Ale until Sunday — see https://shop.example/c/QmFzZTY0\n\nSTOP to end",
)
NOTE = Message(
    id="3@shop.example",
    to="Ada Lovelace",
    subject="Your tote is ready",
    text="You have 900 points: enough for the canvas tote. We hold it for you until Sunday evening.",
    link="https://shop.example/c/QmFzZTY0",
)


@pytest.fixture
def mailbox(
    browser_page: Page, live_server: LiveServer, sign_in: Callable[..., None], marketer: User, settings: Any
) -> Page:
    settings.CHANNELS = settings.CHANNELS | {
        "sms": "integrations.channels.mailbox_phone.MailboxSms",
        "push": "integrations.channels.mailbox_phone.MailboxPush",
    }
    take_mail(sender="shop@example.com", recipients=["ada@example.com"], raw=MAIL, now=timezone.now())
    for way, message in (("sms", TEXT), ("push", NOTE)):
        with channel(way) as outlet:
            outlet.send(message)
    sign_in(browser_page, marketer)
    browser_page.goto(f"{live_server.url}/staff/integrations/mailbox/")
    return browser_page


def test_each_channel_has_its_place_and_its_look(
    mailbox: Page, shot: Callable[[Page, str], None], assert_accessible: Callable[[Page], None]
) -> None:
    expect(mailbox.locator("tbody tr")).to_have_count(3)
    shot(mailbox, "mailbox-all")
    assert_accessible(mailbox)
    mailbox.get_by_role("link", name="SMS 1").click()
    expect(mailbox.locator("tbody tr")).to_have_count(1)
    mailbox.locator("tbody").get_by_role("link").click()
    expect(mailbox.get_by_text("UCS-2")).to_be_visible()
    shot(mailbox, "text-message")
    assert_accessible(mailbox)
    mailbox.get_by_role("link", name="Mailbox", exact=True).click()
    mailbox.get_by_role("link", name="Push 1").click()
    expect(mailbox.get_by_role("link", name="Push 1")).to_have_attribute("aria-current", "page")
    mailbox.locator("tbody").get_by_role("link").click()
    expect(mailbox.get_by_role("link", name="Your tote is ready")).to_have_attribute("href", NOTE.link)
    shot(mailbox, "notification")
    assert_accessible(mailbox)


def test_a_search_stays_in_its_channel(mailbox: Page) -> None:
    mailbox.get_by_role("link", name="SMS 1").click()
    expect(mailbox.locator("tbody tr")).to_have_count(1)
    mailbox.get_by_role("searchbox", name="Search by recipient").fill("nobody")
    expect(mailbox.get_by_text("No message fits")).to_be_visible()
    mailbox.get_by_role("link", name="Show all").click()
    expect(mailbox.locator("tbody tr")).to_have_count(1)
