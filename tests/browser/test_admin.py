"""The admin in a real browser: its scripts run under our policy, and a correction arrives."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from loyalty.models import Member, User
from tests.world import EMAIL, World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_admin_works_under_the_policy(
    browser_page: Page,
    live_server: LiveServer,
    world: World,
    admin: User,
    sign_in: Callable[..., None],
    shot: Callable[[Page, str], None],
) -> None:
    page = browser_page
    sign_in(page, admin)
    page.goto(f"{live_server.url}/admin/")
    shot(page, "admin")
    page.goto(f"{live_server.url}/admin/loyalty/member/?q={EMAIL}")
    shot(page, "admin-members")
    page.get_by_role("link", name=str(world.ada.pk), exact=True).click()
    shot(page, "admin-member")
    page.get_by_label("Email").fill("Ada.King@Example.com")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    assert Member.objects.get(pk=world.ada.pk).email == "ada.king@example.com"
    page.set_viewport_size({"width": 1440, "height": 900})
    page.get_by_text("Regulars", exact=True).click()
    page.get_by_role("link", name="Back to the shop").click()
    expect(page).to_have_url(f"{live_server.url}/staff/")
