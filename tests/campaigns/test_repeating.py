"""Campaigns that repeat: next week is drafted by itself, once, and waits for a person."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from campaigns.actions import planning, repeating, review
from campaigns.actions.campaigns import CannotChange, cancel_campaign
from campaigns.actions.notices import email_notices
from campaigns.models import Campaign, Notice, Plan
from campaigns.queries.campaigns import next_week_of, unread_notices
from campaigns.queries.plans import plans_to_make
from campaigns.rules.weeks import LEAD, is_time, next_week
from loyalty.models import Member, User
from tests.campaigns.world import rule
from tests.post_office import PostOffice

MONDAY, WEDNESDAY = 0, 2


@pytest.fixture
def weekly(regulars: list[Member], make_campaign: Callable[..., Campaign]) -> Campaign:
    """From Sunday 29 March 2026 to the Saturday after it, and each Monday again."""
    return make_campaign(repeats_on=MONDAY, holdout_percent=20, follows_goal=True, ends_on=dt.date(2026, 4, 4))


@pytest.fixture
def approved(weekly: Campaign, make_plan: Callable[[Campaign], Plan], manager: User, now: dt.datetime) -> Campaign:
    review.approve_plan(plan=make_plan(weekly), by=manager, now=now)
    return weekly


def on(day: dt.date, now: dt.datetime) -> dt.datetime:
    return dt.datetime.combine(day, now.time(), now.tzinfo)


def test_next_week_is_drafted_planned_and_told_of_and_nothing_of_it_is_approved(
    approved: Campaign, now: dt.datetime, marketer: User, post_office: PostOffice
) -> None:
    rule(send_from=0, send_until=24)
    friday = on(dt.date(2026, 4, 3), now)
    assert repeating.draft_weeks(now=on(dt.date(2026, 4, 2), now)) == 0
    assert repeating.draft_weeks(now=friday) == 1
    week = approved.weeks.get()
    assert (week.name, week.goal, week.owner) == ("Spring, Apr 6", approved.goal, approved.owner)
    assert (week.starts_on, week.ends_on) == (dt.date(2026, 4, 6), dt.date(2026, 4, 12))
    assert (week.budget, week.audience_limit) == (approved.budget, approved.audience_limit)
    assert week.holdout_percent == approved.holdout_percent == 20
    assert week.follows_goal
    assert approved.follows_goal
    assert list(week.segments.all()) == list(approved.segments.all())

    (plan,) = plans_to_make(friday)
    assert planning.make_plan(plan.pk, now=friday)
    plan.refresh_from_db()
    assert (plan.campaign, plan.status) == (week, Plan.Status.READY)
    assert week.status == Campaign.Status.DRAFT
    assert not week.sends.exists()
    notice = Notice.objects.get(campaign=week)
    assert (notice.kind, notice.user) == (Notice.Kind.PLAN_WAITS, marketer)
    assert email_notices(now=friday)
    (letter,) = post_office.letters()
    assert f"/staff/campaigns/{week.public_id}/" in letter.get_payload()


def test_where_it_takes_a_second_person_those_who_may_be_that_are_asked(
    approved: Campaign, now: dt.datetime, marketer: User, manager: User, admin: User, viewer: User
) -> None:
    rule(needs_second_person=True, send_from=0, send_until=24)
    friday = on(dt.date(2026, 4, 3), now)
    repeating.draft_weeks(now=friday)
    (plan,) = plans_to_make(friday)
    assert planning.make_plan(plan.pk, now=friday)
    asked = Notice.objects.filter(campaign=plan.campaign, kind=Notice.Kind.PLAN_WAITS)
    assert set(asked.values_list("user", flat=True)) == {manager.pk, admin.pk}
    review.approve_plan(plan=plan, by=manager, now=friday)
    assert not unread_notices(admin)


def test_one_week_is_drafted_once_however_often_beat_asks(approved: Campaign, now: dt.datetime) -> None:
    friday = on(dt.date(2026, 4, 3), now)
    assert [repeating.draft_weeks(now=friday + dt.timedelta(hours=hour)) for hour in (0, 1, 20)] == [1, 0, 0]
    week = approved.weeks.get()
    with pytest.raises(IntegrityError, match="one_draft_per_series_and_week"), transaction.atomic():
        Campaign.objects.create(
            name="Again", goal="x", series=approved, starts_on=week.starts_on, ends_on=week.ends_on,
            owner=approved.owner, created_at=now,
        )  # fmt: skip


def test_while_the_last_draft_waits_no_other_is_made_and_that_is_said_once(
    weekly: Campaign, make_plan: Callable[[Campaign], Plan], now: dt.datetime
) -> None:
    make_plan(weekly)
    for hours in (0, 1, 24):
        assert repeating.draft_weeks(now=on(dt.date(2026, 4, 3), now) + dt.timedelta(hours=hours)) == 0
    notice = Notice.objects.get()
    assert (
        notice.text
        == "Spring still waits for approval, so the week of April 6 is not drafted. Approve it or cancel it."
    )
    assert not weekly.weeks.exists()


def test_the_week_after_the_next_follows_when_that_one_was_approved_or_cancelled(
    approved: Campaign, manager: User, now: dt.datetime
) -> None:
    assert repeating.draft_weeks(now=on(dt.date(2026, 4, 3), now)) == 1
    assert repeating.draft_weeks(now=on(dt.date(2026, 4, 10), now)) == 0
    cancel_campaign(campaign=approved.weeks.get(), by=manager, now=now)
    assert repeating.draft_weeks(now=on(dt.date(2026, 4, 10), now)) == 1
    assert {week.starts_on for week in approved.weeks.all()} == {dt.date(2026, 4, 6), dt.date(2026, 4, 13)}


def test_no_week_begins_before_the_latest_is_over(approved: Campaign, now: dt.datetime) -> None:
    """On Tuesday the week that ends on Saturday has begun: the next Wednesday lies within it."""
    repeating.set_repeat(campaign=approved, weekday=WEDNESDAY)
    assert repeating.draft_weeks(now=on(dt.date(2026, 3, 31), now)) == 0
    assert repeating.draft_weeks(now=on(dt.date(2026, 4, 5), now)) == 1
    week = approved.weeks.get()
    assert (week.starts_on, week.ends_on) == (dt.date(2026, 4, 8), dt.date(2026, 4, 14))


@pytest.mark.parametrize("is_approved", [True, False])
def test_nobody_is_told_any_more_that_a_week_waits_once_it_is_approved_or_cancelled(
    approved: Campaign, manager: User, marketer: User, now: dt.datetime, is_approved: bool
) -> None:
    friday = on(dt.date(2026, 4, 3), now)
    repeating.draft_weeks(now=friday)
    (plan,) = plans_to_make(friday)
    planning.make_plan(plan.pk, now=friday)
    assert [notice.kind for notice in unread_notices(marketer)] == [Notice.Kind.PLAN_WAITS]
    plan.refresh_from_db()
    if is_approved:
        review.approve_plan(plan=plan, by=manager, now=friday)
    else:
        cancel_campaign(campaign=plan.campaign, by=manager, now=friday)
    assert not unread_notices(marketer)


def test_what_stopped_repeating_or_was_cancelled_drafts_nothing(
    approved: Campaign, manager: User, now: dt.datetime
) -> None:
    repeating.set_repeat(campaign=approved, weekday=None)
    assert repeating.draft_weeks(now=on(dt.date(2026, 4, 3), now)) == 0
    repeating.set_repeat(campaign=approved, weekday=MONDAY)
    cancel_campaign(campaign=approved, by=manager, now=now)
    assert repeating.draft_weeks(now=on(dt.date(2026, 4, 3), now)) == 0


def test_a_week_that_cannot_be_planned_is_told_with_the_reason(approved: Campaign, now: dt.datetime) -> None:
    from campaigns.models import Playbook

    friday = on(dt.date(2026, 4, 3), now)
    Playbook.objects.update(is_active=False)
    assert repeating.draft_weeks(now=friday) == 1
    (plan,) = plans_to_make(friday)
    planning.make_plan(plan.pk, now=friday)
    notice = Notice.objects.get()
    assert notice.kind == Notice.Kind.PLAN_FAILED
    assert "No playbook is in use" in notice.text


def test_a_week_of_a_series_does_not_repeat_itself(approved: Campaign, now: dt.datetime) -> None:
    repeating.draft_weeks(now=on(dt.date(2026, 4, 3), now))
    with pytest.raises(CannotChange, match="Change that one"):
        repeating.set_repeat(campaign=approved.weeks.get(), weekday=3)


@given(st.dates(dt.date(2020, 1, 1), dt.date(2040, 1, 1)), st.integers(0, 6), st.integers(-400, 60))
def test_the_next_week_begins_within_seven_days_on_its_weekday(today: dt.date, weekday: int, offset: int) -> None:
    after = today + dt.timedelta(days=offset)
    first = next_week(today, weekday, after=after)
    assert first.weekday() == weekday
    assert dt.timedelta(0) < first - max(today, after) <= dt.timedelta(days=7)
    assert is_time(first - dt.timedelta(days=LEAD), first)
    assert not is_time(first - dt.timedelta(days=LEAD + 1), first)


def test_the_page_says_that_a_campaign_repeats_and_ends_it(
    weekly: Campaign, marketer: User, client_of: Callable[[User], Any]
) -> None:
    client, url = client_of(marketer), f"/staff/campaigns/{weekly.public_id}/"
    assert "Repeats each week from Monday" in client.get(url).text
    assert client.post(f"{url}repeat/end/").status_code == 302
    assert "Repeats each week from" not in client.get(url).text


def test_it_is_said_on_which_day_the_next_week_is_drafted_and_what_it_waits_for(
    weekly: Campaign, manager: User, now: dt.datetime, make_plan: Callable[[Campaign], Plan]
) -> None:
    week = next_week_of(weekly, dt.date(2026, 3, 30))
    assert week
    assert (week.first, week.drafted_on, week.is_time) == (dt.date(2026, 4, 6), dt.date(2026, 4, 3), False)
    assert (week.latest, week.latest_waits) == (weekly, True)
    review.approve_plan(plan=make_plan(weekly), by=manager, now=now)
    assert repeating.draft_weeks(now=on(week.drafted_on, now)) == 1
    later = next_week_of(weekly, week.drafted_on)
    assert later
    assert (later.first, later.latest, later.latest_waits) == (dt.date(2026, 4, 13), weekly.weeks.get(), True)
    cancel_campaign(campaign=weekly, by=manager, now=now)
    weekly.refresh_from_db()
    assert next_week_of(weekly, week.drafted_on) is None


def test_the_page_of_a_campaign_that_repeats_names_the_day_of_the_next_draft(
    make_campaign: Callable[..., Campaign], regulars: list[Member], marketer: User, client_of: Callable[[User], Any]
) -> None:
    last = timezone.localdate() + dt.timedelta(days=20)
    campaign = make_campaign(repeats_on=last.weekday(), ends_on=last)
    first, drafted = last + dt.timedelta(days=7), last + dt.timedelta(days=4)
    page = client_of(marketer).get(f"/staff/campaigns/{campaign.public_id}/").text
    assert f"The week from {first:%A, %B} {first.day}, is drafted on {drafted:%A, %B} {drafted.day}" in page
    assert "once this one is approved or cancelled" in page
