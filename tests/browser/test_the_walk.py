"""The whole product once, as a marketer uses it: a real copy, a real year of purchases, a real browser.

The copy runs in a zone where it is evening, so that the plan begins tomorrow: its first step is sent ahead of its day.
The admin lets messages leave at any hour.
"""

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.copies import Copy, wait_for
from tests.evening import evening_zone

pytestmark = pytest.mark.browser
PATIENCE = 30_000
Shot = Callable[[Page, str], None]
Check = Callable[[Page], None]


@pytest.fixture(scope="module")
def shop() -> Iterator[Copy]:
    folder = Path(tempfile.mkdtemp(prefix="regulars-walk-"))
    folder.chmod(0o755)
    copy = Copy(folder / "var", DEMO_SHOP="true", TIME_ZONE=evening_zone())
    copy.start_and_wait()
    wait_for((copy.var_dir / "demo-logins.txt").exists, seconds=120)
    yield copy
    copy.stop()
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def address(shop: Copy) -> str:
    return f"http://127.0.0.1:{shop.port}"


@pytest.fixture
def page(browser_page: Page, shop: Copy, address: str) -> Page:
    """Signed in as the marketer, through the form."""
    browser_page.set_default_timeout(PATIENCE)
    sign_in(browser_page, shop, address, "marketer")
    return browser_page


def sign_in(page: Page, shop: Copy, address: str, who: str) -> None:
    logins = (shop.var_dir / "demo-logins.txt").read_text()
    email, password = re.search(rf"({who}@\S+)\s+(\S+)", logins).groups()  # type: ignore[union-attr]
    page.goto(f"{address}/accounts/login/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Home")).to_be_visible(timeout=PATIENCE)


def test_from_a_goal_to_a_click_that_the_campaign_page_counts_live(
    page: Page, shop: Copy, address: str, shot: Shot
) -> None:
    campaign = make_campaign(page, address)
    shot(page, "campaign-draft")

    page.get_by_role("button", name="Generate plan").click()
    expect(page.locator("ol.week")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_text(re.compile(r"At risk: \d+ members, last bought \d+ to \d+ days ago"))).not_to_have_count(0)
    shot(page, "campaign-plan")

    subject = change_a_text(page, shot)
    page.goto(campaign)
    expect(page.get_by_role("link", name=subject)).to_be_visible()
    open_the_hours(page, shop, address)
    approve_and_start(page)
    send_ahead_of_its_day(page.locator("table").get_by_role("link").first)
    page.goto(campaign)
    expect(stat(page, "Delivered")).not_to_have_text("0", timeout=PATIENCE)
    expect(page.get_by_text(re.compile(r"Next: \d+ messages? (tomorrow|on)"))).to_be_visible()
    shot(page, "campaign-running")

    follow_a_message(page, address, shot)
    expect(stat(page, "Clicked")).to_have_text("1", timeout=PATIENCE)
    expect(stat(page, "Opened")).to_have_text("1", timeout=PATIENCE)

    send_ahead_of_its_day(page.locator("table").get_by_role("link").last, shot)
    page.goto(campaign)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Nothing more leaves until you resume")).to_be_visible()
    shot(page, "campaign-paused")


def make_campaign(page: Page, address: str) -> str:
    page.goto(f"{address}/staff/campaigns/new/")
    page.get_by_label("Name").fill("Back before the holidays")
    page.get_by_label("Goal", exact=True).fill("Win back good customers who have stopped coming.")
    for segment in ("At risk", "Cannot lose", "Champions"):
        page.get_by_role("checkbox", name=re.compile(rf"^{segment}\b")).check()
    page.get_by_label("Budget").fill("600")
    page.get_by_role("button", name="Create campaign").click()
    expect(page.get_by_role("heading", name="Back before the holidays")).to_be_visible()
    return page.url


def change_a_text(page: Page, shot: Shot) -> str:
    page.locator("table").get_by_role("link").first.click()
    page.get_by_label("Subject", exact=True).fill("Come by this week, {{ member.first_name }}")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    shot(page, "campaign-step")
    page.get_by_role("button", name="Send me a test").click()
    expect(page.get_by_text("Sent to marketer@example.com.")).to_be_visible()
    return "Come by this week, {first name}"


def approve_and_start(page: Page) -> None:
    for verb, said in (("Approve", "messages are ready"), ("Start", "Messages go out when their hour has come")):
        page.get_by_role("button", name=verb, exact=True).click()
        page.get_by_role("dialog").get_by_role("button", name=verb, exact=True).click()
        expect(page.get_by_text(said)).to_be_visible()
        page.wait_for_load_state()  # words are seen before the scripts that open dialogs have run


