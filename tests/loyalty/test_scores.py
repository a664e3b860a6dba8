"""Scores: where the cuts fall, who is in which group, and what a night writes."""

import datetime as dt
import itertools
from collections import Counter
from decimal import Decimal

import pytest
from django.urls import reverse

from loyalty.actions.earn_rules import save_earn_rule
from loyalty.actions.scores import rescore
from loyalty.models import EarnRule, Member, MemberStats, Score, Scoring
from loyalty.rules.scores import group_of

TABLE = """
    new            potential_loyalists potential_loyalists champions champions
    promising      potential_loyalists potential_loyalists loyal     loyal
    about_to_sleep about_to_sleep      need_attention      loyal     loyal
    hibernating    hibernating         at_risk             at_risk   cannot_lose
    lost           hibernating         at_risk             at_risk   cannot_lose
"""


@pytest.fixture
def bought(db, now):
    """A member who last bought so many days ago, so often, for so much in all."""

    def buy(days=0, orders=1, spent=10, night_orders=0):
        member = Member.objects.create(name=f"{days} {orders} {spent}", joined_at=now)
        last = now - dt.timedelta(days=days)
        MemberStats.objects.create(
            member=member,
            orders=orders,
            spent=Decimal(spent),
            night_orders=night_orders,
            first_ordered_at=last,
            last_ordered_at=last if orders else None,
        )
        return member

    return buy


def quintiles(name):
    return list(Score.objects.order_by("member").values_list(name, flat=True))


def test_every_combination_of_quintiles_is_in_the_group_the_table_says():
    rows = [line.split() for line in TABLE.split("\n") if line.strip()]
    for recency, frequency, monetary in itertools.product(range(1, 6), repeat=3):
        column = (frequency + monetary + 1) // 2
        assert group_of(recency, frequency, monetary) == rows[5 - recency][column - 1]
    groups = Counter(group_of(*scores) for scores in itertools.product(range(1, 6), repeat=3))
    assert set(groups) == set(Score.Group.values)
    assert groups.total() == 125


def test_the_database_puts_members_into_the_same_group_as_the_rule(bought, now):
    for number in range(60):
        bought(days=number * 7 % 60, orders=1 + number * 11 % 17, spent=number * 13 % 97)
    rescore(now=now)
    for score in Score.objects.all():
        assert score.group == group_of(score.recency, score.frequency, score.monetary)
    assert Score.objects.values("recency").distinct().count() == 5


def test_five_different_members_get_the_five_quintiles(bought, now):
    for place in range(5):
        bought(days=40 - 10 * place, orders=1 + place, spent=10 + place)
    rescore(now=now)
    for name in ("recency", "frequency", "monetary"):
        assert quintiles(name) == [1, 2, 3, 4, 5]


def test_a_value_on_a_cut_belongs_below_it_and_one_cent_more_above(bought, now):
    for spent in ("10.00", "10.01", "10.02", "10.03", "10.04"):
        bought(spent=spent)
    rescore(now=now)
    assert Scoring.objects.get().monetary_cuts == [
        Decimal("10.00"),
        Decimal("10.01"),
        Decimal("10.02"),
        Decimal("10.03"),
    ]
    assert quintiles("monetary") == [1, 2, 3, 4, 5]


def test_equals_share_a_quintile_buyers_of_today_the_best_and_one_time_buyers_the_worst(bought, now):
    for _ in range(7):
        bought(days=0, orders=1, spent=10)
    rescore(now=now)
    assert set(Score.objects.values_list("recency", "frequency", "monetary")) == {(5, 1, 1)}


def test_recency_counts_days_not_hours(bought, now):
    """Two who bought on the same local day, one at its first instant and one now, are equally recent."""
    early, late = bought(days=0), bought(days=0)
    midnight = dt.datetime(2026, 3, 29, 4, 0, tzinfo=dt.UTC)  # in New York, in summer
    MemberStats.objects.filter(member=early).update(last_ordered_at=midnight)
    before = bought(days=0)
    MemberStats.objects.filter(member=before).update(last_ordered_at=midnight - dt.timedelta(microseconds=1))
    for days in (10, 20, 30, 40, 50, 60, 70):
        bought(days=days)
    rescore(now=now)
    of = dict(Score.objects.values_list("member", "recency"))
    assert of[early.pk] == of[late.pk] == 5
    assert of[before.pk] == 4


