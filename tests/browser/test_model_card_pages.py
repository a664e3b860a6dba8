"""What is foretold, and how far that can be believed: as a person sees it."""

import datetime as dt
from collections.abc import Callable

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from loyalty.actions import forecasting
from loyalty.actions.scores import rescore
from loyalty.models import Forecast, ForecastVersion, Product, User
from tests.loyalty.regulars import Shop, a_night

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def regulars(transactional_db: None) -> Shop:
    """Three weeks ago a version was fitted, and tonight another; in between members moved from group to group."""
    shop = Shop(timezone.now())
    members = shop.filled()
    gin = Product.objects.create(sku="gin", name="Copper Heron Gin, 750 ml", category="Spirits")
    tonic = Product.objects.create(sku="tonic", name="Quiet Orchard Tonic, 6 pk", category="Mixers and more")
    for member in members[:30]:
        shop.sells(member, 25, gin, tonic)
    shop.sells(members[30], 25, gin, discounts={0: 2})
    shop.sum_up()
    rescore(now=shop.now - dt.timedelta(days=21))
    a_night(shop.now - dt.timedelta(days=21))
    for member in members[:60]:
        shop.buys(member, 12, 5)
    shop.sum_up()
    rescore(now=shop.now)
    a_night(shop.now)
    return shop


@pytest.fixture
def card(
    browser_page: Page, live_server: LiveServer, sign_in: Callable[..., None], marketer: User, regulars: Shop
) -> Page:
    sign_in(browser_page, marketer)
    browser_page.goto(live_server.url + reverse("loyalty:forecasts"))
    return browser_page


def test_the_card_shows_what_was_foretold_beside_what_came(
    card: Page, shot: Callable[[Page, str], None], assert_accessible: Callable[[Page], None]
) -> None:
    expect(card.get_by_role("heading", name="Does it come as foretold?")).to_be_visible()
    expect(card.locator("[data-chart].is-drawn")).to_have_count(2)
    shot(card, "forecasts")
    assert_accessible(card)


@pytest.mark.parametrize("width", [390, 1440])
def test_no_share_is_drawn_beyond_a_hundred_percent(
    browser_page: Page,
    live_server: LiveServer,
    sign_in: Callable[..., None],
    marketer: User,
    regulars: Shop,
    width: int,
) -> None:
    for version in ForecastVersion.objects.all():
        version.holdout["bins"] = [{"foretold": 0.2, "happened": 0.1}, {"foretold": 0.93, "happened": 0.99}]
        version.save(update_fields=["holdout"])
    sign_in(browser_page, marketer)
    browser_page.set_viewport_size({"width": width, "height": 844})
    browser_page.goto(live_server.url + reverse("loyalty:forecasts"))
    axis = browser_page.locator("[data-chart].is-drawn").first.locator("svg text")
    expect(axis.get_by_text("100%", exact=True)).to_have_count(1)
    assert not [text for text in axis.all_inner_texts() if text in ("120%", "125%", "150%")]


def test_another_version_is_used_by_a_click(card: Page, live_server: LiveServer) -> None:
    card.get_by_role("button", name="Use this one").click()
    expect(card.locator("#standing")).to_contain_text("Going over to another version")
    (waiting,) = forecasting.waiting(timezone.now())
    assert forecasting.run(waiting, clock=timezone.now)
    card.reload()
    expect(card.locator("#standing")).to_contain_text("was pinned by Marketer Person")
    card.set_viewport_size({"width": 390, "height": 844})
    said = card.locator(".notice > div")
    assert said.evaluate("words => words.clientWidth > 0.7 * words.parentElement.clientWidth")
    card.get_by_role("button", name="Let newer ones take over").click()
    expect(card.get_by_text("From tonight on a new version takes over again")).to_be_visible()


def test_a_member_page_tells_what_to_expect(
    card: Page,
    live_server: LiveServer,
    shot: Callable[[Page, str], None],
    assert_accessible: Callable[[Page], None],
) -> None:
    forecast = Forecast.objects.exclude(next_product=None).select_related("member").order_by("-expected_value").first()
    assert forecast
    card.goto(live_server.url + reverse("loyalty:member", args=[forecast.member.public_id]))
    card.get_by_role("heading", name="Forecast").scroll_into_view_if_needed()
    told = card.locator("#member-forecast")
    expect(told).to_contain_text("Quiet Orchard Tonic")
    shot(card, "member-forecast")
    assert_accessible(card)


def test_moves_between_groups_are_shown_for_a_month_and_for_three(
    card: Page,
    live_server: LiveServer,
    shot: Callable[[Page, str], None],
    assert_accessible: Callable[[Page], None],
) -> None:
    card.goto(live_server.url + reverse("loyalty:loyalty"))
    moves = card.locator("#group-moves")
    card.get_by_role("heading", name="Moves between groups").scroll_into_view_if_needed()
    expect(moves).to_contain_text("from one group to another")
    moves.get_by_role("link", name="90 days").click()
    expect(moves.get_by_role("link", name="90 days")).to_have_attribute("aria-current", "page")
    expect(card.locator("[data-chart].is-drawn")).to_have_count(3)
    shot(card, "group-moves")
    assert_accessible(card)


def test_a_small_shop_is_told_what_is_missing(
    browser_page: Page,
    live_server: LiveServer,
    sign_in: Callable[..., None],
    marketer: User,
    shot: Callable[[Page, str], None],
    assert_accessible: Callable[[Page], None],
) -> None:
    sign_in(browser_page, marketer)
    browser_page.goto(live_server.url + reverse("loyalty:forecasts"))
    expect(browser_page.get_by_text("0 members have an order; 100 are needed.")).to_be_visible()
    expect(browser_page.get_by_role("button", name="Make them anew")).to_have_count(0)
    shot(browser_page, "forecasts-empty")
    assert_accessible(browser_page)
