"""Some of an audience get nothing, so that the others can be compared with them."""

import datetime as dt
from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test import Client

from campaigns.actions import review
from campaigns.ai import audience
from campaigns.models import Action, Campaign, Candidate, Plan
from campaigns.queries.lots import LOT
from campaigns.queries.planned_comparison import planned_comparison
from campaigns.queries.plans import week_of
from campaigns.rules.assignment import LOTS, is_held_out_of, lot
from campaigns.sending import assignment, recipients
from campaigns.sending.assignment import HELD_OUT
from loyalty.models import Forecast, Member, Order, User


@pytest.fixture
def held_out_plan(
    regulars: list[Member], make_campaign: Callable[..., Campaign], make_plan: Callable[[Campaign], Plan]
) -> Plan:
    plan = make_plan(make_campaign(holdout_percent=40))
    assert plan.status == Plan.Status.READY, plan.error
    return plan


def held(plan: Plan) -> set[UUID]:
    return set(plan.candidates.filter(is_held_out=True).values_list("member__public_id", flat=True))


def test_who_is_held_out_is_drawn_alike_in_the_database_and_in_python(held_out_plan: Plan):
    campaign, everybody = held_out_plan.campaign, set(Member.objects.values_list("public_id", flat=True))
    assert held(held_out_plan) == {each for each in everybody if is_held_out_of(campaign.public_id, each, 40)}
    assert 0 < len(held(held_out_plan)) < len(everybody)


@pytest.mark.django_db
def test_lots_are_even_and_the_same_in_sql():
    draw, members = uuid4(), [uuid4() for _ in range(2_000)]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {LOT.format(draw='%s')} "
            "FROM unnest(%s::uuid[]) WITH ORDINALITY member (public_id, nth) ORDER BY nth",
            [str(draw), members],
        )
        assert [row[0] for row in cursor.fetchall()] == [lot(draw, member) for member in members]
    assert 820 < sum(lot(draw, member) < LOTS // 2 for member in members) < 1_180


def test_other_campaigns_hold_out_others():
    members = [uuid4() for _ in range(2_000)]
    first, second = ({each for each in members if is_held_out_of(uuid, each, 50)} for uuid in (uuid4(), uuid4()))
    assert 400 < len(first & second) < 600


def test_nobody_who_is_held_out_gets_anything_by_any_channel(held_out_plan: Plan, manager: User, now: dt.datetime):
    step = held_out_plan.steps.all()[0]
    reached = set(recipients.audience_of(step, now=now).values_list("public_id", flat=True))
    assert not reached & held(held_out_plan)
    review.approve_plan(plan=held_out_plan, by=manager, now=now)
    acted = set(Action.objects.values_list("member__public_id", flat=True))
    assert acted
    assert not acted & held(held_out_plan)
    assert Candidate.objects.filter(plan=held_out_plan).count() == 20  # they stay, to be compared


def test_the_plan_says_how_many_are_held_out_and_reaches_for_the_others_only(held_out_plan: Plan):
    count = len(held(held_out_plan))
    assert held_out_plan.excluded[assignment.HELD_OUT] == count
    assert held_out_plan.audience_size == 20 - count
    reached = {view.step.group: view.step.evidence["reached"] for day in week_of(held_out_plan) for view in day.steps}
    others = held_out_plan.candidates.filter(is_held_out=False)
    assert all(reached[group] == others.filter(group=group).count() for group in reached)


def test_before_the_approval_the_plan_says_what_its_holdout_will_show(
    held_out_plan: Plan, client_of: Callable[[User], Client], marketer: User, now: dt.datetime
):
    groups = {step.group for step in held_out_plan.steps.all()}
    planned = planned_comparison(held_out_plan, groups, counted_days=7, now=now)
    meant = held_out_plan.candidates.filter(group__in=groups)
    recent = Order.objects.filter(ordered_at__gt=now - dt.timedelta(days=14))
    assert planned.days == 14
    assert (planned.held_out, planned.treated) == tuple(meant.filter(is_held_out=is_held).count() for is_held in (1, 0))
    assert planned.bought.hits == meant.filter(member__in=recent.values("member")).count()
    all_bought_once = planned_comparison(held_out_plan, groups, counted_days=360, now=now).bought
    assert all_bought_once.hits == meant.count() > 0
    page = client_of(marketer).get(f"/staff/campaigns/{held_out_plan.campaign.public_id}/").text
    assert f"{planned.held_out} of {meant.count()} are held out" in page


def test_who_stays_away_by_the_rule_of_their_group_is_taken_to_come_back_as_forecast(
    held_out_plan: Plan, now: dt.datetime
):
    groups = {step.group for step in held_out_plan.steps.all()}
    for candidate in held_out_plan.candidates.all():
        Forecast.objects.create(
            member=candidate.member, p_alive=1, p_return=0.75, expected_orders=1, expected_value=10, churn_risk="low"
        )
    planned = planned_comparison(held_out_plan, groups, counted_days=45 - 7, now=now)
    assert planned.days == 45
    assert planned.bought.hits == round(planned.bought.n * (1 - 0.25**0.5))  # half the days: an even chance on each


def test_once_a_group_is_left_out_its_members_held_out_compare_with_nobody(
    held_out_plan: Plan, marketer: User, now: dt.datetime
):
    def compared() -> int:
        return audience.left_out_of(held_out_plan, audience.hearing(held_out_plan, ["email"], now=now))[HELD_OUT]

    before = compared()
    groups = Counter(held_out_plan.candidates.filter(is_held_out=True).values_list("group", flat=True))
    written_to = set(held_out_plan.steps.values_list("group", flat=True))
    largest, members = max((each for each in groups.items() if each[0] in written_to), key=lambda each: each[1])
    for step in held_out_plan.steps.filter(group=largest):
        review.remove_step(step=step, by=marketer, now=now)
    assert before == sum(members for group, members in groups.items() if group in written_to)
    assert compared() == before - members


def test_the_numbers_of_a_group_are_of_those_who_may_hear(held_out_plan: Plan):
    told = {group["group"]: group["members"] for group in held_out_plan.facts["groups"]}
    heard = held_out_plan.candidates.filter(is_held_out=False).values_list("group", flat=True)
    assert told == Counter(heard)


def test_a_campaign_that_holds_out_nobody_writes_to_all(plan: Plan):
    assert not held(plan)
    assert assignment.HELD_OUT not in plan.excluded


def test_an_audience_that_is_held_out_whole_is_told_of(
    shop: Any, make_campaign: Callable[..., Campaign], make_plan: Callable[[Campaign], Plan], now: dt.datetime
):
    member = shop.join("Ada")
    shop.sell((member, 3, "20.00"))
    shop.score()
    campaign = make_campaign(holdout_percent=50)
    while not is_held_out_of(campaign.public_id, member.public_id, 50):
        campaign = make_campaign(holdout_percent=50)
    assert "held out" in make_plan(campaign).error


def test_a_new_campaign_holds_out_a_tenth_unless_somebody_says_otherwise(client_of: Any, marketer: User):
    page = client_of(marketer).get("/staff/campaigns/new/").content.decode()
    assert 'name="holdout_percent" value="10"' in page
