"""The workspace of a plan: moved by hand and by keyboard, undone, reworded and talked about, as a person does it."""

import datetime as dt
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from campaigns.actions import asking, copywriting, picturing
from campaigns.actions.campaigns import create_campaign
from campaigns.actions.planning import make_plan, request_plan
from campaigns.models import ModelCall, Plan, PlanStep
from loyalty.actions.segments import create_segment
from loyalty.models import User
from tests.campaigns.test_openai import by_the_rules
from tests.campaigns.test_picturing import a_picture
from tests.campaigns.test_workspace import free_day
from tests.campaigns.world import Shop, rule
from tests.language_models import ModelServer, Painted, Said, open_model

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def server(settings: Any) -> Iterator[ModelServer]:
    with open_model(settings) as model:
        model.always = by_the_rules
        yield model


@pytest.fixture
def plan(
    server: ModelServer, tmp_path: Any, marketer: User, settings: Any, follow_events: Callable[[], None],
    transactional_db: None,
) -> Plan:  # fmt: skip
    """For forty members in several groups, proposed by a language model."""
    now = timezone.now()
    settings.OPENAI_PRICES = (Decimal("0.40"), Decimal("1.60"))
    shop = Shop(now, tmp_path, follow_events)
    members = [shop.join(f"Member {number}") for number in range(40)]
    shop.sell(
        *(
            (member, 4 * place + 15 * nth + 1, f"{200 - 4 * place}.00")
            for place, member in enumerate(members)
            for nth in range(1 + (place * 7) % 5)
        )
    )
    shop.score()
    segment = create_segment(name="Everybody", description="", rule={"all": []}, by=None, now=now)
    campaign = create_campaign(
        name="Spring", goal="Win back who used to come often", starts_on=now.date() + dt.timedelta(days=1),
        ends_on=now.date() + dt.timedelta(days=9), segments=[segment], budget=Decimal(900), audience_limit=300,
        owner=marketer, now=now, repeats_on=0,
    )  # fmt: skip
    plan = request_plan(campaign=campaign, by=marketer, now=now)
    assert make_plan(plan.pk, now=now)
    plan.refresh_from_db()
    assert plan.status == Plan.Status.READY, plan.error
    return plan


def test_a_week_is_moved_undone_reworded_and_talked_about(
    browser_page: Page, live_server: LiveServer, plan: Plan, server: ModelServer, marketer: User, manager: User,
    sign_in: Callable[..., None], shot: Callable[[Page, str], None], assert_accessible: Callable[[Page], None],
    carry: Callable[[Locator, Locator], None], console_errors: list[str],
) -> None:  # fmt: skip
    page, step = browser_page, plan.steps.order_by("day").all()[0]
    rule(second_person_above=Decimal(1))
    sign_in(page, marketer)
    page.goto(f"{live_server.url}/staff/campaigns/{plan.campaign.public_id}/")
    expect(page.locator("#two-people")).to_contain_text("so somebody else approves it")
    shot(page, "workspace-board")
    assert_accessible(page)

    # By hand, to a day on which the group hears nothing yet.
    page.set_viewport_size({"width": 1440, "height": 900})
    day = free_day(step)
    card = page.locator(f'[data-move*="{step.public_id}"]')
    carry(card, page.locator(f'[data-day="{day}"]'))
    expect(page.locator(f'[data-day="{day}"] [data-move*="{step.public_id}"]')).to_be_visible()
    expect(page.locator("#toasts")).to_contain_text(f"moved to {day:%A}")  # read out, too
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(f'[data-day="{step.day}"] [data-move*="{step.public_id}"]')).to_be_visible()
    expect(page.locator("#toasts")).to_contain_text("Taken back: ")
    expect(page.get_by_role("button", name="Redo")).to_be_visible()

    # By keyboard.
    page.locator(f"#move-{step.public_id}").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name=f"Move to {day:%A}").focus()
    page.keyboard.press("Enter")
    expect(page.locator(f'[data-day="{day}"] [data-move*="{step.public_id}"]')).to_be_visible()
    expect(page.locator(f"#move-{step.public_id}")).to_be_focused()

    # To a day on which its group hears something already: refused, and the card is where it was.
    twice = next(one for one in plan.steps.all() if plan.steps.filter(group=one.group).count() > 1)
    other = plan.steps.filter(group=twice.group).exclude(pk=twice.pk).get()
    twice.refresh_from_db()
    carry(page.locator(f'[data-move*="{twice.public_id}"]'), page.locator(f'[data-day="{other.day}"]'))
    expect(page.locator("#toasts")).to_contain_text("would hear 2 times on")
    expect(page.locator(f'[data-day="{twice.day}"] [data-move*="{twice.public_id}"]')).to_be_visible()
    console_errors.clear()  # the browser writes down the 409

    page.get_by_text("What changed").click()
    shot(page, "workspace-moved")

    # Other words.
    server.always = Said(
        '{"texts": [{"subject": "A tasting on Friday", "body": "Come to the tasting. {{ offer.wording }}"}]}'
    )
    page.goto(f"{live_server.url}/staff/campaigns/steps/{step.public_id}/")
    for part in ("why", "texts", "comments"):
        page.locator(f'[data-lazy][hx-get$="/{part}/"]').scroll_into_view_if_needed()
        expect(page.locator(f"#{'step-why' if part == 'why' else part}")).to_be_visible(timeout=20_000)
    page.get_by_label("What should be different?").fill("shorter, mention the tasting")
    page.get_by_role("button", name="Write anew").click()
    expect(page.locator("#texts")).to_contain_text("Waiting for a worker")
    shot(page, "workspace-writing")
    call = ModelCall.objects.get(step=step, status="QUEUED")
    assert copywriting.write_texts(call.pk, now=timezone.now())
    expect(page.locator("#texts")).to_contain_text("A tasting on Friday")
    page.get_by_label("Your comment").fill("Is this not too early for them?")
    page.get_by_role("button", name="Comment", exact=True).click()
    expect(page.locator("#comments")).to_contain_text("Is this not too early for them?")
    expect(page.locator("#step-why")).to_contain_text("Proposed by gpt-4.1-mini")
    shot(page, "workspace-step")
    assert_accessible(page)
    page.set_viewport_size({"width": 1440, "height": 900})
    page.get_by_role("button", name="Use this one").click()
    expect(page.get_by_label("Subject", exact=True)).to_have_value("A tasting on Friday")
    assert PlanStep.objects.get(pk=step.pk).subject == "A tasting on Friday"

    page.goto(f"{live_server.url}/staff/campaigns/plans/{plan.public_id}/evidence/")
    expect(page.locator("main")).to_contain_text("1,200 tokens in")
    shot(page, "workspace-evidence")
    assert_accessible(page)


