"""The till stays open on a counter all day: what it shows follows by itself, and disturbs nobody."""

from collections.abc import Callable

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from loyalty.actions import redemptions
from loyalty.models import Member, User
from tests.loyalty.counter import Counted

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

FOLLOWS_AFTER = 5_000
HIDDEN = "(hidden) => Object.defineProperty(document, 'hidden', { get: () => hidden, configurable: true })"


@pytest.fixture
def counter() -> Counted:
    return Counted(timezone.now())


@pytest.fixture
def ada(counter: Counted) -> Member:
    """She holds a reward."""
    ada = counter.member("Ada Lovelace", points=900)
    redemptions.hold(member=ada, reward=counter.reward("Canvas tote", cost=500), now=counter.now)
    return ada


@pytest.fixture
def till(browser_page: Page, live_server: LiveServer, sign_in: Callable[..., None], manager: User, ada: Member) -> Page:
    sign_in(browser_page, manager)
    browser_page.clock.install()
    browser_page.goto(live_server.url + reverse("loyalty:till-member", args=[ada.public_id]))
    return browser_page


def test_points_and_what_is_held_follow_and_leave_the_keyboard_where_it_is(
    till: Page, ada: Member, counter: Counted
) -> None:
    redeem = till.get_by_role("link", name="Redeem").first
    redeem.focus()
    redemptions.hold(member=ada, reward=counter.reward("Corkscrew", cost=100), now=timezone.now())
    till.clock.run_for(FOLLOWS_AFTER)
    expect(till.locator("#held")).to_contain_text("Corkscrew")
    expect(till.locator("#standing")).to_contain_text("300")
    expect(till.get_by_role("listitem").filter(has_text="Canvas tote").get_by_role("link")).to_be_focused()


def test_a_till_that_nobody_looks_at_asks_nothing(till: Page) -> None:
    asked: list[str] = []
    till.on("request", lambda request: asked.append(request.url))
    till.evaluate(HIDDEN, True)
    till.clock.run_for(6 * FOLLOWS_AFTER)
    till.evaluate(HIDDEN, False)
    with till.expect_response("**/now/?points=*"):
        till.clock.run_for(FOLLOWS_AFTER)
    assert len([url for url in asked if "/now/" in url]) == 1


def test_a_members_page_at_the_till_is_accessible(
    till: Page, shot: Callable[[Page, str], None], assert_accessible: Callable[[Page], None]
) -> None:
    shot(till, "till-member")
    assert_accessible(till)
