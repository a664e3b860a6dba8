"""Every component in a real browser: readable for everybody, in both themes, on a desk and on a phone."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from loyalty.models import User
from loyalty.rules import colours

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

YELLOW, NAVY = "#facc15", "#0b1f4d"


@pytest.fixture
def gallery(
    browser_page: Page,
    live_server: LiveServer,
    sign_in: Callable[..., None],
    viewer: User,
    settings: Settings,
) -> Page:
    settings.ROOT_URLCONF = "tests.browser.gallery_urls"
    sign_in(browser_page, viewer)
    answer = browser_page.goto(f"{live_server.url}/staff/gallery/")
    assert answer is not None
    assert answer.ok
    return browser_page


def test_every_component_is_accessible_and_fits_a_phone(
    gallery: Page, shot: Callable[[Page, str], None], assert_accessible: Callable[[Page], None]
) -> None:
    shot(gallery, "gallery")
    assert_accessible(gallery)


@pytest.mark.parametrize("accent", [YELLOW, NAVY])
def test_any_accent_colour_stays_readable(
    gallery: Page, accent: str, assert_accessible: Callable[[Page], None]
) -> None:
    def brand(route: Route) -> None:
        route.fulfill(content_type="text/css", body=_accent_css(accent))

    gallery.route("**/accent.css*", brand)
    gallery.reload()
    assert_accessible(gallery)


def _accent_css(accent: str) -> str:
    return (
        f":root{{--regulars-accent:{accent};--regulars-accent-on:{colours.readable_on(accent)};"
        f"--regulars-accent-strong-light:{colours.readable_against(accent, colours.LIGHT_PAGE)};"
        f"--regulars-accent-strong-dark:{colours.readable_against(accent, colours.DARK_PAGE)}}}"
    )


def test_the_chosen_theme_is_remembered(gallery: Page) -> None:
    gallery.get_by_role("button", name="Your account").click()
    gallery.get_by_role("button", name="Dark").click()
    gallery.reload()
    expect(gallery.locator("html")).to_have_attribute("data-bs-theme", "dark")


def test_a_chart_that_cannot_be_drawn_leaves_its_numbers_in_a_table(gallery: Page, console_errors: list[str]) -> None:
    gallery.route("**/echarts.min*.js", lambda route: route.abort())
    gallery.reload()
    expect(gallery.locator("figure.chart > .visually-hidden")).to_have_count(0)
    expect(gallery.locator("[data-chart]:visible")).to_have_count(0)
    assert console_errors
    assert all("ERR_FAILED" in error for error in console_errors)
    console_errors.clear()


def test_the_slash_key_goes_to_the_search(gallery: Page) -> None:
    gallery.locator("body").press("/")
    expect(gallery.get_by_role("searchbox", name="Search", exact=True)).to_be_focused()


def test_a_dangerous_step_is_asked_about_first(gallery: Page) -> None:
    gallery.get_by_role("button", name="Cancel campaign").click()
    dialog = gallery.get_by_role("dialog", name="Cancel this campaign?")
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Cancel", exact=True).click()
    expect(dialog).to_be_hidden()


def test_a_phone_opens_and_closes_the_menu(gallery: Page) -> None:
    gallery.set_viewport_size({"width": 390, "height": 844})
    menu = gallery.locator("#sidebar")
    expect(menu).to_be_hidden()
    gallery.get_by_role("button", name="Open menu").click()
    expect(menu).to_be_visible()
    menu.get_by_role("button", name="Close menu").click()
    expect(menu).to_be_hidden()


def test_a_lost_connection_is_said_aloud(gallery: Page, console_errors: list[str]) -> None:
    gallery.route("**/filter*", lambda route: route.abort())
    _request(gallery, "/filter")
    expect(gallery.get_by_role("region", name="Notifications")).to_contain_text("could not be reached")
    console_errors.clear()


def test_a_refusal_is_shown_in_its_own_words(gallery: Page, console_errors: list[str]) -> None:
    body = '{"detail": "The campaign is already running."}'
    gallery.route(
        "**/refuse", lambda route: route.fulfill(status=409, content_type="application/problem+json", body=body)
    )
    _request(gallery, "/refuse")
    expect(gallery.get_by_role("region", name="Notifications")).to_contain_text("The campaign is already running.")
    console_errors.clear()


def test_a_fragment_that_fails_can_be_tried_again(gallery: Page, console_errors: list[str]) -> None:
    answers = iter([(500, ""), (200, "41 orders")])

    def answer(route: Route) -> None:
        status, body = next(answers)
        route.fulfill(status=status, content_type="text/html", body=body)

    gallery.route("**/fragment", answer)
    gallery.evaluate("""() => {
      const lazy = document.createElement('div')
      lazy.id = 'lazy'
      lazy.dataset.lazy = ''
      lazy.setAttribute('hx-get', '/fragment')
      lazy.setAttribute('hx-trigger', 'load, retry')
      document.querySelector('main').prepend(lazy)
      htmx.process(lazy)
    }""")
    gallery.locator("#lazy").get_by_role("button", name="Try again").click()
    expect(gallery.locator("#lazy")).to_have_text("41 orders")
    console_errors.clear()


def _request(page: Page, address: str) -> None:
    page.evaluate("address => { htmx.ajax('GET', address, { target: 'main', swap: 'none' }) }", address)
