"""What the gate goes by, in Settings: a walk over every page, each with something on it, as a person sees it."""

import datetime as dt
from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from campaigns.sending import rates
from integrations.models import ProviderReport
from loyalty.actions.members import join
from loyalty.models import User
from tests.campaigns.world import report

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_from_a_rule_to_an_address_that_is_left_alone(
    browser_page: Page,
    live_server: LiveServer,
    sign_in: Callable[..., None],
    manager: User,
    shot: Callable[[Page, str], None],
    assert_accessible: Callable[[Page], None],
) -> None:
    page, now = browser_page, timezone.now()
    ada = join(name="Ada", email="ada.lovelace@example.com", source="till", now=now)
    report(ProviderReport.Kind.UNSUBSCRIBED, at=now, channel="sms", address="+12125550123")
    rates.pause("smtp", until=now + dt.timedelta(hours=2), why="421 4.7.0 Too many messages from your account")

    def look(name: str) -> None:
        shot(page, f"permits-{name}")
        assert_accessible(page)

    def tab(name: str) -> None:
        page.get_by_role("navigation", name="Settings of campaigns").get_by_role("link", name=name).click()

    sign_in(page, manager)
    page.goto(f"{live_server.url}/staff/settings/campaigns/")
    look("policy")

    tab("Rules")
    twilio = page.get_by_role("row", name="Cannabis")
    twilio.get_by_role("button", name="Switch off").click()
    expect(page.get_by_role("row", name="Cannabis")).to_contain_text("Not in force")
    look("rules")
    page.get_by_role("link", name="New rule").click()
    look("rule")

    tab("Caps")
    look("no-caps")
    page.get_by_role("link", name="New cap").click()
    page.get_by_label("Channel").select_option("SMS")
    page.get_by_label("messages at most").fill("2")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("2 messages in 7 days")).to_be_visible()
    look("caps")

    tab("Speed")
    expect(page.get_by_text("Too many messages from your account")).to_be_visible()
    look("speed")
    page.get_by_role("button", name="Speak to it again now").click()
    expect(page.get_by_role("button", name="Speak to it again now")).to_have_count(0)

    tab("Addresses left alone")
    page.get_by_role("link", name="Add an address").click()
    look("add-address")
    page.get_by_label("Address", exact=True).fill(ada.email or "")
    page.get_by_label("Why").fill("Asked at the counter")
    page.get_by_role("button", name="Leave it alone").click()
    expect(page.get_by_role("row", name="ada.lovelace@example.com")).to_be_visible()
    look("addresses")

    page.goto(f"{live_server.url}/staff/members/{ada.public_id}/")
    page.get_by_role("heading", name="Messages").scroll_into_view_if_needed()
    expect(page.get_by_text("The email address of this member is left alone")).to_be_visible()
    shot(page, "permits-member")
    page.get_by_role("main").get_by_role("link", name="See all", exact=True).click()
    page.get_by_role("row", name="ada.lovelace@example.com").get_by_role("link").click()
    look("lift")
    page.get_by_label("Why").fill("Changed her mind")
    page.get_by_role("button", name="Write to it again").click()
    expect(page.get_by_text("This address may be written to again.")).to_be_visible()
    expect(page.get_by_role("row", name="ada.lovelace@example.com")).to_have_count(0)
