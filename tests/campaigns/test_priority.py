"""Whom to write to first: what a message is expected to bring, and the words that say so."""

import csv
import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from campaigns.actions import review
from campaigns.actions.campaigns import start_campaign
from campaigns.ai import ranking
from campaigns.models import Campaign, Candidate, Plan, SendingRate
from campaigns.queries.estimates import Estimate, estimate_of, expected_of, worth_of_one_message
from campaigns.queries.factors import factors_by_group, promised
from campaigns.rules import priority
from campaigns.rules.priority import Factor
from campaigns.rules.worth import Worth, take_up, worth_of
from config.shared.tags import roughly
from loyalty.actions.members import set_consent
from loyalty.models import Forecast, Member, User
from loyalty.queries.segments import members_matching
from tests.campaigns.test_campaign_pages import text_of
from tests.campaigns.world import Shop, first_of, rule, send_all
from tests.post_office import PostOffice

MakePlan = Callable[[Campaign], Plan]


def net_of(member: Member, *, factor: float = 1) -> float:
    """The rule in the plainest words, for members without a forecast, of whom nothing lapsed and who heard nothing."""
    stats, score = member.stats, member.score
    alive = priority.ALIVE_BY_RECENCY[score.recency - 1]
    visits = 1.0
    if stats.orders > 1:
        pause = (stats.last_ordered_at - stats.first_ordered_at).total_seconds() / 86400 / (stats.orders - 1)
        visits = min(90 / max(pause, 1), 30)
    value = alive * float(stats.spent) / stats.orders * visits
    return factor * value * (priority.USUAL + priority.AT_RISK * (1 - alive))


def in_order(plan: Plan) -> list[Candidate]:
    return list(plan.candidates.select_related("member").order_by("rank"))


def test_the_best_by_what_a_message_brings_are_taken_up_to_the_limit(
    regulars: list[Member], make_campaign: Callable[..., Campaign], make_plan: MakePlan
) -> None:
    plan = make_plan(make_campaign(audience_limit=7))
    best = sorted(Member.objects.select_related("score", "stats"), key=lambda member: (-net_of(member), member.pk))[:7]
    taken = in_order(plan)
    assert [candidate.member for candidate in taken] == best
    assert [candidate.rank for candidate in taken] == list(range(1, 8))
    assert [float(candidate.value) for candidate in taken] == [pytest.approx(net_of(each), abs=0.006) for each in best]
    assert plan.excluded["Ranked below the limit"] == 13
    assert taken[3].priority == 50  # the middle of seven


def test_a_forecast_takes_the_place_of_the_rule_of_thumb(
    regulars: list[Member], make_campaign: Callable[..., Campaign], make_plan: MakePlan
) -> None:
    forgotten, safe = regulars[19], regulars[0]
    told = {"p_return": 0.5, "expected_orders": 3, "churn_risk": "medium"}
    Forecast.objects.create(member=forgotten, p_alive=0.5, expected_value=100_000, **told)
    Forecast.objects.create(member=safe, p_alive=1, expected_value=100_000, **told)
    first, second = in_order(make_plan(make_campaign(audience_limit=2)))
    assert [first.member, second.member] == [forgotten, safe]
    assert first.parts["at_risk"] == pytest.approx(100_000 * priority.AT_RISK * 0.5)
    assert second.parts["at_risk"] == 0
    assert second.value == Decimal("3000.00")


def test_a_category_that_lapsed_counts_and_is_named(
    shop: Shop, regulars: list[Member], campaign: Campaign, make_plan: MakePlan
) -> None:
    beer_once = regulars[10]
    shop.sell(*((beer_once, days, "20.00") for days in (200, 215, 230)), category="BEER")
    shop.sell((regulars[11], 3, "20.00"), (regulars[11], 6, "20.00"), (regulars[11], 9, "20.00"), category="BEER")
    shop.score()
    candidates = {candidate.member: candidate for candidate in in_order(make_plan(campaign))}
    parts = candidates[beer_once].parts
    beer_once.refresh_from_db()
    still_comes = priority.ALIVE_BY_RECENCY[beer_once.score.recency - 1]
    lapsed = priority.LAPSED * still_comes * 60 * 90 / 365
    assert (parts["category"], parts["lapsed"]) == ("BEER", pytest.approx(lapsed, abs=0.001))
    assert candidates[regulars[11]].parts.get("category") != "BEER"
    said = priority.told(candidates[beer_once].priority, candidates[beer_once].why)
    assert "beer lapsed" in said


