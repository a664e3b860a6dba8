"""What changes by itself while somebody works on the page: nothing they press, type or open is lost."""

import datetime as dt
import re
from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Page, Request, Route, expect
from pytest_django.live_server_helper import LiveServer

from campaigns.actions.campaigns import create_campaign
from campaigns.actions.planning import make_plan, request_plan
from campaigns.actions.review import approve_plan
from campaigns.models import Campaign, PlanStep
from loyalty.actions.segments import create_segment
from loyalty.models import User
from tests.campaigns.world import Shop

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

NEWS = "retry: 200\nevent: changed\ndata: 1\n\n"


@pytest.fixture
def campaign(tmp_path: object, marketer: User, follow_events: Callable[[], None], transactional_db: None) -> Campaign:
    """Planned by the rules, not yet approved."""
    now = timezone.now()
    shop = Shop(now, tmp_path, follow_events)  # type: ignore[arg-type]
    shop.sell(*((shop.join(f"Member {number}"), 5 * number + 1, "60.00") for number in range(12)))
    shop.score()
    campaign = create_campaign(
        name="Spring", goal="Bring back who used to come", starts_on=now.date() + dt.timedelta(days=1),
        ends_on=now.date() + dt.timedelta(days=8), budget=None, audience_limit=50, owner=marketer, now=now,
        segments=[create_segment(name="Everybody", description="", rule={"all": []}, by=None, now=now)],
    )  # fmt: skip
    assert make_plan(request_plan(campaign=campaign, by=marketer, now=now).pk, now=now)
    return campaign


@pytest.fixture
def half_commented(
    browser_page: Page, live_server: LiveServer, campaign: Campaign, marketer: User, sign_in: Callable[..., None]
) -> Page:
    """A step's page with a comment that is typed and not yet sent."""
    page, step = browser_page, PlanStep.objects.first()
    assert step
    sign_in(page, marketer)
    page.goto(f"{live_server.url}/staff/campaigns/steps/{step.public_id}/")
    page.locator('[data-lazy][hx-get$="/comments/"]').scroll_into_view_if_needed()
    page.get_by_label("Your comment").fill("Is this not too early")
    return page


def test_a_button_pressed_while_the_page_renews_itself_does_what_it_says(
    browser_page: Page, live_server: LiveServer, campaign: Campaign, marketer: User, sign_in: Callable[..., None]
) -> None:
    approve_plan(plan=campaign.plans.get(), by=marketer, now=timezone.now())
    page = browser_page
    sign_in(page, marketer)
    page.goto(f"{live_server.url}/staff/campaigns/{campaign.public_id}/")
    page.get_by_role("button", name="Start", exact=True).hover()
    page.mouse.down()
    with page.expect_response(lambda response: response.request.headers.get("hx-request") == "true"):
        page.evaluate("htmx.trigger('#standing', 'sse:changed')")
    expect(page.locator("#standing.htmx-request")).to_have_count(0)
    page.mouse.up()
    expect(page.get_by_role("dialog")).to_contain_text("Start the campaign?")


def test_a_dialog_asked_for_while_the_plan_renews_itself_says_what_it_asks(
    browser_page: Page, live_server: LiveServer, campaign: Campaign, marketer: User, sign_in: Callable[..., None]
) -> None:
    page, held = browser_page, list[Route]()
    sign_in(page, marketer)
    page.goto(f"{live_server.url}/staff/campaigns/{campaign.public_id}/")
    page.wait_for_load_state("networkidle")

    def hold_back(route: Route) -> None:
        held.append(route) if route.request.headers.get("hx-target") == "approve" else route.continue_()

    page.route(f"**/campaigns/{campaign.public_id}/", hold_back)
    with page.expect_request(lambda request: request.headers.get("hx-target") == "approve"):
        page.get_by_role("button", name="Approve", exact=True).click()
    with page.expect_response(lambda response: response.request.headers.get("hx-target") == "plan"):
        page.evaluate("htmx.trigger('#plan', 'sse:changed')")
    expect(page.locator("#plan.htmx-request")).to_have_count(0)
    with page.expect_response(lambda response: response.request.headers.get("hx-target") == "approve"):
        held[0].continue_()
    expect(page.locator("dialog#approve")).to_have_count(1)
    page.get_by_role("dialog").get_by_role("button", name="Approve").click()
    expect(page.locator("#plan")).to_contain_text("Approved by")


