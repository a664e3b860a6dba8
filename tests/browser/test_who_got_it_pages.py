"""Who got it: from a campaign's numbers to one message and all that became of it."""

from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from campaigns.models import Send
from loyalty.models import User
from tests.campaigns.world import report
from tests.world import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_marketer_finds_what_became_of_one_message(
    browser_page: Page,
    live_server: LiveServer,
    sign_in: Callable[..., None],
    world: World,
    marketer: User,
    shot: Callable[[Page, str], None],
    assert_accessible: Callable[[Page], None],
) -> None:
    report("bounced", send=world.send, at=timezone.now(), is_permanent=True, reason="550 5.1.1 no such user")
    sign_in(browser_page, marketer)
    browser_page.goto(f"{live_server.url}/staff/campaigns/{world.running.public_id}/sends/")
    tally = browser_page.locator("#tally")
    expect(tally).to_contain_text(f"{world.running.sends.count()} planned")
    shot(browser_page, "who-got-it")
    assert_accessible(browser_page)
    browser_page.get_by_label("What became of them").select_option("bounced")
    expect(browser_page.locator("#sends tbody tr")).to_have_count(1)
    browser_page.locator("#sends tbody tr td:nth-child(3) a").click()
    expect(browser_page.get_by_text("mailgun reported: bounced")).to_be_visible()
    expect(browser_page.get_by_text("Planned")).to_be_visible()
    shot(browser_page, "one-message")
    assert_accessible(browser_page)
    Send.objects.filter(pk=world.send.pk).update(status=Send.Status.UNKNOWN, failure="The mail server fell silent.")
    browser_page.reload()
    browser_page.get_by_role("button", name="It was sent").click()
    expect(browser_page.get_by_text("Settled: it was sent.")).to_be_visible()
