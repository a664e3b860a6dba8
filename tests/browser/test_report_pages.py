"""The page about providers' reports, as a person sees it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from integrations.inbound import calls
from integrations.inbound.calls import Row
from integrations.models import InboundCall
from loyalty.models import User
from tests.integrations.callers import CALLERS

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_what_was_not_understood_is_read_again_once_it_can_be(
    browser_page: Page,
    live_server: LiveServer,
    manager: User,
    settings: Any,
    sign_in: Callable[..., None],
    shot: Callable[[Page, str], None],
    assert_accessible: Callable[[Page], None],
) -> None:
    settings.PUBLIC_URL = "https://shop.example"
    settings.INBOUND_SECRETS = {caller.variable: list(caller.secrets) for caller in CALLERS[:2]}
    now = timezone.now()
    bodies = (b"[{}]", b'[{"event": "delivered", "email"', b"<html>An error page of theirs</html>")
    calls.keep([Row("sendgrid", "", "", body, bytes([place]) * 32, now) for place, body in enumerate(bodies)])
    calls.read_calls(now=now)
    page = browser_page
    sign_in(page, manager)
    page.goto(f"{live_server.url}/staff/integrations/")
    expect(page.locator("main")).to_contain_text("Mailgun, SendGrid may tell")
    page.get_by_role("link", name="Reports from providers").click()
    expect(page.locator("main")).to_contain_text("https://shop.example/hooks/mailgun/")
    page.get_by_text("How to set it up").first.click()
    shot(page, "reports")
    assert_accessible(page)

    page.get_by_role("button", name="Read again").first.click()
    expect(page.locator("main")).to_contain_text("Not understood")
    expect(page.get_by_text("It is still not understood.")).to_be_visible()
    InboundCall.objects.filter(status=InboundCall.Status.UNREADABLE).update(body=b"[{}]")  # as if we had learnt it
    page.get_by_role("button", name="Read all 2 again").click()
    expect(page.get_by_text("2 calls are read again within seconds.")).to_be_visible()
    calls.read_calls(now=now)
    page.reload()
    expect(page.locator("main")).to_contain_text("Everything was understood")
    shot(page, "reports-understood")
    assert_accessible(page)
