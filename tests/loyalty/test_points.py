"""Points and statistics follow the log: once for each cause, again from the beginning with the same result."""

import datetime as dt
from decimal import Decimal

import pytest
from django.db import ProgrammingError, transaction

from loyalty.actions import members, points
from loyalty.actions.earn_rules import save_earn_rule
from loyalty.models import EarnRule, MemberStats, PointsAccount, PointsEntry, Store
from loyalty.queries.points import differences
from tracking.actions import rebuild
from tracking.models import Event

BEER = "O1,2026-03-01 18:30,BEER,Beer,Beer,2,19.98,C1,S1"
NIGHT = "O2,2026-03-02 22:15,GIN,Gin,Spirits,1,30.00,C1,S1"


def balance_of(external_id: str) -> int:
    return PointsAccount.objects.get(member__external_id=external_id).balance


def ledger() -> list[tuple[int, str, str]]:
    return list(PointsEntry.objects.order_by("pk").values_list("points", "reason", "reference"))


@pytest.fixture
def one_per_dollar(db: None) -> EarnRule:
    EarnRule.objects.all().delete()
    points.ship_earn_rule()
    return EarnRule.objects.get()


def test_an_order_earns_its_whole_dollars(one_per_dollar, write, bring_in, follow_events):
    bring_in(write(BEER, NIGHT))
    follow_events()
    assert balance_of("C1") == 19 + 30
    rule = one_per_dollar.pk
    assert ledger() == [(19, "PURCHASE", f"O1:{rule}"), (30, "PURCHASE", f"O2:{rule}")]
    assert Event.objects.filter(name="points.awarded").count() == 2
    assert not list(differences())


def test_a_return_takes_its_points_back_once(one_per_dollar, write, bring_in, follow_events):
    bring_in(write(BEER))
    follow_events()
    bring_in(write("O1,2026-03-05 12:00,RETURN,Back,Beer,-1,-9.99,C1,S1", name="return.csv"))
    follow_events()
    follow_events()
    assert balance_of("C1") == 9
    assert [row[:2] for row in ledger()] == [(19, "PURCHASE"), (-10, "RETURN")]


def test_a_new_rule_changes_no_past_unless_the_order_changes_and_then_by_its_first_rule(
    one_per_dollar, write, bring_in, follow_events
):
    bring_in(write(BEER))
    follow_events()
    EarnRule.objects.create(name="Triple", points_per_unit=3, priority=1)
    rebuild("loyalty.points", now=dt.datetime.now(dt.UTC))
    assert balance_of("C1") == 19
    bring_in(write("O1,2026-03-01 18:30,WINE,Wine,Wine,1,10.02,C1,S1", NIGHT, name="more.csv"))
    follow_events()
    assert balance_of("C1") == 30 + 90


def test_changing_what_a_rule_gives_changes_no_past_and_a_return_takes_back_what_was_given(
    one_per_dollar, write, bring_in, follow_events
):
    bring_in(write(BEER))
    follow_events()
    rule = {"name": "Double", "minimum_total": 0, "starts_on": None, "ends_on": None, "priority": 100}
    double = save_earn_rule(rule=one_per_dollar, points_per_unit=Decimal(2), is_active=True, **rule)
    assert double.pk != one_per_dollar.pk
    rebuild("loyalty.points", now=dt.datetime.now(dt.UTC))
    assert balance_of("C1") == 19
    bring_in(write("O1,2026-03-05 12:00,RETURN,Back,Beer,-1,-9.99,C1,S1", NIGHT, name="return.csv"))
    follow_events()
    assert balance_of("C1") == 9 + 60


def test_a_rule_pays_no_order_that_was_told_before_there_was_the_rule(one_per_dollar, write, bring_in, follow_events):
    save_earn_rule(
        rule=one_per_dollar,
        name="None yet",
        points_per_unit=Decimal(1),
        minimum_total=Decimal(0),
        starts_on=None,
        ends_on=None,
        priority=100,
        is_active=False,
    )
    bring_in(write(BEER))
    follow_events()
    EarnRule.objects.create(
        name="Late", points_per_unit=5, priority=1, active_since=dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)
    )
    rebuild("loyalty.points", now=dt.datetime.now(dt.UTC))
    assert balance_of("C1") == 0


