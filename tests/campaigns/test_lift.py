"""What campaigns brought, by the lot and not by what arrived."""

import csv
import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from campaigns.actions.campaigns import (
    cancel_campaign,
    create_campaign,
    pause_campaign,
    resume_campaign,
    start_campaign,
)
from campaigns.actions.review import approve_plan
from campaigns.models import Campaign, Candidate, Plan, PlanStep, Playbook, Send
from campaigns.queries.global_holdout import months_of_holdout
from campaigns.queries.lift import _OF_CAMPAIGN, _OUTCOMES, known_playbook_lifts, lift_of, lifts_of, playbook_lifts
from campaigns.rules import effects
from campaigns.rules.effects import BUYERS, MARGIN, ORDERS, REVENUE
from campaigns.rules.sayings import LABELS, VERDICTS
from campaigns.sending import assignment
from loyalty.actions.segments import create_segment
from loyalty.models import Member, Order, Store, User
from tests.campaigns.crowd import take_in_members
from tests.campaigns.world import rule

DAY = dt.timedelta(days=1)
_CANDIDATE, _MEMBER = Candidate._meta.db_table, Member._meta.db_table


@pytest.fixture
def tried(db: None, marketer: User, manager: User, now: dt.datetime) -> Campaign:
    """One step for 600 members, a quarter held out; started, its messages due at once."""
    rule(send_from=0, send_until=24, messages_per_day=50, gross_margin_percent=Decimal(30), result_days=14)
    take_in_members(600)
    return run_for_everybody("Tried", 25, marketer, manager, now)


def run_for_everybody(name: str, holdout: int, owner: User, approver: User, now: dt.datetime) -> Campaign:
    segment = create_segment(name=name, description="", rule={"all": []}, by=None, now=now)
    campaign = create_campaign(
        name=name, goal="Sell wine", starts_on=now.date(), ends_on=(now + 13 * DAY).date(), budget=None,
        segments=[segment], audience_limit=600, holdout_percent=holdout, owner=owner, now=now,
    )  # fmt: skip
    playbook = Playbook.objects.filter(is_active=True, channels__contains=["email"]).order_by("pk")[0]
    plan = Plan.objects.create(campaign=campaign, status=Plan.Status.READY, requested_by=owner, requested_at=now)
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO {_CANDIDATE} (plan_id, member_id, rank, priority, "group") '
            f"SELECT %s, id, row_number() OVER (ORDER BY id), 0, %s FROM {_MEMBER}",
            [plan.pk, playbook.group],
        )
    assignment.hold_out(plan)
    PlanStep.objects.create(
        plan=plan, day=now.date(), position=0, group=playbook.group, playbook=playbook, channel="email",
        send_at=dt.time(8), subject="Hello {{ member.first_name }}", body="Come by.", reason="Everybody likes a hello.",
        evidence={"reached": 0, "most_it_can_cost": "0"},
    )  # fmt: skip
    approve_plan(plan=plan, by=approver, now=now)
    start_campaign(campaign=campaign, by=approver, now=now)
    Send.objects.filter(campaign=campaign).update(due_at=now, sent_at=now, status=Send.Status.SENT)
    campaign.refresh_from_db()
    return campaign


def wait(campaign: Campaign, *, until: dt.datetime) -> None:
    """Nothing has left yet."""
    Send.objects.filter(campaign=campaign).update(due_at=until, sent_at=None, status=Send.Status.PENDING)


def arms(campaign: Campaign) -> tuple[list[int], list[int]]:
    """Members treated and held out."""
    rows = Candidate.objects.filter(plan__campaign=campaign).order_by("rank")
    treated, held = (list(rows.filter(is_held_out=held).values_list("member", flat=True)) for held in (False, True))
    return treated, held


def buy(members: list[int], at: dt.datetime, total: str = "20.00", **more: Any) -> None:
    store, _ = Store.objects.get_or_create(code="harbor", defaults={"name": "Harbor"})
    first = Order.objects.count()
    Order.objects.bulk_create(
        Order(number=f"N{first + n}", member_id=member, store=store, ordered_at=at, total=Decimal(total), **more)
        for n, member in enumerate(members)
    )