def test_who_was_written_to_lately_and_did_not_answer_is_worth_less_for_a_while(
    running: Campaign, post_office: PostOffice, make_campaign: Callable[..., Campaign], make_plan: MakePlan,
    now: dt.datetime, at_the_end: dt.datetime,
) -> None:  # fmt: skip
    send_all(at_the_end)
    sent = running.sends.order_by("due_at").first()
    assert sent
    assert sent.status == "SENT"
    later = now + dt.timedelta(days=9)
    dates = {"starts_on": later.date(), "ends_on": later.date() + dt.timedelta(days=6)}
    again = make_plan(make_campaign(name="Again", **dates), now=later)  # type: ignore[call-arg]
    heard = {candidate.member_id: candidate for candidate in in_order(again)}[sent.member_id]
    before = Candidate.objects.get(plan__campaign=running, member=sent.member)
    assert heard.parts["heard"] < 0
    assert heard.value < before.value
    assert "heard" not in before.parts


def test_texts_are_planned_as_far_as_they_pay_and_the_budget_pays_for_them(
    shop: Shop, regulars: list[Member], make_campaign: Callable[..., Campaign], make_plan: MakePlan, now: dt.datetime,
    settings: Any,
) -> None:  # fmt: skip
    settings.CHANNELS = {"email": "tests.campaigns.world.Outlet", "sms": "tests.campaigns.world.Outlet"}
    by_text = regulars[:6]
    for number, member in enumerate(by_text):
        shop.allow(member, is_granted=False)
        Member.objects.filter(pk=member.pk).update(phone=f"+1212555010{number}")
        words = {"wording": "Yes, text me.", "source": "till"}
        set_consent(member=member, channel="sms", is_granted=True, now=now, **words)

    def planned(**wishes: Any) -> tuple[set[Member], dict[str, int]]:
        plan = make_plan(make_campaign(name=str(wishes), **wishes))
        return {candidate.member for candidate in in_order(plan)}, plan.excluded

    rule(sms_price=Decimal("0.0100"))
    assert planned(budget=None)[0] >= set(by_text)
    rule(sms_price=Decimal("0.5000"))
    kept, why = planned(budget=Decimal(1))
    assert len(kept & set(by_text)) == 2
    assert why["Beyond the budget"] == 4
    rule(sms_price=Decimal(500))
    kept, why = planned(budget=None)
    assert not kept & set(by_text)
    assert why["A text would cost more than it brings"] == 6


def test_a_channel_takes_no_more_than_its_provider_carries(
    shop: Shop, regulars: list[Member], make_campaign: Callable[..., Campaign], make_plan: MakePlan, now: dt.datetime,
    outlet: Any,
) -> None:  # fmt: skip
    shop.sell(*((shop.join(f"Newcomer {place}"), 2, "5.00") for place in range(20)))
    shop.score()
    rule(send_from=9, send_until=10)
    SendingRate.objects.create(provider="tests", per_second=Decimal("0.01"))
    tomorrow = now.date() + dt.timedelta(days=1)
    plan = make_plan(make_campaign(budget=None, starts_on=tomorrow, ends_on=tomorrow))
    assert plan.audience_size == 36  # one hour of 3,600 seconds
    assert plan.excluded["More than Email carries"] == 4
    assert plan.candidates.filter(member__in=regulars[:4]).count() == 4  # the least of them wait


def test_what_holdouts_measured_moves_a_group_up_or_down(
    regulars: list[Member], campaign: Campaign, make_plan: MakePlan, marketer: User, now: dt.datetime
) -> None:
    plan = make_plan(campaign)
    worst = in_order(plan)[-1]
    target = members_matching({"all": []}, now=now)
    plan.candidates.all().delete()
    tried = {worst.group: Factor(mean=3, spread=0.1)}
    ranking.rank(plan, target, ("email",), factors=tried, days=7, now=now)
    again = plan.candidates.get(member=worst.member)
    assert float(again.value) == pytest.approx(3 * net_of(Member.objects.get(pk=worst.member_id)), abs=0.006)


