"""Campaigns through their pages. Pages ask the clock, so these tests live today."""

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from campaigns.actions import planning, review
from campaigns.actions.campaigns import cancel_campaign, pause_campaign, start_campaign
from campaigns.models import Campaign, Plan, PlanStep, Send
from campaigns.queries.plans import plans_to_make
from campaigns.queries.policy import policy
from loyalty.actions.segments import create_segment
from loyalty.models import Business, Member, Segment, User
from tests.campaigns.world import first_of, rule


@pytest.fixture
def now() -> dt.datetime:
    return timezone.now()


def test_asking_answers_at_once_and_leaves_the_work_to_a_worker(
    client_of: Callable[[User], Client], marketer: User, campaign: Campaign, regulars: list[Member], now: dt.datetime
) -> None:
    response = client_of(marketer).post(f"/staff/campaigns/{campaign.public_id}/plan/")
    assert response.status_code == 302
    plan = campaign.plans.get()
    assert (plan.status, plan.requested_by) == (Plan.Status.QUEUED, marketer)
    assert list(plans_to_make(now)) == [plan]
    page = client_of(marketer).get(f"/staff/campaigns/{campaign.public_id}/")
    assert "Rank members" in page.content.decode()

    assert planning.make_plan(plan.pk, now=now)
    plan.refresh_from_db()
    assert plan.status == Plan.Status.READY
    assert not planning.make_plan(plan.pk, now=now)
    assert not plans_to_make(now)


def test_a_first_day_that_has_passed_is_refused_unless_the_campaign_has_it_already(
    campaign: Campaign, marketer: User, client_of: Callable[[User], Client]
) -> None:
    today, day, client = timezone.localdate(), dt.timedelta(days=1), client_of(marketer)
    (segment,) = campaign.segments.all()
    asked = {
        "name": "Summer", "goal": "Win back", "starts_on": today - day, "ends_on": today + day,
        "segments": segment.pk, "audience_limit": 300, "holdout_percent": 0,
    }  # fmt: skip
    refused = client.post("/staff/campaigns/new/", asked)
    assert refused.status_code == 422
    assert f"This day has passed. Choose today, {today:%B} {today.day}, or a later day." in refused.text
    assert client.post("/staff/campaigns/new/", asked | {"starts_on": today}).status_code == 302

    Campaign.objects.filter(pk=campaign.pk).update(starts_on=today - 3 * day)
    change = f"/staff/campaigns/{campaign.public_id}/edit/"
    assert client.post(change, asked | {"starts_on": today - 2 * day}).status_code == 422
    assert client.post(change, asked | {"starts_on": today - 3 * day}).status_code == 302
    campaign.refresh_from_db()
    assert campaign.name == "Summer"


def test_what_a_number_may_not_be_is_said_at_its_field(marketer: User, client_of: Callable[[User], Client]) -> None:
    page = client_of(marketer)
    for address, typed, said in (
        ("/staff/campaigns/new/", {"audience_limit": 0}, "greater than or equal to 1"),
        ("/staff/campaigns/new/", {"budget": -1}, "greater than or equal to 0"),
        ("/staff/campaigns/offers/new/", {"cost": -1}, "greater than or equal to 0"),
    ):
        refused = page.post(address, typed)
        (field,) = typed
        assert refused.status_code == 422
        assert any(said in each for each in refused.context["form"].errors[field])
        assert "Constraint" not in refused.text


def test_the_list_tells_drafts_apart_by_what_is_to_be_done(
    plan: Plan, make_campaign: Callable[..., Campaign], manager: User, client_of: Callable[[User], Client],
    now: dt.datetime,
) -> None:  # fmt: skip
    make_campaign(name="Without a plan")
    client = client_of(manager)

    def row(name: str) -> str:
        return text_of(client.get("/staff/campaigns/")).partition(f"{name} ")[2][:20]

    assert row("Without a plan").startswith("Draft")
    assert row(plan.campaign.name).startswith("To review")
    review.approve_plan(plan=plan, by=manager, now=now)
    assert row(plan.campaign.name).startswith("Ready to start")