def test_other_wordings_are_written_beside_the_message_dropped_and_brought_back(
    browser_page: Page, live_server: LiveServer, plan: Plan, marketer: User, sign_in: Callable[..., None],
    shot: Callable[[Page, str], None], assert_accessible: Callable[[Page], None],
) -> None:  # fmt: skip
    page, step = browser_page, plan.steps.order_by("day").all()[0]
    step_url = f"{live_server.url}/staff/campaigns/steps/{step.public_id}/"
    sign_in(page, marketer)

    def variants() -> Locator:
        page.goto(step_url)
        page.locator('[data-lazy][hx-get$="/variants/"]').scroll_into_view_if_needed()
        return page.locator("#step-variants")

    # Before anything is saved, what is written stands beside what the step says.
    page.goto(f"{step_url}variants/write/")
    page.locator("[data-lazy]").scroll_into_view_if_needed()
    expect(page.frame_locator("#preview").locator("body")).to_contain_text("Hello Ada", timeout=20_000)
    shot(page, "variants-write-first")
    assert_accessible(page)
    page.set_viewport_size({"width": 1440, "height": 900})
    page.locator("#id_subject_B").fill("A word from us")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#toasts")).to_contain_text("Who gets which wording")
    expect(variants()).to_contain_text("A word from us", timeout=20_000)

    page.get_by_role("button", name="Try nothing").click()
    expect(page.locator("#toasts")).to_contain_text("come back by Undo on the plan")
    expect(variants()).to_contain_text("Everybody gets the same words", timeout=20_000)

    page.goto(f"{live_server.url}/staff/campaigns/{plan.campaign.public_id}/")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#toasts")).to_contain_text("(other wordings)")
    page.get_by_text("What changed").click()
    shot(page, "workspace-wordings")
    expect(variants()).to_contain_text("A word from us", timeout=20_000)


