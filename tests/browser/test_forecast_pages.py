"""When a step leaves, what its texts cost, and where staff are told: as a person sees it."""

import datetime as dt
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from campaigns.actions.campaigns import create_campaign
from campaigns.actions.planning import make_plan, request_plan
from campaigns.models import MemberHour, PlanStep
from integrations.alerts.telling import deliver, outlet_states, tell_staff
from loyalty.actions.members import change_member, set_consent
from loyalty.actions.segments import create_segment
from loyalty.models import User
from tests.campaigns.world import Shop, rule
from tests.providers import Reply, opened
from tests.watchers import EVERYBODY, PagerDutyEvents, SlackWorkspace

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def step(
    tmp_path: Any, marketer: User, settings: Any, follow_events: Callable[[], None], transactional_db: None
) -> PlanStep:
    """A step by SMS for forty members who answer at different hours, with a dash that makes it dear."""
    now = timezone.now()
    settings.CHANNELS = settings.CHANNELS | {"sms": "integrations.channels.mailbox_phone.MailboxSms"}
    shop = Shop(now, tmp_path, follow_events)
    members = [shop.join(f"Member {number}") for number in range(40)]
    shop.sell(*((member, 30, "40.00") for member in members))
    shop.score()
    for number, member in enumerate(members):
        change_member(
            member=member, name=member.name, email=member.email or "", phone=f"+1212555{number:04}",
            birth_date=member.birth_date, home_store=None,
        )  # fmt: skip
        set_consent(member=member, channel="sms", is_granted=True, wording="Text me.", source="till", now=now)
    MemberHour.objects.bulk_create(
        MemberHour(member=member, hour=9 + number % 10 * (number % 3) % 11, seen=4, counted_at=now)
        for number, member in enumerate(members[:30])
    )
    segment = create_segment(name="Everybody", description="", rule={"all": []}, by=None, now=now)
    campaign = create_campaign(
        name="Spring", goal="Win back", starts_on=now.date() + dt.timedelta(days=1),
        ends_on=now.date() + dt.timedelta(days=9), segments=[segment], budget=Decimal(900), audience_limit=300,
        owner=marketer, now=now,
    )  # fmt: skip
    plan = request_plan(campaign=campaign, by=marketer, now=now)
    assert make_plan(plan.pk, now=now)
    step = plan.steps.first()
    assert step
    PlanStep.objects.filter(pk=step.pk).update(
        channel="sms", timing=PlanStep.Timing.BEST, body="Come by, {{ member.first_name }} — it is Friday."
    )
    rule(sms_price=Decimal("0.0079"))
    return step


def test_a_steps_page_shows_when_it_leaves_and_what_its_texts_cost(
    browser_page: Page, live_server: LiveServer, step: PlanStep, manager: User, sign_in: Callable[..., None],
    shot: Callable[[Page, str], None], assert_accessible: Callable[[Page], None],
) -> None:  # fmt: skip
    sign_in(browser_page, manager)
    asked = list[str]()
    browser_page.on("request", lambda request: asked.append(request.url))
    browser_page.goto(f"{live_server.url}/staff/campaigns/steps/{step.public_id}/")
    browser_page.locator("#wording [data-lazy]").scroll_into_view_if_needed()
    expect(browser_page.locator("#step-price")).to_contain_text("about $0.63")
    browser_page.locator("[data-lazy]").last.scroll_into_view_if_needed()
    expect(browser_page.locator("#step-hours")).to_contain_text("at the hour they usually open, click or buy")
    expect(browser_page.locator("#step-price")).to_contain_text("40 members × 2 segments = 80 segments, about $0.63")
    expect(browser_page.locator("#step-price")).to_contain_text("“—” in the text is not in the alphabet")
    assert len([url for url in asked if "/wording/" in url]) == 1  # what is fetched within it fetches it no second time
    shot(browser_page, "step-forecast")
    assert_accessible(browser_page)


def test_the_plan_says_what_all_texts_cost(
    browser_page: Page, live_server: LiveServer, step: PlanStep, manager: User, sign_in: Callable[..., None],
    shot: Callable[[Page, str], None], assert_accessible: Callable[[Page], None],
) -> None:  # fmt: skip
    sign_in(browser_page, manager)
    browser_page.goto(f"{live_server.url}/staff/campaigns/{step.plan.campaign.public_id}/")
    expect(browser_page.locator("#plan-price")).to_contain_text("40 texts in 80 segments, about $0.63.")
    shot(browser_page, "plan-price")
    assert_accessible(browser_page)


def test_the_audience_of_a_plan_is_read_on_a_phone_without_scrolling_sideways(
    browser_page: Page, live_server: LiveServer, step: PlanStep, manager: User, sign_in: Callable[..., None],
    shot: Callable[[Page, str], None], assert_accessible: Callable[[Page], None],
) -> None:  # fmt: skip
    sign_in(browser_page, manager)
    browser_page.goto(live_server.url + reverse("campaigns:plan-audience", args=[step.plan.public_id]))
    expect(browser_page.locator("#candidates tbody tr").first).to_contain_text("Member ")
    shot(browser_page, "audience")
    assert_accessible(browser_page)
    browser_page.set_viewport_size({"width": 390, "height": 844})
    assert browser_page.locator("#candidates .table-wrap").evaluate("wrap => wrap.scrollWidth <= wrap.clientWidth")


@pytest.fixture
def told(settings: Any, transactional_db: None) -> Iterator[None]:
    """Slack heard of something, PagerDuty refuses, and a webhook was never tried."""
    settings.ALLOW_PRIVATE_ADDRESSES = True
    with opened(SlackWorkspace()) as slack, opened(PagerDutyEvents()) as pagerduty:
        pagerduty.answers[EVERYBODY] = Reply(400, b"'routing_key' is invalid")
        settings.ALERT_URLS = [
            f"slack+{slack.address}{slack.path}",
            pagerduty.address.replace("http://", f"pagerduty+http://{pagerduty.key}@"),
        ]
        tell_staff(
            key="x", severity="error", title="Spring: messages failed", text="No such mailbox", link="https://x.example",
            now=timezone.now(),
        )  # fmt: skip
        deliver(now=timezone.now())
        settings.ALERT_URLS = [
            *settings.ALERT_URLS,
            f"https://{quote('a secret of the shop, long enough')}@watch.shop.example/alerts",
        ]
        yield


def test_the_page_about_sending_shows_who_is_told(
    told: None, browser_page: Page, live_server: LiveServer, manager: User, sign_in: Callable[..., None],
    shot: Callable[[Page, str], None], assert_accessible: Callable[[Page], None],
) -> None:  # fmt: skip
    assert len(outlet_states()) == 3
    sign_in(browser_page, manager)
    browser_page.goto(f"{live_server.url}/staff/integrations/sending/")
    for says in ("Works", "Failing", "Not tried yet", "watch.shop.example"):
        expect(browser_page.locator("main")).to_contain_text(says)
    shot(browser_page, "sending-alerts")
    assert_accessible(browser_page)
    browser_page.get_by_role("button", name="Send a test to Slack").click()
    expect(browser_page.locator("body")).to_contain_text("was told.")