def test_orders_are_counted_for_whom_the_lot_chose_whether_or_not_a_message_left(tried: Campaign, now: dt.datetime):
    Send.objects.filter(campaign=tried).update(status=Send.Status.FAILED, sent_at=None)
    treated, held = arms(tried)
    buy(treated[:100], now + DAY)
    buy(treated[:30], now + 2 * DAY, "10.00")
    buy(held[:20], now + DAY)
    buy(treated[:50], now - DAY)  # before it began
    buy(held[:50], now + 15 * DAY)  # after it was over
    buy(held[:5], now + DAY, voided_at=now + 2 * DAY)
    found = lift_of(tried, now=now + 30 * DAY)
    assert (found.treated.members, found.held_out.members) == (len(treated), len(held))
    assert (found.treated.buyers, found.held_out.buyers) == (100, 20)
    assert (found.treated.orders.total, found.held_out.orders.total) == (130, 20)
    assert (found.treated.revenue.total, found.held_out.revenue.total) == (2_300, 400)
    assert found.window
    assert (found.window.opens, found.window.closes) == (now, now + 14 * DAY)
    orders, margin = found.effect(ORDERS), found.effect(MARGIN)
    assert orders
    assert margin
    assert orders.difference.value == pytest.approx(130 / len(treated) - 20 / len(held))
    assert orders.total.value == pytest.approx(130 - 20 * len(treated) / len(held))
    assert margin.mean == pytest.approx(0.3 * 2_300 / len(treated))
    assert found.is_final


def test_a_real_difference_is_called_certain_only_when_the_window_has_closed(tried: Campaign, now: dt.datetime):
    treated, held = arms(tried)
    buy(treated[:250], now + DAY)
    buy(held[:30], now + DAY)
    open_still, closed = lift_of(tried, now=now + 7 * DAY), lift_of(tried, now=now + 14 * DAY)
    assert {effect.verdict for effect in open_still.effects} == {effects.OPEN}
    assert {effect.verdict for effect in closed.effects} == {effects.MORE}
    early, late = open_still.effect(REVENUE), closed.effect(REVENUE)
    assert early
    assert late
    assert early.difference.high - early.difference.low > late.difference.high - late.difference.low


def test_a_pause_closes_no_window_before_the_messages_have_left(tried: Campaign, manager: User, now: dt.datetime):
    wait(tried, until=now)
    pause_campaign(campaign=tried, by=manager, now=now)
    paused = lift_of(tried, now=now + 20 * DAY)
    assert not paused.is_final
    assert {lift.lift_per_member for lift in playbook_lifts(now=now + 20 * DAY)} == {None}

    resume_campaign(campaign=tried, by=manager, now=now + 20 * DAY)
    assert not lift_of(tried, now=now + 20 * DAY).is_final
    Send.objects.filter(campaign=tried).update(status=Send.Status.SENT, sent_at=now + 20 * DAY)
    treated, held = arms(tried)
    buy(treated[:200], now + 21 * DAY)
    buy(held[:10], now + DAY)  # before anybody had heard anything
    found = lift_of(tried, now=now + 40 * DAY)
    assert found.window
    assert (found.window.opens, found.window.closes) == (now + 20 * DAY, now + 34 * DAY)
    assert (found.treated.buyers, found.held_out.buyers, found.is_final) == (200, 0, True)


def test_a_playbook_nobody_has_measured_comes_before_one_that_brings_less_than_nothing(
    tried: Campaign, now: dt.datetime
):
    treated, held = arms(tried)
    buy(treated[:20], now + DAY)
    buy(held, now + DAY)
    rows = playbook_lifts(now=now + 20 * DAY)
    last = rows[-1].lift_per_member
    assert last is not None
    assert last < 0
    assert {row.lift_per_member for row in rows[:-1]} == {None}


def test_too_few_buyers_are_said_to_be_too_few_with_how_many_would_do(tried: Campaign, now: dt.datetime):
    treated, held = arms(tried)
    buy([*treated[:12], *held[:4]], now + DAY)
    orders = lift_of(tried, now=now + 20 * DAY).effect(ORDERS)
    assert orders
    assert (orders.verdict, orders.is_told, orders.figures["low"]) == (effects.TOO_FEW, False, None)
    assert orders.enough == 750  # 20 buyers in the smaller arm, at 16 of 600


def test_alike_arms_are_no_result_and_the_sample_that_would_show_a_tenth_is_named(tried: Campaign, now: dt.datetime):
    treated, held = arms(tried)
    buy(treated[::3], now + DAY)
    buy(held[::3], now + DAY)
    buyers = lift_of(tried, now=now + 20 * DAY).effect(BUYERS)
    assert buyers
    assert buyers.verdict == effects.UNCLEAR
    assert buyers.enough is not None
    assert 1_000 < buyers.enough < 4_000