def test_a_picture_is_briefed_made_looked_at_and_chosen(
    browser_page: Page, live_server: LiveServer, plan: Plan, server: ModelServer, marketer: User, settings: Any,
    sign_in: Callable[..., None], shot: Callable[[Page, str], None], assert_accessible: Callable[[Page], None],
    console_errors: list[str],
) -> None:  # fmt: skip
    page, step = browser_page, plan.steps.order_by("day").all()[0]
    settings.OPENAI_IMAGE_PRICE, settings.PUBLIC_URL = Decimal("0.04"), live_server.url
    sign_in(page, marketer)
    page.goto(f"{live_server.url}/staff/campaigns/steps/{step.public_id}/")
    page.locator('[data-lazy][hx-get$="/picture/"]').scroll_into_view_if_needed()
    part = page.locator("#step-picture")
    expect(part).to_contain_text("A brief says what the picture", timeout=20_000)

    server.always = Said(
        '{"scene": "A wooden table with unopened bottles and a bowl of olives", "style": "A photograph by a window",'
        ' "avoid": "plastic cups", "alt": "Bottles and olives on a table"}'
    )
    page.get_by_label("What should it show?").fill("olives")
    page.get_by_role("button", name="Write a brief").click()
    expect(part).to_contain_text("Waiting for a worker")
    shot(page, "picture-waiting")
    page.set_viewport_size({"width": 1440, "height": 900})
    assert picturing.picture_step(ModelCall.objects.get(step=step, status="QUEUED").pk, now=timezone.now())
    expect(part).to_contain_text("a bowl of olives")
    expect(part).to_contain_text("Brief by gpt-4.1-mini")
    page.get_by_text("Change the brief").click()
    part.get_by_label("What is to be seen").fill("A student with a bottle")
    part.get_by_role("button", name="Save the brief").click()
    expect(part).to_contain_text("No picture may show minors")
    console_errors.clear()  # the browser writes down the 422
    with page.expect_response(lambda response: response.url.endswith("/picture/")):
        page.evaluate("htmx.trigger('#step-picture', 'sse:changed')")  # somebody else has changed the campaign
    expect(page.locator("#step-picture.htmx-request")).to_have_count(0)
    expect(part.get_by_label("What is to be seen")).to_have_value("A student with a bottle")
    expect(part).to_contain_text("No picture may show minors")
    shot(page, "picture-refused")
    assert_accessible(page)
    page.set_viewport_size({"width": 1440, "height": 900})
    part.get_by_label("What is to be seen").fill("A shelf with unopened bottles")
    part.get_by_role("button", name="Save the brief").click()
    expect(part).to_contain_text("A shelf with unopened bottles")

    server.paints = Painted(tuple(a_picture(colour) for colour in ("#7f1d1d", "#14532d", "#1e3a8a", "#78350f")))
    part.get_by_label("How many pictures").select_option("4")
    part.get_by_role("button", name="Make pictures").click()
    expect(part).to_contain_text("Waiting for a worker")
    assert picturing.picture_step(ModelCall.objects.get(step=step, status="QUEUED").pk, now=timezone.now())
    expect(part.get_by_role("button", name="Use this one")).to_have_count(4)
    part.locator("img").first.scroll_into_view_if_needed()
    shot(page, "picture-drawn")
    assert_accessible(page)
    page.set_viewport_size({"width": 1440, "height": 900})
    part.get_by_role("button", name="Use this one").first.click()
    expect(page.get_by_text("The message shows it, and your pictures have it.")).to_be_visible()
    page.locator("[data-lazy]").first.scroll_into_view_if_needed()
    expect(page.frame_locator("#preview").get_by_role("img", name="Bottles and olives on a table")).to_be_visible(
        timeout=20_000
    )
    page.locator("#wording").get_by_role("button", name="Dark").click()
    page.locator('[data-lazy][hx-get$="/picture/"]').scroll_into_view_if_needed()
    expect(part.get_by_role("button", name="Take it out")).to_be_visible(timeout=20_000)
    shot(page, "picture-chosen")
    assert_accessible(page)


def test_while_it_is_thought_the_page_says_how_far_it_is(
    browser_page: Page, live_server: LiveServer, plan: Plan, marketer: User, sign_in: Callable[..., None],
    shot: Callable[[Page, str], None], assert_accessible: Callable[[Page], None],
) -> None:  # fmt: skip
    now = timezone.now()
    request_plan(campaign=plan.campaign, by=marketer, now=now)
    working = plan.campaign.plans.get(status="QUEUED")
    Plan.objects.filter(pk=working.pk).update(status="WRITING")
    ModelCall.objects.create(
        plan=working, status=asking.Status.ASKING, model_name="gpt-4.1-mini", asked_at=now - dt.timedelta(seconds=12),
        raw='{"steps": [{"day": "2026-11-25", "send_at": "10:00", "group": "champions"',
    )  # fmt: skip
    sign_in(browser_page, marketer)
    browser_page.goto(f"{live_server.url}/staff/campaigns/{plan.campaign.public_id}/")
    expect(browser_page.locator("#plan")).to_contain_text("Writing Wednesday · about 18 tokens so far")
    shot(browser_page, "workspace-thinking")
    assert_accessible(browser_page)
    browser_page.locator("#plan").get_by_role("button", name="Cancel").click()
    # What it was to take the place of is back.
    expect(browser_page.locator("#plan").get_by_role("button", name="Propose anew")).to_be_visible()
    expect(browser_page.locator("#plan .board-card").first).to_be_visible()


def test_the_voice_of_the_shop_is_set_beside_what_nobody_may_say(
    browser_page: Page, live_server: LiveServer, manager: User, sign_in: Callable[..., None],
    shot: Callable[[Page, str], None], assert_accessible: Callable[[Page], None], transactional_db: None,
) -> None:  # fmt: skip
    page = browser_page
    sign_in(page, manager)
    page.goto(f"{live_server.url}/staff/settings/campaigns/voice/")
    page.get_by_label("Words you leave out").fill("cheap\ncheap\n\nbooze")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("Words you leave out")).to_have_value("cheap\nbooze")
    page.get_by_text("No message may promise health.").click()
    shot(page, "workspace-voice")
    assert_accessible(page)
    page.goto(f"{live_server.url}/staff/settings/campaigns/")
    shot(page, "workspace-policy")
    assert_accessible(page)
