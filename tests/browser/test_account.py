"""Signing in, passwords and two-factor sign-in, as a person meets them."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from loyalty.models import User

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_wrong_password_is_said_at_the_form(browser_page: Page, live_server: LiveServer, viewer: User) -> None:
    browser_page.goto(f"{live_server.url}/accounts/login/")
    browser_page.get_by_label("Email").fill(viewer.email)
    browser_page.get_by_label("Password").fill("not this one")
    browser_page.get_by_role("button", name="Sign in").click()
    expect(browser_page.get_by_role("alert")).to_contain_text("not correct")


@pytest.mark.parametrize("name", ["login", "password/reset", "password/reset/done", "signup"])
def test_pages_for_strangers_are_accessible(
    browser_page: Page,
    live_server: LiveServer,
    name: str,
    shot: Callable[[Page, str], None],
    assert_accessible: Callable[[Page], None],
) -> None:
    browser_page.goto(f"{live_server.url}/accounts/{name}/")
    shot(browser_page, f"account-{name.replace('/', '-')}")
    assert_accessible(browser_page)


@pytest.mark.parametrize("name", ["email", "password/change", "2fa", "tokens", "logout"])
def test_pages_of_the_own_account_are_accessible(
    browser_page: Page,
    live_server: LiveServer,
    viewer: User,
    name: str,
    sign_in: Callable[..., None],
    shot: Callable[[Page, str], None],
    assert_accessible: Callable[[Page], None],
) -> None:
    sign_in(browser_page, viewer)
    browser_page.goto(f"{live_server.url}/accounts/{name}/")
    shot(browser_page, f"account-{name.replace('/', '-')}")
    assert_accessible(browser_page)


def test_turning_on_two_factor_sign_in_asks_for_the_password_first(
    browser_page: Page,
    live_server: LiveServer,
    viewer: User,
    sign_in: Callable[..., None],
    shot: Callable[[Page, str], None],
    assert_accessible: Callable[[Page], None],
) -> None:
    sign_in(browser_page, viewer)
    browser_page.goto(f"{live_server.url}/accounts/2fa/totp/activate/")
    shot(browser_page, "account-reauthenticate")
    browser_page.get_by_label("Password").fill("correct horse battery staple")
    browser_page.get_by_role("button", name="Confirm").click()
    expect(browser_page.get_by_label("Authenticator secret")).to_be_visible()
    shot(browser_page, "account-2fa-activate")
    assert_accessible(browser_page)


def test_a_token_is_made_copied_and_revoked(
    browser_page: Page,
    live_server: LiveServer,
    admin: User,
    sign_in: Callable[..., None],
    shot: Callable[[Page, str], None],
    assert_accessible: Callable[[Page], None],
) -> None:
    sign_in(browser_page, admin)
    browser_page.goto(f"{live_server.url}/accounts/tokens/")
    browser_page.get_by_label("What it is for").fill("Nightly export")
    browser_page.get_by_role("button", name="Make the token").click()
    expect(browser_page.get_by_text("Copy the token now")).to_be_in_viewport()
    shot(browser_page, "account-token-made")
    assert_accessible(browser_page)
    browser_page.goto(f"{live_server.url}/staff/settings/tokens/")
    shot(browser_page, "settings-tokens")
    assert_accessible(browser_page)
    browser_page.get_by_role("button", name="Revoke Nightly export").click()
    browser_page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(browser_page.get_by_role("cell").filter(has_text="Revoked")).to_be_visible()
