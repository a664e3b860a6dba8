"""Integrations → Events out as a person sees it: empty, set up, failing, given up, and from the form to a delivery."""

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from integrations.models import Destination, OutboundDelivery
from integrations.outbound import delivering, managing
from loyalty.models import User
from tests.integrations.outbound import PAID, House, a_house, secret_of
from tests.providers import Reply, opened
from tests.webhook_receiver import EVERYBODY, Receiver

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LIST = "/staff/integrations/events-out/"
See = Callable[[str, str], None]


@pytest.fixture
def house(follow_events: Callable[[], None], now: dt.datetime) -> House:
    return a_house(follow_events, now)


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.ALLOW_PRIVATE_ADDRESSES, settings.OUTGOING_TIMEOUT = True, 0.5
    with opened(Receiver()) as receiver:
        yield receiver


@pytest.fixture
def see(
    browser_page: Page,
    live_server: LiveServer,
    manager: User,
    sign_in: Callable[..., None],
    shot: Callable[[Page, str], None],
    assert_accessible: Callable[[Page], None],
) -> See:
    """`see(path, "list")`: the page, pictured and accessible."""
    sign_in(browser_page, manager)

    def look(path: str, name: str) -> None:
        if path:
            browser_page.goto(f"{live_server.url}{path}")
        shot(browser_page, f"events-out-{name}")
        assert_accessible(browser_page)

    return look


def test_from_an_empty_page_to_a_test_that_arrived(
    see: See, browser_page: Page, receiver: Receiver, console_errors: list[str]
) -> None:
    see(LIST, "empty")
    browser_page.get_by_role("link", name="Set up Webhook").click()
    see("", "form")
    browser_page.get_by_role("button", name="Set it up").click()
    expect(browser_page.get_by_text("Choose at least one event.")).to_be_visible()
    console_errors.clear()  # The browser notes every 422.
    see("", "form-refused")
    browser_page.set_viewport_size({"width": 1440, "height": 900})
    browser_page.get_by_label("Name", exact=True).fill("Warehouse")
    browser_page.get_by_label("Address").fill(f"{receiver.address}/hooks")
    for event in (PAID, "reward.redeemed", "message.clicked"):
        browser_page.get_by_label(event).check()
    browser_page.get_by_role("button", name="Set it up").click()
    expect(browser_page.get_by_text("Copy it now")).to_be_visible()
    see("", "secret")
    receiver.secrets.append(secret_of(Destination.objects.get()))
    browser_page.get_by_role("link", name="I have copied it").click()
    expect(browser_page.get_by_text("Nothing was told yet")).to_be_visible()
    browser_page.get_by_role("button", name="Send a test").click()
    browser_page.get_by_role("button", name="Send it").click()
    expect(browser_page.get_by_text("The first attempt is on its way")).to_be_visible()
    see("", "waiting")
    assert delivering.deliver(clock=timezone.now) == 1
    expect(browser_page.get_by_text("Delivered")).to_be_visible()
    see("", "delivered")


def test_one_that_works_one_that_fails_and_one_that_gave_up(
    see: See, browser_page: Page, house: House, receiver: Receiver
) -> None:
    works = house.webhook(f"{receiver.address}/hooks", name="Warehouse")
    receiver.secrets.append(secret_of(works))
    with opened(Receiver()) as broken, opened(Receiver()) as gone:
        broken.answers[EVERYBODY] = Reply(503, b'{"error": "out of paper", "who": "ada@example.com"}')
        fails = house.destination("webhook", {"url": f"{broken.address}/h"}, name="Accounts", tells_people=True)
        gives_up = house.webhook(f"{gone.address}/h", name="Old till")
        broken.secrets.append(secret_of(fails))
        gone.secrets.append(secret_of(gives_up))
        gone.answers[EVERYBODY] = Reply(410)
        house.pay(house.join(email="ada@example.com"), *range(55))
        house.deliver()
        house.deliver(seconds=10)
        managing.rotate(destination=works, may_see_people=True, now=timezone.now())
    see(LIST, "list")
    for destination, name in ((works, "works"), (fails, "failing"), (gives_up, "gave-up")):
        see(f"{LIST}{destination.public_id}/", name)
    tried = OutboundDelivery.objects.filter(destination=fails, attempts__gt=0).order_by("-attempts", "pk")[0]
    see(f"{LIST}{fails.public_id}/deliveries/{tried.public_id}/", "delivery-failing")
    see(f"{LIST}{fails.public_id}/change/", "change")
    see(f"{LIST}new/customerio/", "customer-io")
    see("/staff/integrations/", "integrations")
    managing.delete(destination=gives_up, now=timezone.now())
    see(f"{LIST}{gives_up.public_id}/", "being-deleted")


def test_who_may_not_see_people_renames_a_destination_that_is_told_of_them(
    see: See, browser_page: Page, house: House, manager: User
) -> None:
    told = house.destination("webhook", {"url": "https://shop.example/hooks"}, name="Accounts", tells_people=True)
    manager.groups.clear()
    manager.user_permissions.set(Permission.objects.filter(codename__in=["view_destination", "change_destination"]))
    see(f"{LIST}{told.public_id}/change/", "change-name-only")
    expect(browser_page.get_by_label("Address")).to_be_disabled()
    browser_page.get_by_label("Name", exact=True).fill("Books")
    browser_page.get_by_role("button", name="Save").click()
    expect(browser_page.get_by_role("heading", name="Books")).to_be_visible()