# --- In words -----------------------------------------------------------------------------------------------------


def test_points_are_said_with_the_parts_they_are_made_of() -> None:
    money = {"usual": 4.0, "at_risk": 2.0, "lapsed": 1.2}
    parts = priority.parts_of(72, money, category="Wine")
    assert priority.told(72, parts) == "72 = usual purchases 40 + at risk 20 + wine lapsed 12"
    tired = priority.parts_of(60, {"usual": 8.0, "heard": -2.0})
    assert priority.told(60, tired) == "60 = usual purchases 80 - written to lately 20"
    assert priority.told(0, priority.parts_of(0, {"usual": 0.0})) == "0"


@given(
    points=st.integers(0, 100),
    gains=st.lists(st.floats(0, 1e6), min_size=3, max_size=3),
    losses=st.lists(st.floats(-1e3, 0), min_size=2, max_size=2),
)
def test_the_parts_always_add_up_to_the_points(points: int, gains: list[float], losses: list[float]) -> None:
    names = ("usual", "at_risk", "lapsed", "heard", "price")
    money = dict(zip(names, gains + losses, strict=True))
    parts = priority.parts_of(points, money)
    assert sum(part.points for part in parts) == points or sum(money.values()) <= 0


def test_a_measurement_moves_the_assumption_as_far_as_it_is_sure() -> None:
    vague = priority.calibrated(expected=1.0, measured=3.0, error=5.0)
    sure = priority.calibrated(expected=1.0, measured=3.0, error=0.05)
    assert 1 < vague.mean < 1.05
    assert sure.mean == pytest.approx(2.98, abs=0.01)
    assert sure.spread < vague.spread < priority.PRIOR_SPREAD
    assert priority.calibrated(expected=1.0, measured=-4.0, error=0.1).mean == priority.LEAST_FACTOR > 0  # still tried
    assert priority.calibrated(expected=0.0, measured=1.0, error=0.1) == priority.ASSUMED
    low, high = priority.ASSUMED.interval
    assert (round(low, 2), round(high, 2)) == (0.02, 1.98)


def test_a_plan_of_everybody_is_approved_and_sent_as_before(
    plan: Plan, always_open: None, manager: User, post_office: PostOffice, now: dt.datetime, at_the_end: dt.datetime
) -> None:
    review.approve_plan(plan=plan, by=manager, now=now)
    start_campaign(campaign=plan.campaign, by=manager, now=now)
    send_all(at_the_end)
    assert plan.campaign.sends.filter(status="SENT").count() == plan.campaign.sends.count() > 0


def test_what_was_promised_is_revenue_as_what_was_measured_is(plan: Plan, manager: User, now: dt.datetime) -> None:
    """A text for 8 cents that brings 12 is expected to add 4, and is measured at 12."""
    review.approve_plan(plan=plan, by=manager, now=now)
    plan.candidates.update(value=Decimal("0.16"), parts={"usual": 0.24, "price": -0.08, "factor": 2.0})
    assert plan.steps.filter(group="champions").count() == 1
    assert promised([plan.campaign_id])[plan.campaign_id, "champions"] == pytest.approx(0.12)


# --- What a week is worth -----------------------------------------------------------------------------------------


def test_a_week_says_what_it_is_expected_to_add_and_cost(plan: Plan, now: dt.datetime) -> None:
    estimate = estimate_of(plan, now=now)
    worth = worth_of_one_message(plan.candidates.all(), now=now)
    assert (worth.members, worth.is_measured) == (20, False)
    assert worth.expected == pytest.approx(float(sum(each.value for each in plan.candidates.all())), abs=0.2)
    assert worth.low < worth.expected < worth.high
    assert set(estimate.steps) == set(plan.steps.values_list("pk", flat=True))
    assert estimate.week.messages == sum(step.evidence["reached"] for step in plan.steps.all())
    assert worth.expected <= estimate.week.worth.expected <= 1.5 * worth.expected + 0.1
    most = sum(float(step.evidence["most_it_can_cost"]) for step in plan.steps.all())
    assert estimate.week.cost == pytest.approx(most * 0.02)
    assert estimate.week.cost_low < estimate.week.cost < estimate.week.cost_high < most