def test_emails_without_a_postal_address_are_told_of_before_the_approval(
    plan: Plan, marketer: User, client_of: Callable[[User], Client]
) -> None:
    week, client = f"/staff/campaigns/{plan.campaign.public_id}/", client_of(marketer)
    assert "The emails name no postal address" in text_of(client.get(week))
    Business.objects.update(address="12 Harbor Street, Brooklyn")
    cache.clear()
    assert "The emails name no postal address" not in text_of(client.get(week))


def test_the_question_before_the_approval_says_when_the_offers_cost_more_than_the_messages_add(
    plan: Plan, manager: User, client_of: Callable[[User], Client]
) -> None:
    said, url = (
        "On these numbers the offers cost more than the messages add.",
        f"/staff/campaigns/{plan.campaign.public_id}/",
    )

    def question() -> str:
        return client_of(manager).get(url, headers={"HX-Request": "true", "HX-Target": "approve"}).text

    for dearest, is_said in (("0", False), ("900000", True)):
        for step in plan.steps.all():
            step.evidence["most_it_can_cost"] = dearest
            step.save(update_fields=["evidence"])
        assert (said in question()) is is_said
    assert said in client_of(manager).get(url).text.partition("<dialog")[0]


def test_a_playbook_shows_what_it_brought_to_whoever_comes_to_it_from_a_step(
    running: Campaign, viewer: User, client_of: Callable[[User], Client], now: dt.datetime
) -> None:
    running.sends.update(status=Send.Status.SENT, sent_at=now, due_at=now - dt.timedelta(hours=1))
    cache.clear()  # it was counted before, for the plan
    step = running.sends.select_related("action__step__playbook").order_by("pk")[0].action.step
    url, client = f"/staff/campaigns/playbooks/{step.playbook_id}/", client_of(viewer)
    assert f'href="{url}"' in client.get(f"/staff/campaigns/steps/{step.public_id}/why/").text
    page = client.get(url)
    records, sends = page.context["records"], running.sends.filter(action__step__playbook=step.playbook)
    assert sum(record.messages for record in records) == sends.count() > 0
    main = page.text.partition("<main")[2]
    for record in records:
        for said in (record.told, record.group_name, record.channel_name, record.offer_name or "No offer"):
            assert said in main
    assert "<fieldset disabled>" in main
    assert ">Save</button>" not in main
    assert client.post(url, {"name": "Mine"}).status_code == 403


def test_the_form_of_a_playbook_speaks_plainly(marketer: User, client_of: Callable[[User], Client]) -> None:
    page = client_of(marketer).get("/staff/campaigns/playbooks/new/").text
    assert "Choose a group" in page
    assert "Words in {{ }} are filled in for each member" in page
    for jargon in ("---------", "Liquid"):
        assert jargon not in page


def test_home_tells_campaigns_that_run_from_those_that_are_paused(
    running: Campaign, manager: User, client_of: Callable[[User], Client], now: dt.datetime
) -> None:
    home = client_of(manager).get("/staff/").text
    assert "Running and paused" not in home
    pause_campaign(campaign=running, by=manager, now=now)
    page = client_of(manager).get("/staff/")
    assert (page.context["running_count"], page.context["paused_count"]) == (0, 1)
    assert "and 1 paused" in page.text
    assert "Running and paused campaigns" in page.text
    assert running.name in page.text


@pytest.fixture
def press(client_of: Callable[[User], Client]) -> Callable[..., int]:
    def post(who: User, path: str, **data: Any) -> int:
        return client_of(who).post(f"/staff/campaigns/{path}", data).status_code

    return post


def test_a_part_of_the_page_that_renews_itself_asks_for_that_part_alone(
    plan: Plan, manager: User, client_of: Callable[[User], Client]
) -> None:
    client, url = client_of(manager), f"/staff/campaigns/{plan.campaign.public_id}/"

    def asked_for(part: str) -> tuple[str, int]:
        with CaptureQueriesContext(connection) as queries:
            told = client.get(url, headers={"HX-Request": "true", "HX-Target": part}).text
        return told, len(queries)

    asked_for("plan")  # what is kept for ten minutes, is
    parts = {part: asked_for(part) for part in ("plan", "results", "standing", "")}
    assert 'id="standing"' in parts["standing"][0]
    assert 'id="plan"' not in parts["standing"][0]
    assert parts["standing"][1] < parts["results"][1] + 5 < parts["plan"][1] < parts[""][1]