def test_words_typed_and_lists_opened_stay_while_the_page_renews_itself(half_commented: Page) -> None:
    page = half_commented
    for where in ("focused", "elsewhere"):
        if where == "elsewhere":
            page.get_by_label("Your comment").blur()
        with page.expect_response(lambda response: response.url.endswith("/comments/")):
            page.evaluate("htmx.trigger('#comments', 'sse:changed')")
        expect(page.locator("#comments.htmx-request")).to_have_count(0)
        expect(page.get_by_label("Your comment")).to_have_value("Is this not too early")
    page.get_by_role("button", name="Comment", exact=True).click()
    expect(page.locator("#comments article")).to_contain_text("Is this not too early")
    expect(page.get_by_label("Your comment")).to_have_value("")


def test_a_comment_that_cannot_be_sent_stays_and_the_page_says_so(
    half_commented: Page, console_errors: list[str]
) -> None:
    page = half_commented
    page.context.set_offline(True)
    page.get_by_role("button", name="Comment", exact=True).click()
    expect(page.get_by_role("region", name="Notifications")).to_contain_text("could not be reached")
    expect(page.get_by_label("Your comment")).to_have_value("Is this not too early")
    page.get_by_role("button", name="Comment", exact=True).click()
    expect(page.locator("#comments.htmx-request, #comments .htmx-request")).to_have_count(0)
    expect(page.locator("#toasts > *")).to_have_count(1)  # the same is not said again
    page.context.set_offline(False)
    page.get_by_role("button", name="Comment", exact=True).click()
    expect(page.locator("#comments article")).to_contain_text("Is this not too early")
    console_errors.clear()  # the browser writes down what it could not reach


def test_each_piece_of_news_is_asked_about_once(
    browser_page: Page, live_server: LiveServer, campaign: Campaign, marketer: User, sign_in: Callable[..., None],
    console_errors: list[str],
) -> None:  # fmt: skip
    page, told, asked = browser_page, [0], [0]

    def tell(route: Route) -> None:
        if told[0] < 12:
            told[0] += 1
            route.fulfill(content_type="text/event-stream", body=NEWS)

    def count(request: Request) -> None:
        asked[0] += request.headers.get("hx-trigger") == "standing"

    sign_in(page, marketer)
    page.route(f"{live_server.url}/staff/stream/**", tell)
    page.on("request", count)
    page.goto(f"{live_server.url}/staff/campaigns/{campaign.public_id}/")
    while told[0] < 12:
        page.wait_for_timeout(100)
    page.wait_for_load_state("networkidle")
    assert 6 <= asked[0] <= told[0]  # fewer, where the answer was still on its way
    console_errors.clear()  # each piece of news ends its stream, which htmx writes down


def test_news_that_comes_right_behind_an_answer_is_not_missed(half_commented: Page) -> None:
    page = half_commented
    page.evaluate(
        """document.addEventListener('htmx:afterSwap', function told({ target }) {
            if (!target.closest('#comments')) return  // another part came late
            document.removeEventListener('htmx:afterSwap', told)
            setTimeout(() => htmx.trigger('#comments', 'sse:changed'))
        })"""
    )
    with page.expect_request(lambda request: request.headers.get("hx-trigger") == "comments"):
        page.get_by_role("button", name="Comment", exact=True).click()


def test_a_dialog_opens_before_the_scripts_are_there(
    browser_page: Page, live_server: LiveServer, campaign: Campaign, marketer: User, sign_in: Callable[..., None]
) -> None:
    page = browser_page
    sign_in(page, marketer)
    page.route(re.compile(r"(?<!theme)\.js$"), lambda route: None)  # the theme's alone stands before the page
    page.goto(f"{live_server.url}/staff/campaigns/{campaign.public_id}/", wait_until="commit")
    page.get_by_role("button", name="Approve", exact=True).click()
    expect(page.get_by_role("dialog")).to_contain_text("Approve this week?")