def test_a_cancelled_campaign_is_counted_until_some_days_after_it_was_cancelled(
    tried: Campaign, manager: User, now: dt.datetime
):
    wait(tried, until=now + 9 * DAY)
    first = Send.objects.filter(campaign=tried).earliest("pk")
    Send.objects.filter(pk=first.pk).update(due_at=now, sent_at=now, status=Send.Status.SENT)
    cancel_campaign(campaign=tried, by=manager, now=now + DAY)
    window = lift_of(tried, now=now + 2 * DAY).window
    assert window
    assert window.closes == now + 15 * DAY


@pytest.mark.parametrize("due_in_days", [-1, 3], ids=["held back", "not due"])
def test_a_campaign_cancelled_before_anything_had_left_is_no_result(
    tried: Campaign, manager: User, now: dt.datetime, due_in_days: int
):
    wait(tried, until=now + due_in_days * DAY)
    if due_in_days < 0:
        assert lift_of(tried, now=now + DAY).window is None
    cancel_campaign(campaign=tried, by=manager, now=now + DAY)
    treated, held = arms(tried)
    buy([*treated[:150], *held[:20]], now + 4 * DAY)
    found = lift_of(tried, now=now + 30 * DAY)
    assert (found.window, found.is_measured) == (None, False)
    assert {lift.lift_per_member for lift in playbook_lifts(now=now + 30 * DAY)} == {None}


def test_the_window_of_a_campaign_is_worked_out_once_and_not_for_every_candidate(tried: Campaign, now: dt.datetime):
    with connection.cursor() as cursor:
        cursor.execute(
            "EXPLAIN (ANALYZE, TIMING OFF) " + _OUTCOMES.format(assigned=_OF_CAMPAIGN),
            {"days": 14, "now": now + DAY, "campaigns": [tried.pk], "open": list(Send.OPEN)},
        )
        looked = [
            line for (line,) in cursor.fetchall() if re.search(r"Scan.* on campaigns_send\b|send_of_campaign", line)
        ]
    assert looked
    assert all("loops=1)" in line or "never executed" in line for line in looked if "actual" in line)


def test_a_campaign_without_held_out_members_or_without_messages_says_nothing(
    running: Campaign, campaign: Campaign, now: dt.datetime
):
    assert not lift_of(running, now=now + DAY).effects
    assert lift_of(Campaign.objects.create(
        name="Bare", goal="None", starts_on=now, ends_on=now, owner=running.owner, created_at=now
    ), now=now).window is None  # fmt: skip