def test_whoever_chooses_segments_sees_how_many_members_each_has(
    marketer: User, client_of: Callable[[User], Client], now: dt.datetime
) -> None:
    big = create_segment(name="Wine lovers", description="", rule={"all": []}, by=None, now=now)
    Segment.objects.filter(pk=big.pk).update(member_count=1_234)
    Segment.objects.create(name="Just thought of", rule={"all": []}, created_at=now, changed_at=now)
    page = client_of(marketer).get(reverse("campaigns:campaign-new")).content.decode()
    assert "Wine lovers, 1,234 members" in page
    assert "Just thought of, not counted yet" in page


def test_a_viewer_changes_nothing_about_campaigns(
    running: Campaign, plan: Plan, viewer: User, press: Callable[..., int], one_send: Send
) -> None:
    step = first_of(plan)
    paths = [f"{running.public_id}/{verb}/" for verb in ("plan", "edit", "start", "pause", "resume", "cancel")]
    paths += [f"plans/{plan.public_id}/{verb}/" for verb in ("approve", "withdraw", "cancel")]
    paths += [f"steps/{step.public_id}/{verb}" for verb in ("", "remove/", "test/", "send/")]
    paths += ["new/", "playbooks/new/", "offers/new/", f"playbooks/{step.playbook_id}/"]
    paths += [f"{running.public_id}/sends/{one_send.public_id}/settle/"]
    assert {path: press(viewer, path, subject="x") for path in paths} == dict.fromkeys(paths, 403)
    running.refresh_from_db()
    assert running.status == Campaign.Status.RUNNING


def test_a_viewer_sees_plans_with_their_reasons(plan: Plan, viewer: User, client_of: Callable[[User], Client]) -> None:
    client = client_of(viewer)
    campaign = client.get(f"/staff/campaigns/{plan.campaign.public_id}/").content.decode()
    step = first_of(plan)
    assert step.get_group_display() in campaign
    page = client.get(f"/staff/campaigns/steps/{step.public_id}/").content.decode()
    assert f"{step.get_group_display()}: " in page
    assert "Save</button>" not in page


def test_a_marketer_walks_from_the_plan_to_the_start(
    plan: Plan, marketer: User, press: Callable[..., int], client_of: Callable[[User], Client]
) -> None:
    assert press(marketer, f"plans/{plan.public_id}/approve/") == 302
    assert press(marketer, f"{plan.campaign.public_id}/start/") == 302
    plan.campaign.refresh_from_db()
    assert plan.campaign.status == Campaign.Status.RUNNING
    assert client_of(marketer).get(f"/staff/campaigns/{plan.campaign.public_id}/").status_code == 200


def test_the_page_says_when_messages_leave_and_what_was_not_sent(
    running: Campaign, marketer: User, manager: User, client_of: Callable[[User], Client], now: dt.datetime
) -> None:
    client, url = client_of(marketer), f"/staff/campaigns/{running.public_id}/"
    running.sends.update(due_at=now + dt.timedelta(days=2))
    assert f"Next: {running.sends.count()} messages on" in text_of(client.get(url))
    running.sends.update(status=Send.Status.SUPPRESSED, failure="No consent.")
    assert f"Not sent, and why No consent. {running.sends.count()}" in text_of(client.get(url))
    cancel_campaign(campaign=running, by=manager, now=now)
    assert f"Cancelled: 0 of {running.sends.count()} messages were sent" in text_of(client.get(url))


