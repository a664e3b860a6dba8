"""What was learnt, as a person sees it."""

import datetime as dt
from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from campaigns.actions.arms import compare_arms
from campaigns.actions.review import approve_plan
from campaigns.actions.wordings import Words, save_experiment
from campaigns.models import Campaign, Plan, PlanStep, Send
from loyalty.models import Member, User
from tests.campaigns.crowd import take_in_members
from tests.campaigns.test_lift import arms, buy, run_for_everybody
from tests.campaigns.world import rule

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
DAY = dt.timedelta(days=1)


@pytest.fixture
def told(transactional_db: None, marketer: User, manager: User) -> Campaign:
    """A campaign that brought something, one that is being counted, one that held nobody out; a holdout of all."""
    now = timezone.now()
    rule(send_from=0, send_until=24, messages_per_day=50, holdout_percent=10, now=now - 90 * DAY)
    rule(gross_margin_percent="30.00")
    take_in_members(600)
    Member.objects.update(joined_at=now - 300 * DAY)
    old = run_for_everybody("Wine week", 30, marketer, manager, now - 60 * DAY)
    young = run_for_everybody("Spring greetings", 30, marketer, manager, now - 5 * DAY)
    run_for_everybody("Everybody hears", 0, marketer, manager, now - 20 * DAY)
    for campaign, at, share in ((old, now - 58 * DAY, 6), (young, now - 3 * DAY, 4)):
        treated, held = arms(campaign)
        buy(treated[: len(treated) * share // 10], at)
        buy(held[: len(held) * 3 // 10], at)
    return old


@pytest.fixture
def tried(told: Campaign, marketer: User, manager: User) -> PlanStep:
    """Three wordings of a running step, the second far ahead, nobody has decided yet."""
    now = timezone.now()
    step = PlanStep.objects.get(plan__campaign__name="Everybody hears")
    Send.objects.filter(action__step=step).delete()
    step.actions.all().delete()
    Plan.objects.filter(pk=step.plan_id).update(status=Plan.Status.READY)
    Campaign.objects.filter(pk=step.plan.campaign_id).update(status=Campaign.Status.DRAFT, ends_on=now + 20 * DAY)
    evidence = {
        "reached": 600, "members": 600, "last_bought_days": {"least": 3, "median": 20, "most": 90}, "median_orders": 2,
        "average_order": "20.00", "usual_weekday": 5, "usual_hour": 17, "favourite_categories": [], "hours_known": 0,
        "most_it_can_cost": "0",
    }  # fmt: skip
    PlanStep.objects.filter(pk=step.pk).update(day=now.date(), evidence=evidence)
    step.refresh_from_db()
    others = [
        Words(weight=1, subject="A bottle that waits for you", body="", template=None, translations={}),
        Words(weight=1, subject="", body="Wine is here, and it is good.", template=None, translations={}),
    ]
    save_experiment(
        step=step, measure="buyers", decides="CERTAIN", hours=96, test_percent=70, own_weight=1, variants=others,
        by=marketer, now=now,
    )  # fmt: skip
    approve_plan(plan=step.plan, by=manager, now=now)
    Campaign.objects.filter(pk=step.plan.campaign_id).update(status=Campaign.Status.RUNNING)
    sends = Send.objects.filter(action__step=step)
    sends.filter(waits_for_winner=False).update(due_at=now - 2 * DAY, sent_at=now - 2 * DAY, status=Send.Status.SENT)
    for letter, share in (("A", 3), ("B", 6), ("C", 4)):
        members = list(sends.filter(variant=letter).values_list("member", flat=True))
        buy(members[: len(members) * share // 10], now - DAY)
    return step


def test_what_was_earned_is_told_in_words_drawn_and_tabled(
    browser_page: Page, live_server: LiveServer, told: Campaign, manager: User, sign_in: Callable[..., None],
    shot: Callable[[Page, str], None], assert_accessible: Callable[[Page], None],
) -> None:  # fmt: skip
    sign_in(browser_page, manager)
    browser_page.goto(f"{live_server.url}/staff/campaigns/{told.public_id}/earned/")
    expect(browser_page.locator("main")).to_contain_text("more orders than without it")
    shot(browser_page, "earned")
    assert_accessible(browser_page)
    young = Campaign.objects.get(name="Spring greetings")
    browser_page.goto(f"{live_server.url}/staff/campaigns/{young.public_id}/earned/")
    expect(browser_page.locator("main")).to_contain_text("Still counting")
    shot(browser_page, "earned-open")
    browser_page.goto(f"{live_server.url}/staff/analytics/marketing/")
    expect(browser_page.locator("main")).to_contain_text("certainly brought more orders")
    shot(browser_page, "marketing")
    assert_accessible(browser_page)
    browser_page.goto(f"{live_server.url}/staff/campaigns/playbooks/")
    expect(browser_page.locator("main")).to_contain_text("1 campaign")
    shot(browser_page, "playbooks-lift")


def test_wordings_are_compared_on_the_page_of_their_step(
    browser_page: Page, live_server: LiveServer, tried: PlanStep, manager: User, sign_in: Callable[..., None],
    shot: Callable[[Page, str], None], assert_accessible: Callable[[Page], None],
) -> None:  # fmt: skip
    sign_in(browser_page, manager)
    browser_page.goto(f"{live_server.url}/staff/campaigns/steps/{tried.public_id}/")
    browser_page.locator("[data-lazy]").last.scroll_into_view_if_needed()
    expect(browser_page.locator("#step-variants")).to_contain_text("Wait for the winner")
    expect(browser_page.locator("#step-variants")).to_contain_text("B:")
    shot(browser_page, "variants")
    assert_accessible(browser_page)
    browser_page.goto(f"{live_server.url}/staff/campaigns/{tried.plan.campaign.public_id}/sends/?kind=waiting")
    expect(browser_page.locator("#sends")).to_contain_text("Waits for the winner")
    shot(browser_page, "sends-waiting")
    Plan.objects.filter(pk=tried.plan_id).update(status=Plan.Status.READY)
    browser_page.goto(f"{live_server.url}/staff/campaigns/steps/{tried.public_id}/variants/write/")
    browser_page.set_viewport_size({"width": 1440, "height": 900})
    browser_page.locator("[data-lazy]").scroll_into_view_if_needed()
    wording = browser_page.locator("#wording")
    expect(wording.get_by_role("link", name="Wording B")).to_have_attribute("aria-current", "page", timeout=20_000)
    wording.get_by_role("button", name="For nobody in particular").click()
    wording.locator(".preview-members button").nth(1).click()
    wording.get_by_role("link", name="Wording A").click()
    expect(wording.get_by_role("link", name="Wording A")).to_have_attribute("aria-current", "page")
    expect(wording.locator("[data-shown-for]")).not_to_have_text("For nobody in particular")
    wording.get_by_role("button", name="Phone").click()
    wording.get_by_role("button", name="Dark").click()
    letter = browser_page.frame_locator("#preview").locator("html")
    expect(letter).to_have_css("filter", "invert(1) hue-rotate(180deg)")
    shot(browser_page, "variants-write")
    assert_accessible(browser_page)


def test_arms_and_attribution_have_their_pages(
    browser_page: Page, live_server: LiveServer, told: Campaign, manager: User, sign_in: Callable[..., None],
    shot: Callable[[Page, str], None], assert_accessible: Callable[[Page], None],
) -> None:  # fmt: skip
    rows = [
        f"{n},{('control', 'email', 'sms')[n % 3]},{int(n % 10 < 3 + n % 3)},{n % 7 + n % 3}.50" for n in range(900)
    ]
    lines = ["member,arm,bought,revenue", *rows]
    report = compare_arms(name="Mail or text", lines=lines, control="", split="", by=manager, now=timezone.now())
    sign_in(browser_page, manager)
    browser_page.goto(f"{live_server.url}/staff/campaigns/arms/")
    shot(browser_page, "arms")
    assert_accessible(browser_page)
    browser_page.goto(f"{live_server.url}/staff/campaigns/arms/{report.public_id}/")
    shot(browser_page, "arms-report")
    assert_accessible(browser_page)
    browser_page.goto(f"{live_server.url}/staff/settings/campaigns/attribution/")
    browser_page.get_by_label("After it was opened").fill("24")
    browser_page.get_by_role("button", name="Show what would change").click()
    expect(browser_page.locator("#difference")).to_contain_text("Wine week")
    shot(browser_page, "attribution")
    assert_accessible(browser_page)