@pytest.mark.parametrize(
    ("estimate", "shown"),
    [(143.72, "$140"), (1482, "$1,500"), (54.8, "$55"), (9.96, "$10"), (4.237, "$4.20"), (0.034, "$0.03"), (0, "$0")],
)
def test_an_estimate_is_shown_no_finer_than_it_is_known(estimate: float, shown: str) -> None:
    assert roughly(estimate, "USD") == shown


def test_whom_it_is_for_counts_only_those_a_step_reaches_and_gives_nobody_else_an_amount(
    make_campaign: Callable[..., Campaign], regulars: list[Member], make_plan: MakePlan, marketer: User,
    client_of: Callable[[User], Client], now: dt.datetime,
) -> None:  # fmt: skip
    plan = make_plan(make_campaign(holdout_percent=50))  # by lot: surely some of twenty, and surely not all
    left = plan.candidates.filter(is_held_out=False)[0].member
    set_consent(member=left, channel="email", is_granted=False, wording="No more.", source="test", now=now)
    held_out = plan.candidates.filter(is_held_out=True).count()
    reached = 20 - held_out - 1
    client = client_of(marketer)
    url = f"/staff/campaigns/plans/{plan.public_id}/audience/"
    text = text_of(client.get(url))
    assert f"from {reached} members who hear one message each" in text
    assert f"These are the {reached} of {20 - held_out} best-ranked members whom a step reaches." in text
    assert f"{held_out} more {'is' if held_out == 1 else 'are'} held out" in text
    assert "No step reaches the other 1." in text
    rows = list(csv.DictReader(b"".join(client.get(f"{url}?format=csv")).decode().splitlines()))  # type: ignore[call-overload]
    assert {row["Reached"] for row in rows if row["Expected to add (USD)"]} == {"yes"}
    assert sum(not row["Expected to add (USD)"] for row in rows) == held_out + 1


def test_what_was_expected_stays_as_it_was_approved_and_is_the_sum_of_its_steps(
    plan: Plan, always_open: None, manager: User, post_office: PostOffice, now: dt.datetime, at_the_end: dt.datetime,
    client_of: Callable[[User], Client],
) -> None:  # fmt: skip
    before = expected_of(plan, now=now)
    assert before == estimate_of(plan, now=now)
    review.approve_plan(plan=plan, by=manager, now=now)
    start_campaign(campaign=plan.campaign, by=manager, now=now)
    Candidate.objects.update(value=0)  # whatever is estimated later
    plan.refresh_from_db()
    assert expected_of(plan, now=at_the_end) == before
    assert before.week.worth.expected == pytest.approx(sum(step.worth.expected for step in before.steps.values()))

    client, url = client_of(manager), f"/staff/campaigns/{plan.campaign.public_id}/"
    step = f"/staff/campaigns/steps/{first_of(plan).public_id}/"
    told = f"Expected when it was approved: {estimate_in(before.week)}"
    assert client.get(url).text.count("Expected when it was approved") == 1
    assert told in text_of(client.get(url))
    assert "So far" not in text_of(client.get(step))
    send_all(at_the_end)
    assert text_of(client.get(url)).count(told) == 1  # beside what came of it now
    reached = first_of(plan).evidence["reached"]
    assert f"So far: {reached} of {reached} messages sent" in text_of(client.get(step))
    assert "that is the sum of its steps" in text_of(client.get(f"/staff/campaigns/plans/{plan.public_id}/audience/"))

    other = Plan.objects.create(
        campaign=plan.campaign, requested_by=manager, requested_at=now, status=Plan.Status.REPLACED
    )
    assert expected_of(other, now=now) is None


def estimate_in(estimate: Estimate) -> str:
    how_sure = "About" if estimate.worth.is_measured else "Perhaps"
    return f"{how_sure} {roughly(estimate.worth.expected)} more in 90 days"