def test_what_was_expected_stands_beside_what_it_earned(
    make_campaign: Callable[..., Campaign], make_plan: Callable[[Campaign], Plan], regulars: list[Member],
    always_open: None, manager: User, client_of: Callable[[User], Client], now: dt.datetime,
) -> None:  # fmt: skip
    plan = make_plan(make_campaign(holdout_percent=50))
    review.approve_plan(plan=plan, by=manager, now=now)
    start_campaign(campaign=plan.campaign, by=manager, now=now)
    Send.objects.update(sent_at=now, due_at=now, status=Send.Status.SENT)
    page = text_of(client_of(manager).get(f"/staff/campaigns/{plan.campaign.public_id}/earned/"))
    assert "What was expected when it was approved Perhaps" in page
    assert "if as many take them up as usually click" in page


def test_outside_the_hours_the_page_says_so_and_who_can_change_them(
    running: Campaign, plan: Plan, marketer: User, client_of: Callable[[User], Client], now: dt.datetime
) -> None:
    client, hour = client_of(marketer), timezone.localtime(now).hour
    rule(send_from=0 if hour else 1, send_until=hour or 24)  # a window that is closed whenever this runs
    running.sends.update(due_at=now - dt.timedelta(minutes=1))
    page = text_of(client.get(f"/staff/campaigns/{running.public_id}/"))
    assert f"Outside the send window ({policy().hours}): next {running.sends.count()} messages" in page
    running.sends.update(due_at=now + dt.timedelta(days=3))
    step = f"/staff/campaigns/steps/{first_of(plan).public_id}/"
    assert "When a Manager or an Admin opens the window" in text_of(client.get(step))
    assert "Due now, but outside the send window" in text_of(client.post(f"{step}send/", follow=True))


def test_a_step_is_sent_ahead_of_its_day_and_the_trail_says_by_whom(
    running: Campaign, plan: Plan, marketer: User, client_of: Callable[[User], Client], now: dt.datetime
) -> None:
    running.sends.update(due_at=now + dt.timedelta(days=3))
    step, client = first_of(plan), client_of(marketer)
    url = f"/staff/campaigns/steps/{step.public_id}/"
    assert "Send this step now" in text_of(client.get(url))
    assert "Due now: " in text_of(client.post(f"{url}send/", follow=True))
    waiting = running.sends.filter(action__step=step)
    assert waiting.filter(due_at__lte=timezone.now()).count() == waiting.count()
    assert f"ahead of {date_format(step.day, 'l, F j')}" in text_of(client.get(url))
    assert LogEntry.objects.get_for_object(step).filter(actor=marketer, changes__has_key="messages_due_now").exists()


def test_a_step_says_why_it_leaves_at_its_hour(
    running: Campaign, plan: Plan, marketer: User, client_of: Callable[[User], Client], now: dt.datetime
) -> None:
    step, client = first_of(plan), client_of(marketer)
    url = f"/staff/campaigns/steps/{step.public_id}/"
    usual = step.evidence | {"usual_hour": 18}
    PlanStep.objects.filter(pk=step.pk).update(timing="LOCAL", send_at=dt.time(17), evidence=usual)
    assert "clock, an hour before the one at which these members shop most." in text_of(client.get(f"{url}hours/"))
    PlanStep.objects.filter(pk=step.pk).update(send_at=dt.time(13))
    assert "At 1:00 p.m. by each member's own clock." in text_of(client.get(f"{url}hours/"))
    client.post(f"{url}send/")
    assert "Sent ahead of its time, so all at one moment" in text_of(client.get(f"{url}hours/"))


def test_a_doubt_is_settled_in_words_that_say_what_happened(
    running: Campaign, one_send: Send, marketer: User, client_of: Callable[[User], Client], now: dt.datetime
) -> None:
    client = client_of(marketer)
    url = f"/staff/campaigns/{running.public_id}/sends/{one_send.public_id}/settle/"
    Send.objects.filter(pk=one_send.pk).update(status=Send.Status.UNKNOWN)
    cancel_campaign(campaign=running, by=marketer, now=now)
    page = client.get(f"/staff/campaigns/{running.public_id}/sends/{one_send.public_id}/").content.decode()
    assert "It did not leave</button>" in page
    assert "Send again</button>" not in page
    assert client.post(url, {"answer": "perhaps"}).status_code == 400
    refused = client.post(url, {"answer": "send_again"}, headers={"referer": "http://testserver/staff/"}, follow=True)
    assert "is over and sends nothing" in text_of(refused)
    assert "is not sent again" in text_of(client.post(url, {"answer": "not_sent"}, follow=True))