def open_the_hours(page: Page, shop: Copy, address: str) -> None:
    """As the admin does in a browser of his own."""
    browser = page.context.browser
    assert browser
    with browser.new_context() as context:
        admin = context.new_page()
        sign_in(admin, shop, address, "admin")
        admin.goto(f"{address}/staff/settings/campaigns/")
        admin.get_by_label("Messages leave from").select_option("midnight")
        admin.get_by_label("And until").select_option("midnight")
        admin.get_by_role("button", name="Save").click()
        expect(admin.get_by_text("Saved.")).to_be_visible()


def send_ahead_of_its_day(step: Locator, shot: Shot | None = None) -> None:
    page = step.page
    step.click()
    page.get_by_role("button", name="Send this step now").click()
    if shot:
        shot(page, "step-send-now")
    page.get_by_role("dialog").get_by_role("button", name="Send now").click()
    expect(page.get_by_text("Due now: ")).to_be_visible()


def stat(page: Page, label: str):
    return page.locator("#results .stat", has_text=label).locator(".stat-value")


def follow_a_message(page: Page, address: str, shot: Shot) -> None:
    """Read a message in another tab, as its member: look at the offer, and see how one would unsubscribe."""
    reader = page.context.new_page()
    reader.goto(f"{address}/staff/integrations/mailbox/?q=Come by this week")
    reader.locator("table").get_by_role("link").nth(1).click()
    letter = reader.frame_locator("iframe")
    expect(letter.get_by_role("link", name="See your offer")).to_be_visible()
    shot(reader, "letter")
    with page.context.expect_page() as opened:
        letter.get_by_role("link", name="See your offer").click()
    expect(opened.value.get_by_text("Show this page at the till")).to_be_visible()
    shot(opened.value, "offer")
    with page.context.expect_page() as asked:
        letter.get_by_role("link", name="Unsubscribe").click()
    expect(asked.value.get_by_role("button", name="Stop all marketing by email")).to_be_visible()
    shot(asked.value, "unsubscribe")
    for tab in (opened.value, asked.value, reader):
        tab.close()


PAGES = {
    "home": "/staff/",
    "members": "/staff/members/",
    "imports": "/staff/members/imports/",
    "import-new": "/staff/members/imports/new/",
    "segments": "/staff/segments/",
    "segment-new": "/staff/segments/new/",
    "campaigns": "/staff/campaigns/",
    "campaign-new": "/staff/campaigns/new/",
    "playbooks": "/staff/campaigns/playbooks/",
    "loyalty": "/staff/loyalty/",
    "tracking": "/staff/tracking/",
    "tracking-health": "/staff/tracking/health/",
    "analytics": "/staff/analytics/",
    "analytics-year": "/staff/analytics/?days=365",
    "orders": "/staff/analytics/orders/",
    "integrations": "/staff/integrations/",
    "mailbox": "/staff/integrations/mailbox/",
    "settings": "/staff/settings/",
    "settings-campaigns": "/staff/settings/campaigns/",
    "search": "/staff/search/?q=owens",
}


@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_sound_in_both_themes_and_on_a_phone(
    name: str, page: Page, address: str, shot: Shot, assert_accessible: Check
) -> None:
    page.goto(address + PAGES[name])
    expect(page.locator("h1")).to_be_visible()
    for fragment in page.locator("[data-lazy][aria-busy=true]").all():  # it is fetched when it comes into view
        fragment.scroll_into_view_if_needed()
    expect(page.locator("[data-lazy][aria-busy=true]")).to_have_count(0, timeout=PATIENCE)
    page.evaluate("scrollTo(0, 0)")
    shot(page, name)
    assert_accessible(page)


@pytest.mark.parametrize(
    ("name", "start"), [("member", "members"), ("segment", "segments"), ("event", "tracking"), ("order", "orders")]
)
def test_what_the_first_row_leads_to_is_sound_too(
    name: str, start: str, page: Page, address: str, shot: Shot, assert_accessible: Check
) -> None:
    page.goto(address + PAGES[start])
    page.locator("tbody").get_by_role("link").first.click()
    page.wait_for_load_state()
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    expect(page.locator("[data-lazy][aria-busy=true]")).to_have_count(0, timeout=PATIENCE)
    shot(page, name)
    assert_accessible(page)


@pytest.mark.parametrize(("name", "path"), [("people", "settings/people"), ("changes", "settings/changes")])
def test_the_admin_sees_people_and_changes(
    name: str, path: str, browser_page: Page, shop: Copy, address: str, shot: Shot, assert_accessible: Check
) -> None:
    sign_in(browser_page, shop, address, "admin")
    browser_page.goto(f"{address}/staff/{path}/")
    shot(browser_page, name)
    assert_accessible(browser_page)