@pytest.mark.parametrize(("day", "earned"), [("2026-03-01 23:30", 39), ("2026-03-02 00:30", 19)])
def test_a_rule_covers_days_of_the_store_not_of_the_server(one_per_dollar, day, earned, write, bring_in, follow_events):
    EarnRule.objects.create(name="Double", points_per_unit=2, priority=1, ends_on=dt.date(2026, 3, 1))
    bring_in(write(BEER.replace("2026-03-01 18:30", day)))
    follow_events()
    assert balance_of("C1") == earned


def test_a_small_order_earns_nothing_under_a_minimum(one_per_dollar, write, bring_in, follow_events):
    EarnRule.objects.update(minimum_total=20)
    bring_in(write(BEER, NIGHT))
    follow_events()
    assert balance_of("C1") == 30


def test_reading_the_log_again_from_zero_gives_the_same_points_and_statistics(
    one_per_dollar, write, bring_in, follow_events, now
):
    bring_in(
        write(BEER, NIGHT, "O3,2026-03-03 10:00,BEER,Beer,Beer,-1,-9.99,C1,S1", "O4,2026-03-03 10:00,BEER,,,1,5,C2,S1")
    )
    follow_events()
    bring_in(write("O1,2026-03-01 18:30,WINE,Wine,Wine,1,12.00,C1,S1", name="more.csv"))
    follow_events()
    before = ledger(), list(MemberStats.objects.order_by("pk").values())
    MemberStats.objects.update(spent=0, orders=99)
    for name in ("loyalty.points", "loyalty.stats"):
        rebuild(name, now=now)
    assert (ledger(), list(MemberStats.objects.order_by("pk").values())) == before
    assert not list(differences())


def test_statistics_count_nights_by_the_stores_clock_and_the_dearest_category(write, bring_in, follow_events):
    Store.objects.create(code="S1", name="Coast", time_zone="America/Los_Angeles")
    bring_in(
        write(
            BEER, NIGHT, "O3,2026-03-03 04:59,BEER,Beer,Beer,1,5,C1,S1", "O4,2026-03-03 05:00,BEER,Beer,Beer,1,5,C1,S1"
        )
    )
    follow_events()
    stats = MemberStats.objects.get()
    assert (stats.orders, stats.night_orders, stats.spent) == (4, 2, Decimal("59.98"))
    assert stats.primary_category == "Spirits"
    assert stats.first_ordered_at == dt.datetime(2026, 3, 2, 2, 30, tzinfo=dt.UTC)


def test_an_order_that_only_gives_back_is_no_visit(write, bring_in, follow_events):
    bring_in(write(BEER, "O9,2026-03-09 12:00,BEER,Beer,Beer,-1,-9.99,C1,S1"))
    follow_events()
    stats = MemberStats.objects.get()
    assert (stats.orders, stats.spent) == (1, Decimal("9.99"))
    assert stats.last_ordered_at.day == 1


def test_points_by_hand_are_entered_once_however_often_the_button_is_pressed(db, now):
    ada = members.join(name="Ada", source="staff", now=now)
    given = {"member": ada, "points": 50, "note": "Broken bottle", "reference": "one-form", "now": now}
    assert points.correct(**given)
    assert not points.correct(**given)
    assert PointsAccount.objects.get(member=ada).balance == 50
    assert not list(differences())


@pytest.mark.parametrize("given", [{"points": 0}, {"note": "  "}, {"points": 10**9}])
def test_points_by_hand_need_a_number_and_a_reason(given, db, now):
    ada = members.join(name="Ada", source="staff", now=now)
    with pytest.raises(points.BadCorrection):
        points.correct(**({"member": ada, "points": 5, "note": "Why", "reference": "x", "now": now} | given))


def test_the_ledger_cannot_be_edited(db, now):
    ada = members.join(name="Ada", source="staff", now=now)
    points.correct(member=ada, points=5, note="Gift", reference="x", now=now)
    with pytest.raises(ProgrammingError), transaction.atomic():
        PointsEntry.objects.update(points=500)


def test_one_earn_rule_ships_and_never_a_second(db):
    EarnRule.objects.all().delete()
    points.ship_earn_rule()
    points.ship_earn_rule()
    assert EarnRule.objects.get().points_per_unit == 1
