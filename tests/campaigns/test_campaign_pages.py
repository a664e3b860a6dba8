"""Campaigns through their pages. Pages ask the clock, so these tests live today."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from campaigns.actions import planning, review
from campaigns.models import Campaign, Plan, Send
from campaigns.queries.plans import plans_to_make
from loyalty.models import Member, User
from tests.campaigns.world import first_of


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


@pytest.fixture
def press(client_of: Callable[[User], Client]) -> Callable[..., int]:
    def post(who: User, path: str, **data: Any) -> int:
        return client_of(who).post(f"/staff/campaigns/{path}", data).status_code

    return post


def test_a_viewer_changes_nothing_about_campaigns(
    running: Campaign, plan: Plan, viewer: User, press: Callable[..., int], one_send: Send
) -> None:
    step = first_of(plan)
    paths = [f"{running.public_id}/{verb}/" for verb in ("plan", "edit", "start", "pause", "resume", "cancel")]
    paths += [f"plans/{plan.public_id}/{verb}/" for verb in ("approve", "withdraw", "cancel")]
    paths += [f"steps/{step.public_id}/{verb}" for verb in ("", "remove/", "test/")]
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


def test_a_refused_edit_keeps_what_was_typed_and_says_what_to_change(
    plan: Plan, marketer: User, client_of: Callable[[User], Client]
) -> None:
    step = first_of(plan)
    typed = {"day": step.day, "send_at": "18:00", "offer": "", "subject": "Hi {{ member.shoe_size }}", "body": "A\r\nB"}
    url = f"/staff/campaigns/steps/{step.public_id}/"
    response = client_of(marketer).post(url, typed)
    assert response.status_code == 422
    page = response.content.decode()
    assert "{{ member.shoe_size }} is not known" in page
    assert 'value="Hi {{ member.shoe_size }}"' in page

    client = client_of(marketer)
    assert client.post(url, typed | {"subject": "Hi {{ member.first_name }}"}).status_code == 302
    step.refresh_from_db()
    assert (step.subject, step.body) == ("Hi {{ member.first_name }}", "A\nB")


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
    assert "Answer 1, Built-in rules" in page.content.decode()
