"""The page about sending, in each of its states, as a person sees it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import cache
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from integrations.domains import names
from loyalty.models import User
from tests.integrations.test_domains import STRONG
from tests.mail_providers import House, open_house
from tests.name_server import NameServer, open_name_server

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
Look = Callable[[str, str], Page]


@pytest.fixture
def house(settings: Any) -> Iterator[House]:
    cache.clear()
    settings.USES_MAILBOX = False
    settings.DEFAULT_FROM_EMAIL = "The Corner Shop <hello@shop.example>"
    settings.EMAIL_DKIM_SELECTORS = ["mailo"]
    with open_house("mailgun", settings) as house:
        yield house


@pytest.fixture
def name_server(settings: Any) -> Iterator[NameServer]:
    with open_name_server(settings) as server:
        yield server


@pytest.fixture
def look(
    browser_page: Page,
    live_server: LiveServer,
    manager: User,
    sign_in: Callable[..., None],
    shot: Callable[[Page, str], None],
    assert_accessible: Callable[[Page], None],
) -> Look:
    """`look("green", "In order")`: the page when it says so, pictured and accessible."""

    def open_page(name: str, says: str) -> Page:
        sign_in(browser_page, manager)
        browser_page.set_viewport_size({"width": 1440, "height": 900})  # so that the check is in sight, and asked for
        browser_page.goto(f"{live_server.url}/staff/integrations/sending/")
        expect(browser_page.locator("main")).to_contain_text(says)
        shot(browser_page, f"sending-{name}")
        assert_accessible(browser_page)
        return browser_page

    return open_page


def test_on_a_laptop(look: Look) -> None:
    look("local", "Nothing to check yet")


def test_a_domain_that_does_not_exist(look: Look, house: House, name_server: NameServer) -> None:
    look("no-domain", "There is no such domain")


def test_name_servers_that_say_nothing(
    look: Look, house: House, name_server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names.Names.__init__, "__kwdefaults__", {"seconds": 0.3})
    name_server.silent_about.add("*")
    look("silent", "The name servers did not answer in time")


def test_from_all_wrong_to_all_green(look: Look, house: House, name_server: NameServer) -> None:
    name_server.zone["shop.example"] = {"A": ["192.0.2.1"]}
    name_server.publish("mg.shop.example", "v=spf1 mx +all")
    page = look("wrong", "anybody in the world may send mail as you")
    name_server.zone["shop.example"]["MX"] = ["10 mx.shop.example."]
    name_server.publish("mg.shop.example", "v=spf1 include:mailgun.org ~all")
    name_server.publish("mailgun.org", "v=spf1 ip4:192.0.2.0/24 ~all")
    name_server.publish("mailo._domainkey.mg.shop.example", STRONG)
    name_server.publish("_dmarc.shop.example", "v=DMARC1; p=reject; rua=mailto:dmarc@shop.example")
    page.get_by_role("button", name="Check again").click()
    expect(page.get_by_text("In order")).to_have_count(4)
    page.get_by_role("button", name="Send a test to me").click()
    expect(page.get_by_text("Handed over to Mailgun")).to_be_visible()
    look("green", "In order")
    assert len(house.taken) == 1