def test_a_plan_that_stops_its_worker_each_time_is_given_up_and_can_be_asked_for_again(
    campaign: Campaign, regulars: list[Member], marketer: User, client_of: Callable[[User], Client], now: dt.datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    class Killed(BaseException):
        pass

    def die() -> None:
        raise Killed

    plan = planning.request_plan(campaign=campaign, by=marketer, now=now)
    with monkeypatch.context() as patch:
        patch.setattr(planning, "language_model", die)
        for attempt in range(planning.MOST_ATTEMPTS):
            with pytest.raises(Killed):
                planning.make_plan(plan.pk, now=now + attempt * dt.timedelta(hours=1))
    later = now + dt.timedelta(hours=9)
    assert not planning.make_plan(plan.pk, now=later)
    plan.refresh_from_db()
    assert (plan.status, plan.attempts) == (Plan.Status.FAILED, 3)
    assert not plans_to_make(later)
    page = text_of(client_of(marketer).get(f"/staff/campaigns/{campaign.public_id}/"))
    assert "Its worker stopped 3 times" in page
    assert "Try again" in page
    again = planning.request_plan(campaign=campaign, by=marketer, now=later)
    assert planning.make_plan(again.pk, now=later)


def test_a_step_without_an_offer_says_that_the_budget_does_not_carry_one(
    make_campaign: Callable[..., Campaign], make_plan: Callable[[Campaign], Plan], regulars: list[Member],
    marketer: User, client_of: Callable[[User], Client], now: dt.datetime,
) -> None:  # fmt: skip
    plan = make_plan(make_campaign(budget=Decimal(1)), now=now)
    assert plan.status == Plan.Status.READY, plan.error
    page = text_of(client_of(marketer).get(f"/staff/campaigns/{plan.campaign.public_id}/"))
    assert "No offer The budget does not carry one for everybody here." in page


def text_of(response: Any) -> str:
    """What a page says, without its markup."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def test_a_refused_edit_keeps_what_was_typed_and_says_what_to_change(
    plan: Plan, marketer: User, client_of: Callable[[User], Client]
) -> None:
    step = first_of(plan)
    typed = {
        "day": step.day, "timing": "LOCAL", "send_at": "18:00", "offer": "", "subject": "Hi {{ member.shoe_size }}",
        "body": "A\r\nB",
    }  # fmt: skip
    url = f"/staff/campaigns/steps/{step.public_id}/"
    response = client_of(marketer).post(url, typed)
    assert response.status_code == 422
    page = response.content.decode()
    assert "{{ member.shoe_size }} is not known" in page
    assert 'value="Hi {{ member.shoe_size }}"' in page

    client = client_of(marketer)
    assert client.post(url, typed | {"subject": "Hi {{ member.first_name }}"}).status_code == 302
    step.refresh_from_db()
    assert (step.subject, step.body, step.timing) == ("Hi {{ member.first_name }}", "A\nB", "LOCAL")


def test_an_edit_that_comes_after_the_approval_is_refused_on_the_page(
    plan: Plan, marketer: User, manager: User, client_of: Callable[[User], Client], now: dt.datetime
) -> None:
    step = first_of(plan)
    review.approve_plan(plan=plan, by=manager, now=now)
    typed = {"day": step.day, "send_at": "18:00", "offer": "", "subject": "Hi", "body": "Hello"}
    response = client_of(marketer).post(f"/staff/campaigns/steps/{step.public_id}/", typed)
    assert response.status_code == 422
    step.refresh_from_db()
    assert step.subject != "Hi"


def test_the_evidence_page_shows_what_was_asked_and_answered(
    plan: Plan, viewer: User, client_of: Callable[[User], Client]
) -> None:
    page = client_of(viewer).get(f"/staff/campaigns/plans/{plan.public_id}/evidence/")
    assert page.status_code == 200
    assert "Plan the week, attempt 1, by Built-in rules" in page.content.decode()
