"""A plan by the built-in rules, from what was understood of its goal to what came of it, as a person sees it."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from campaigns.actions import review, revising, wordings
from campaigns.actions.campaigns import create_campaign, start_campaign
from campaigns.actions.planning import make_plan, request_plan
from campaigns.actions.sends import send_step_now
from campaigns.models import Experiment, Plan
from campaigns.queries.workspace import work_by_hand
from loyalty.actions.segments import create_segment
from loyalty.models import User
from tests.campaigns.world import Shop, rule, send_all
from tests.post_office import open_post_office

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def plan(tmp_path: Any, marketer: User, follow_events: Callable[[], None], transactional_db: None) -> Plan:
    """For a hundred and twenty members in several groups, some of whom are held out."""
    now = timezone.now()
    rule(send_from=0, send_until=24, messages_per_day=50)
    shop = Shop(now, tmp_path, follow_events)
    members = [shop.join(f"Member {number}") for number in range(120)]
    shop.sell(
        *(
            (member, place + 15 * nth + 1, f"{200 - place}.00")
            for place, member in enumerate(members)
            for nth in range(1 + (place * 7) % 5)
        )
    )
    shop.score()
    segment = create_segment(name="Everybody", description="", rule={"all": []}, by=None, now=now)
    campaign = create_campaign(
        name="Spring", goal="Win back who used to buy wine, before the market opens", starts_on=now.date(),
        ends_on=now.date() + dt.timedelta(days=9), segments=[segment], budget=Decimal(900), audience_limit=300,
        owner=marketer, now=now, holdout_percent=10,
    )  # fmt: skip
    plan = request_plan(campaign=campaign, by=marketer, now=now)
    assert make_plan(plan.pk, now=now)
    plan.refresh_from_db()
    assert plan.status == Plan.Status.READY, plan.error
    return plan


def test_a_plan_says_whom_it_reaches_what_it_lost_and_what_came_of_it(
    browser_page: Page, live_server: LiveServer, plan: Plan, marketer: User, manager: User,
    sign_in: Callable[..., None], shot: Callable[[Page, str], None], assert_accessible: Callable[[Page], None],
    carry: Callable[[Locator, Locator], None], console_errors: list[str], settings: Any,
) -> None:  # fmt: skip
    page, now, url = browser_page, timezone.now(), f"{live_server.url}/staff/campaigns/{plan.campaign.public_id}/"
    for step in plan.steps.filter(group=plan.steps.filter(is_reminder=False).last().group):
        review.remove_step(step=step, by=marketer, now=now)
    sign_in(page, manager)
    page.goto(url)
    expect(page.locator("#plan")).to_contain_text("Understood of the goal: win back; wine.")
    expect(page.locator("#plan")).to_contain_text("In a group that no step writes to")
    shot(page, "plan-review")
    assert_accessible(page)

    # A reminder stays behind what it reminds of.
    page.set_viewport_size({"width": 1440, "height": 900})
    reminder = plan.steps.filter(is_reminder=True, removed_at=None)[0]
    first = plan.steps.get(group=reminder.group, is_reminder=False)
    last_day = plan.facts["days"][-1]
    carry(page.locator(f'[data-move*="{first.public_id}"]'), page.locator(f'[data-day="{last_day}"]'))
    expect(page.locator("#toasts")).to_contain_text(
        "move that message to an earlier day, or the reminder to a later one"
    )
    expect(page.locator(f'[data-day="{first.day}"] [data-move*="{first.public_id}"]')).to_be_visible()
    console_errors.clear()  # the browser writes down the 409

    # What people changed is not lost unasked.
    page.get_by_role("button", name="Propose anew").click()
    expect(page.locator("#anew")).to_contain_text("would be lost")
    before = page.locator("#anew-text").inner_text()
    colleague = plan.steps.filter(removed_at=None)[0]
    revising.comment(step=colleague, text="Why them?", by=marketer, now=now)
    review.remove_step(step=colleague, by=marketer, now=now)
    expect(page.locator("#plan")).to_contain_text("Put back")
    expect(page.locator("#anew")).to_be_visible()  # a colleague's change does not close it
    page.locator("#anew").get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Propose anew").click()
    expect(page.locator("#anew-text")).not_to_have_text(before)
    expect(page.locator("#anew-text")).to_contain_text("and 1 comment would be lost")
    expect(page.locator("#anew [name=losing]")).to_have_value(str(work_by_hand(plan).pieces))
    expect(page.locator("#anew")).to_be_visible()
    shot(page, "plan-anew")
    assert_accessible(page)
    page.locator("#anew").get_by_role("button", name="Cancel").click()
    revising.undo_change(plan=plan, number=plan.changes.latest("number").number, by=marketer, now=now)
    page.reload()

    # Approved, on its way, one step ahead of its day while some wait for the better wording.
    page.set_viewport_size({"width": 1440, "height": 900})
    words = wordings.Words(weight=1, subject="Hello again", body="", template=None, translations={})
    later = plan.steps.filter(
        removed_at=None, is_reminder=False, day__gt=now.date(), day__lt=now.date() + dt.timedelta(days=6)
    )
    step = max(later, key=lambda each: each.evidence["reached"])
    wordings.save_experiment(
        step=step, measure="clicks", decides=Experiment.Decides.AFTER, hours=24, test_percent=60, own_weight=1,
        variants=[words], by=marketer, now=now,
    )  # fmt: skip
    review.approve_plan(plan=plan, by=manager, now=now)
    start_campaign(campaign=plan.campaign, by=manager, now=now)
    step_url = f"{live_server.url}/staff/campaigns/steps/{step.public_id}/"
    page.goto(step_url)
    page.get_by_role("button", name="Send this step now").click()
    expect(page.locator("#send-now")).to_contain_text("for the better wording")
    shot(page, "plan-send-now")
    send_step_now(step=step, by=manager, now=now)
    with open_post_office(settings):
        send_all(timezone.now())
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(url)
    expect(page.locator("#plan")).to_contain_text(f"Ahead of {step.day:%a, %b} {step.day.day}")
    expect(page.locator("#results")).to_contain_text("Expected when it was approved")
    shot(page, "plan-running")
    assert_accessible(page)
    page.goto(step_url)
    expect(page.locator("main")).to_contain_text("So far: ")
    expect(page.locator("main")).to_contain_text("Somebody sent it at ")
    shot(page, "plan-step-running")
    assert_accessible(page)
    page.goto(f"{live_server.url}/staff/campaigns/plans/{plan.public_id}/audience/")
    expect(page.locator("main")).to_contain_text("that is the sum of its steps")
    shot(page, "plan-audience")
    assert_accessible(page)