def test_what_rests_on_one_assumption_errs_together_and_what_was_measured_apart() -> None:
    assumed = worth_of(2, [(10.0, priority.ASSUMED), (10.0, priority.ASSUMED)])
    measured = worth_of(2, [(10.0, Factor(1, 0.4)), (10.0, Factor(1, 0.4))])
    assert assumed.high - assumed.expected == pytest.approx(1.96 * 10, abs=0.01)
    assert measured.high - measured.expected == pytest.approx(1.96 * 4 * 2**0.5, abs=0.01)
    assert measured.is_measured
    assert not assumed.is_measured
    assert worth_of(0, []).expected == 0


def test_the_shops_own_clicks_take_the_place_of_what_is_assumed_of_offers() -> None:
    assert take_up(messages=0, taken=0).share == 0.02
    seen = take_up(messages=10_000, taken=800)
    assert seen.share == pytest.approx(0.08, abs=0.001)
    assert (round(seen.low, 3), round(seen.high, 3)) == (0.074, 0.085)


def test_the_audience_page_says_whom_a_plan_is_for_and_why(plan: Plan, client: Client, marketer: User) -> None:
    client.force_login(marketer)
    url = f"/staff/campaigns/plans/{plan.public_id}/audience/"
    shown = client.get(url)
    first = in_order(plan)[0]
    assert shown.status_code == 200
    assert first.member.name in shown.content.decode()
    assert "usual purchases" in shown.content.decode()
    group = client.get(f"{url}?group={first.group}").content.decode()
    assert first.member.name in group
    shown_ids = [each for each in in_order(plan) if str(each.member.public_id) in group]
    assert shown_ids == list(plan.candidates.filter(group=first.group).order_by("rank"))
    lines = b"".join(client.get(f"{url}?format=csv")).decode().splitlines()  # type: ignore[call-overload]
    assert len(lines) == 21
    assert lines[1].startswith(f"1,{first.member.name},{first.get_group_display()},{first.priority},")


# --- Learning from holdouts ---------------------------------------------------------------------------------------


def test_a_holdout_that_saw_more_than_was_promised_moves_the_next_plan(
    shop: Shop, regulars: list[Member], make_campaign: Callable[..., Campaign], make_plan: MakePlan, manager: User,
    always_open: None, post_office: PostOffice, now: dt.datetime,
) -> None:  # fmt: skip
    newcomers = [shop.join(f"Newcomer {place}") for place in range(60)]
    shop.sell(*((member, 2, "30.00") for member in newcomers))
    shop.score()
    first = make_plan(make_campaign(budget=None, holdout_percent=30))
    group = first.candidates.get(member=newcomers[0]).group
    review.approve_plan(plan=first, by=manager, now=now)
    start_campaign(campaign=first.campaign, by=manager, now=now)
    send_all(now + dt.timedelta(days=8))
    treated = [each.member for each in first.candidates.filter(is_held_out=False, group=group).select_related("member")]
    later = now + dt.timedelta(days=40)
    shop.sell(*((member, 30, "50.00") for member in treated), now=later)

    factor = factors_by_group(now=later)[group]
    assert 1.2 < factor.mean < 2  # seventy members prove little
    assert factor.spread < priority.PRIOR_SPREAD
    dates = {"starts_on": later.date(), "ends_on": later.date()}
    second = make_plan(make_campaign(name="Again", budget=None, **dates), now=later)  # type: ignore[call-arg]
    again = second.candidates.filter(group=group)
    assert again.exists()
    assert [each.parts["factor"] for each in again] == [pytest.approx(factor.mean, abs=0.001)] * again.count()


def test_offers_are_held_against_the_margin_where_the_shop_has_said_what_it_is() -> None:
    adds = Worth(members=1, expected=300.0, low=100.0, high=500.0, is_measured=True)
    of_revenue = Estimate(messages=1, worth=adds, cost=100.0, cost_low=50.0, cost_high=150.0)
    assert not of_revenue.costs_more
    of_margin = replace(of_revenue, margin=0.25)
    assert of_margin.costs_more
    assert "the margin of what the messages add" in of_margin.said_of_costs