def test_scores_hold_for_the_day_it_is_in_the_business(bought, now):
    bought()
    rescore(now=dt.datetime(2026, 3, 29, 2, 0, tzinfo=dt.UTC))
    assert Scoring.objects.get().as_of == dt.date(2026, 3, 28)


def test_who_never_bought_has_no_score_and_whose_orders_vanished_loses_it(bought, now):
    Member.objects.create(name="Only looks", joined_at=now)
    bought(orders=0)
    gone, stays = bought(), bought()
    rescore(now=now)
    assert set(Score.objects.values_list("member", flat=True)) == {gone.pk, stays.pk}
    MemberStats.objects.filter(member=gone).update(orders=0, last_ordered_at=None)
    rescore(now=now)
    assert set(Score.objects.values_list("member", flat=True)) == {stays.pk}
    MemberStats.objects.all().delete()
    assert rescore(now=now).groups["new"] == 0
    assert not Score.objects.exists()


def test_a_second_pass_writes_nothing_and_a_new_order_only_who_moved(bought, now):
    members = [bought(days=10 * place, orders=1 + place, spent=10 + place) for place in range(20)]
    assert rescore(now=now).written == 20
    assert rescore(now=now).written == 0
    MemberStats.objects.filter(member=members[19]).update(last_ordered_at=now)
    assert 0 < rescore(now=now).written < 10
    assert Score.objects.get(member=members[19]).recency == 5


def test_rescoring_says_how_many_members_each_group_has(bought, now):
    for place in range(10):
        bought(days=10 * place, orders=10 - place, spent=100 - place)
    groups = rescore(now=now).groups
    assert list(groups) == Score.Group.values
    assert sum(groups.values()) == 10
    assert groups["champions"] == Score.objects.filter(group="champions").count() > 0


@pytest.mark.parametrize(
    ("orders", "night_orders", "is_one"), [(2, 2, False), (3, 1, False), (3, 2, True), (4, 2, True)]
)
def test_a_night_buyer_buys_at_least_half_of_three_orders_at_night(bought, now, orders, night_orders, is_one):
    bought(orders=orders, night_orders=night_orders)
    rescore(now=now)
    assert Score.objects.get().is_night_buyer is is_one


def test_a_manager_rescores_on_demand_and_a_viewer_only_looks(bought, now, manager, viewer, client_of):
    bought()
    rescore(now=now)
    assert client_of(manager).post(reverse("loyalty:rescore")).status_code == 302
    looking = client_of(viewer)
    shown = looking.get(reverse("loyalty:loyalty")).content.decode()
    assert "As of Mar 29, 2026" in shown
    assert "Rescore now" not in shown
    assert looking.post(reverse("loyalty:rescore")).status_code == 403
    assert looking.get(reverse("loyalty:earn-rule-new")).status_code == 403


def test_a_manager_changes_what_an_order_earns(manager, client_of):
    rule = save_earn_rule(
        rule=None, name="Double", points_per_unit=Decimal(2), minimum_total=Decimal(0), starts_on=None, ends_on=None,
        priority=1, is_active=True,
    )  # fmt: skip
    form = {"name": "Triple", "points_per_unit": "3", "minimum_total": "20", "priority": "1", "is_active": "on"}
    form |= {"trigger": "order", "effect": "per_unit", "cap_period": "ever"}
    client, path = client_of(manager), reverse("loyalty:earn-rule", args=[rule.pk])
    assert client.post(path, form | {"starts_on": "2026-02-02", "ends_on": "2026-02-01"}).status_code == 422
    assert client.post(path, form).status_code == 302
    assert EarnRule.objects.get(pk=rule.pk).points_per_unit == 3