def test_playbooks_carry_what_they_brought_over_all_campaigns(
    tried: Campaign, marketer: User, manager: User, now: dt.datetime
):
    again = run_for_everybody("Again", 25, marketer, manager, now + 40 * DAY)
    for campaign, at in ((tried, now + DAY), (again, now + 41 * DAY)):
        treated, held = arms(campaign)
        buy(treated[: len(treated) * 6 // 10], at)
        buy(held[: len(held) * 4 // 10], at)
    first, *others = playbook_lifts(now=now + 80 * DAY)
    assert first.playbook_id == PlanStep.objects.filter(plan__campaign=tried).get().playbook_id
    assert first.campaigns == 2
    assert first.lift_per_member
    assert first.low
    assert 0.05 < first.lift_per_member < 0.2  # drawn from 0.2 towards zero
    assert 0 < first.low < first.lift_per_member
    assert first.is_certain
    assert first.revenue_per_member
    assert first.revenue_per_member > 1
    assert {lift.lift_per_member for lift in others} == {None}


def test_a_playbook_is_not_measured_by_a_campaign_whose_window_is_open(tried: Campaign, now: dt.datetime):
    treated, held = arms(tried)
    buy([*treated[:300], *held[:10]], now + DAY)
    assert {lift.lift_per_member for lift in playbook_lifts(now=now + 5 * DAY)} == {None}


def test_what_playbooks_brought_is_counted_anew_after_a_while_and_a_new_playbook_is_there_at_once(
    tried: Campaign, now: dt.datetime
):
    treated, held = arms(tried)
    later = now + 30 * DAY
    buy([*treated[:300], *held[:10]], now + DAY)
    assert known_playbook_lifts(now=later) == playbook_lifts(now=later)
    buy(held[:100], now + 2 * DAY)
    new = Playbook.objects.create(name="New", group="NEW", channels=["email"])
    kept = known_playbook_lifts(now=later)
    assert kept[0] != playbook_lifts(now=later)[0]
    assert (kept[-1].playbook_id, kept[-1].lift_per_member) == (new.pk, None)
    assert known_playbook_lifts(now=later + DAY)[0] == playbook_lifts(now=later + DAY)[0]


def marketing_of(client: Client) -> str:
    return " ".join(client.get(reverse("analytics:marketing")).content.decode().split())


def test_a_campaign_that_holds_members_out_and_waits_for_its_first_message_has_not_begun(
    tried: Campaign, client_of: Callable[[User], Client], viewer: User
):
    client, later = client_of(viewer), timezone.now() + 3 * DAY
    wait(tried, until=later)
    page = marketing_of(client)
    assert "Not begun" in page
    due = f"Counting begins with the first message, {date_format(timezone.localtime(later), 'F j')}"
    assert f"Tried has not begun. {due}" in page
    assert due in client.get(reverse("campaigns:earned", args=[tried.public_id])).content.decode()
    answer: Any = client.get(reverse("analytics:marketing"), {"format": "csv"})
    (row,) = csv.DictReader(b"".join(answer.streaming_content).decode().splitlines())
    assert (row["Campaign"], row["Members"], row["In all"], row["Result"]) == ("Tried", "", "", "Not begun")
    Send.objects.filter(campaign=tried).delete()
    page = marketing_of(client)
    assert "Counting begins once the first message has left." in page
    assert "held out</span>" not in page


def test_a_campaign_cancelled_before_its_first_message_waits_for_nothing(
    tried: Campaign, client_of: Callable[[User], Client], viewer: User, manager: User, now: dt.datetime
):
    wait(tried, until=now + 3 * DAY)
    cancel_campaign(campaign=tried, by=manager, now=now + DAY)
    page = marketing_of(client_of(viewer))
    assert "Nothing to compare" in page
    assert "It was cancelled before its first message had left." in page


def test_a_campaign_with_nobody_to_compare_with_is_in_the_file_with_how_many_it_was_for(
    tried: Campaign, client_of: Callable[[User], Client], viewer: User
):
    Candidate.objects.filter(plan__campaign=tried).update(is_held_out=False)
    answer: Any = client_of(viewer).get(reverse("analytics:marketing"), {"format": "csv"})
    (row,) = csv.DictReader(b"".join(answer.streaming_content).decode().splitlines())
    assert (row["Members held out"], row["Measure"], row["Result"]) == ("0", "", "Nothing to compare")
    assert int(row["Members"]) > 0


def test_what_one_campaign_brought_is_told_with_its_own_bounds(
    tried: Campaign, now: dt.datetime, client_of: Callable[[User], Client], viewer: User
):
    treated, held = arms(tried)
    buy(treated[: len(treated) * 6 // 10], now + DAY)
    buy(held[: len(held) * 4 // 10], now + DAY)
    orders = lift_of(tried, now=timezone.now()).effect(ORDERS)
    assert orders
    low, high = round(orders.total.low), round(orders.total.high)
    assert f"without them, between {low} and {high} more." in marketing_of(client_of(viewer))


def test_what_campaigns_brought_together_is_told_with_its_bounds(
    tried: Campaign, marketer: User, manager: User, now: dt.datetime, client_of: Callable[[User], Client]
):
    client, again = client_of(marketer), run_for_everybody("Again", 25, marketer, manager, now + 40 * DAY)
    for campaign, at in ((tried, now + DAY), (again, now + 41 * DAY)):
        treated, held = arms(campaign)
        buy(treated[: len(treated) * 6 // 10], at)
        buy(held[: len(held) * 4 // 10], at)
    first, second = lifts_of([tried, again], now=timezone.now())
    together = effects.orders_together([(lift.treated, lift.held_out) for lift in (first, second)])
    each = [lift.effect(ORDERS).total for lift in (first, second)]  # type: ignore[union-attr]
    assert together.value == pytest.approx(sum(total.value for total in each))
    assert 0 < together.low < together.value
    assert f"between {round(together.low)} and {round(together.high)} more." in marketing_of(client)


def test_little_data_moves_a_playbook_little(tried: Campaign, now: dt.datetime):
    treated, held = arms(tried)
    buy([*treated[:6], *held[:1]], now + DAY)
    lift = playbook_lifts(now=now + 30 * DAY)[0]
    assert lift.lift_per_member is not None
    raw = 6 / len(treated) - 1 / len(held)
    assert abs(lift.lift_per_member) < raw / 10
    assert not lift.is_certain


def test_those_who_never_get_marketing_are_compared_month_by_month(tried: Campaign, now: dt.datetime):
    assert not months_of_holdout(now=now)
    rule(holdout_percent=20, now=now - 70 * DAY)
    Member.objects.update(joined_at=now - 200 * DAY)
    everybody = list(Member.objects.values_list("pk", "public_id"))
    buy([pk for pk, _ in everybody[::2]], now - 40 * DAY)
    found = months_of_holdout(now=now)
    assert [month.first for month in found] == [dt.date(2026, 3, 1), dt.date(2026, 2, 1)]
    february = found[1]
    assert february.is_final
    assert february.treated.members + february.held_out.members == 600
    assert february.treated.buyers + february.held_out.buyers == 300
    assert 60 < february.held_out.members < 180
    assert found[0].effect(ORDERS).verdict == effects.TOO_FEW  # type: ignore[union-attr]


def test_whole_months_are_counted_once_a_day_and_the_one_that_runs_more_often(tried: Campaign, now: dt.datetime):
    rule(holdout_percent=20, now=now - 70 * DAY)
    Member.objects.update(joined_at=now - 200 * DAY)
    everybody = list(Member.objects.values_list("pk", flat=True))
    assert [month.treated.buyers for month in months_of_holdout(now=now)] == [0, 0]
    buy(everybody, now - 40 * DAY)
    buy(everybody, now - DAY)
    assert [month.treated.buyers for month in months_of_holdout(now=now)] == [0, 0]
    march, february = months_of_holdout(now=now + DAY)
    assert march.treated.buyers + march.held_out.buyers == 600
    assert february.treated.buyers + february.held_out.buyers == 600
    rule(holdout_percent=10, now=now - 70 * DAY)
    assert months_of_holdout(now=now)[1].treated.members > february.treated.members


def test_a_member_counts_from_the_first_month_that_begins_after_they_joined(tried: Campaign, now: dt.datetime):
    rule(holdout_percent=20, now=now - 70 * DAY)
    first, *others = Member.objects.order_by("pk").values_list("pk", flat=True)
    march = dt.datetime(2026, 3, 1, 5, tzinfo=dt.UTC)  # midnight in New York
    Member.objects.filter(pk__in=others).update(joined_at=march)
    Member.objects.filter(pk=first).update(joined_at=march - dt.timedelta(seconds=1))
    buy([first, *others], now - 40 * DAY)
    buy([first, *others], now - DAY)
    (found,) = months_of_holdout(now=now)
    assert found.first == dt.date(2026, 3, 1)
    assert found.treated.members + found.held_out.members == 1
    assert found.treated.buyers + found.held_out.buyers == 1


def test_page_csv_and_api_tell_the_same(tried: Campaign, client_of: Callable[[User], Client], viewer: User):
    treated, held = arms(tried)
    assert tried.started_at
    buy(treated[:250], tried.started_at + DAY)
    buy(held[:30], tried.started_at + DAY)
    client, url = client_of(viewer), reverse("campaigns:earned", args=[tried.public_id])
    page = client.get(url).content.decode()
    orders = lift_of(tried, now=tried.started_at + 300 * DAY).effect(ORDERS)
    assert orders
    assert f"About {round(orders.total.value)} more orders than without it" in page
    text = b"".join(client.get(f"{url}?format=csv").streaming_content).decode()  # type: ignore[attr-defined]
    told = {row["Measure"]: row for row in csv.DictReader(text.splitlines())}
    answer = client.get(reverse("campaigns-api:earned", args=[tried.public_id])).json()
    asked = {row["measure"]: row for row in answer["effects"]}
    assert set(asked) == {BUYERS, ORDERS, REVENUE, MARGIN}
    assert set(told) == {LABELS[measure] for measure in asked}
    for measure, row in asked.items():
        in_the_file = told[LABELS[measure]]
        scale = 100 if measure == BUYERS else 1
        assert in_the_file["Result"] == VERDICTS[row["verdict"]]
        for head, name, times in (
            ("Members held out", "other_members", 1), ("A member", "per_member", scale), ("At most", "high", scale),
            ("In all", "total", 1), ("In percent, at least", "percent_low", 100), ("By chance alone (p)", "p", 1),
        ):  # fmt: skip
            assert float(in_the_file[head]) == pytest.approx(times * row[name]), (measure, head)
    assert told["Orders"]["In all"] == str(orders.total.value)
    units = {name: (row["Unit"], row["Unit in all"]) for name, row in told.items()}
    assert units == {
        "Members who bought": ("percent, differences in percentage points", "members who bought"),
        "Orders": ("orders", "orders"), "Revenue": ("USD", "USD"), "Margin": ("USD", "USD"),
    }  # fmt: skip
