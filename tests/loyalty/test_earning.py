"""What purchases and other occasions earn: rules with conditions, effects, caps and an order of their own."""

import datetime as dt
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from loyalty.actions import earning, members, occasions, programme, purchases, redemptions
from loyalty.actions.earn_rules import save_earn_rule
from loyalty.actions.earning import Occasion
from loyalty.actions.purchases import BadOrder, BadReturn, OrderConflict, ReturnedLine, SoldLine
from loyalty.actions.segments import create_segment
from loyalty.models import EarnRule, Member, Order, PointsAccount, PointsEntry, Reward, Store
from loyalty.queries.basket import BasketLine, examine
from loyalty.queries.points import differences
from loyalty.rules.earning import (
    BadConditions,
    Conditions,
    Facts,
    Line,
    Room,
    Rule,
    earned,
    period_start,
    read_brackets,
    read_conditions,
)
from tests.tracking.received import a_system, receive, said
from tracking.models import PartnerSystem

FRIDAY = dt.datetime(2026, 3, 27, 18, 30, tzinfo=ZoneInfo("America/New_York"))
LINES = (Line("MERLOT", "Wine", Decimal("40.00")), Line("LAGER", "Beer", Decimal("20.00")))
BASKET = Facts(at=FRIDAY, total=Decimal("60.00"), lines=LINES, store="S1")
PER_DOLLAR = Rule(1, "One per dollar", points_per_unit=Decimal(1))


class TestEngine:
    def test_points_are_whole_and_cut_toward_zero(self):
        facts = Facts(at=FRIDAY, total=Decimal("19.99"))
        assert earned([PER_DOLLAR], facts, mode="first") == {1: 19}

    def test_a_part_paid_with_points_earns_nothing(self):
        facts = Facts(at=FRIDAY, total=Decimal("60.00"), paid_with_points=Decimal("15.00"), lines=LINES)
        assert earned([PER_DOLLAR], facts, mode="first") == {1: 45}

    def test_a_rule_about_products_counts_their_part_alone(self):
        wine = Rule(2, "Wine", points_per_unit=Decimal(3), conditions=Conditions(categories=frozenset({"Wine"})))
        assert earned([wine], BASKET, mode="first") == {2: 120}

    def test_with_first_match_one_rule_gives_and_one_multiplier_goes_with_it(self):
        fixed = Rule(2, "Welcome", effect="fixed", points=50)
        double, triple = (Rule(n, "x", effect="multiplier", multiplier=Decimal(n)) for n in (2, 3))
        assert earned([PER_DOLLAR, fixed, triple, double], BASKET, mode="first") == {1: 60, 3: 120}

    def test_added_up_all_that_fit_give_and_multipliers_do_not_multiply_each_other(self):
        fixed = Rule(2, "Welcome", effect="fixed", points=50)
        more = [Rule(n, "x", effect="multiplier", multiplier=Decimal(2)) for n in (3, 4)]
        assert earned([PER_DOLLAR, fixed, *more], BASKET, mode="additive") == {1: 60, 2: 50, 3: 110, 4: 110}

    def test_double_points_on_beer_double_the_beer(self):
        beer = Conditions(categories=frozenset({"Beer"}))
        double = Rule(2, "Double", effect="multiplier", multiplier=Decimal(2), conditions=beer)
        assert earned([PER_DOLLAR, double], BASKET, mode="first") == {1: 60, 2: 20}

    @pytest.mark.parametrize(("total", "points"), [("49.99", 0), ("50.00", 100), ("99.99", 100), ("100.00", 250)])
    def test_brackets_give_by_the_highest_that_is_reached(self, total, points):
        brackets = read_brackets([{"from": "100", "points": 250}, {"from": "50", "points": 100}])
        rule = Rule(1, "Big baskets", effect="bracket", brackets=brackets)
        assert earned([rule], Facts(at=FRIDAY, total=Decimal(total)), mode="first") == {1: points}

    @pytest.mark.parametrize(
        ("conditions", "fits"),
        [
            ({"weekdays": [4]}, True),
            ({"weekdays": [0, 1]}, False),
            ({"from_time": "17:00", "to_time": "19:00"}, True),
            ({"from_time": "19:00", "to_time": "17:00"}, False),
            ({"from_time": "22:00", "to_time": "18:31"}, True),
            ({"stores": ["S1"]}, True),
            ({"stores": ["S2"]}, False),
            ({"skus": ["MERLOT"]}, True),
            ({"skus": ["GIN"]}, False),
            ({"tiers": [7]}, False),
            ({"segments": [3]}, False),
        ],
    )
    def test_every_condition_must_hold(self, conditions, fits):
        rule = Rule(1, "x", effect="fixed", points=5, conditions=read_conditions(conditions))
        assert bool(earned([rule], BASKET, mode="first")) is fits

    @pytest.mark.parametrize(
        ("raw", "words"),
        [
            ({"moon": "full"}, "“moon” is no condition"),
            ({"weekdays": [7]}, "0 for Monday to 6"),
            ({"from_time": "17:00"}, "both hours"),
            ({"from_time": "5pm", "to_time": "19:00"}, "17:00"),
            ({"skus": "BEER"}, "List at most"),
        ],
    )
    def test_conditions_that_cannot_be_meant_say_what_to_change(self, raw, words):
        with pytest.raises(BadConditions, match=words):
            read_conditions(raw)

    @pytest.mark.parametrize("raw", [[{"from": "x", "points": 1}], [{"from": 1}], [{"from": -1, "points": 1}]])
    def test_brackets_that_cannot_be_meant_are_refused(self, raw):
        with pytest.raises(BadConditions):
            read_brackets(raw)

    @for_all(
        total=st.decimals(min_value=0, max_value=10_000, places=2),
        share=st.integers(0, 100),
        room=st.integers(0, 500),
    )
    def test_never_more_than_the_cap_and_never_for_what_was_paid_with_points(self, total, share, room):
        paid = (total * share / 100).quantize(Decimal("0.01"))
        facts = Facts(at=FRIDAY, total=total, paid_with_points=paid)
        points = earned([PER_DOLLAR], facts, mode="first", room={1: Room(points=room)})[1]
        assert 0 <= points <= min(room, total - paid)

    def test_weeks_begin_on_monday_and_for_good_has_no_beginning(self):
        assert period_start("week", FRIDAY.date()) == dt.date(2026, 3, 23)
        assert period_start("month", FRIDAY.date()) == dt.date(2026, 3, 1)
        assert period_start("ever", FRIDAY.date()) == dt.date.min


@pytest.fixture
def store(db: None) -> Store:
    return Store.objects.create(code="S1", name="Main Street", time_zone="America/New_York", state="NY")


@pytest.fixture
def ada(db: None, now: dt.datetime) -> Member:
    return members.join(name="Ada", external_id="A1", email="ada@example.com", now=now, source="test",
                        birth_date=dt.date(1990, 3, 29))  # fmt: skip


@pytest.fixture
def buy(ada, store, now, follow_events):
    """Have the member buy, and the points entered."""

    def bought(number: str, *amounts: str, category: str = "Wine", at: dt.datetime | None = None, paid: str = "0"):
        lines = [
            SoldLine(key=str(n), sku=f"{category}-{n}", category=category, quantity=Decimal(1), amount=Decimal(amount))
            for n, amount in enumerate(amounts)
        ]
        order = purchases.record_order(
            number=number,
            member=ada,
            store=store,
            ordered_at=at or now,
            lines=lines,
            paid_with_points=Decimal(paid),
            now=now,
        )
        follow_events()
        return order

    return bought


def balance(member: Member) -> int:
    return PointsAccount.objects.get(member=member).balance


def a_rule(**fields: object) -> EarnRule:
    return EarnRule.objects.create(**{"name": "Bonus", "effect": "fixed", "points": 10, "priority": 200} | fields)


class TestOrders:
    def test_an_order_of_the_till_earns_and_the_same_order_again_changes_nothing(self, ada, buy):
        buy("T1", "19.99", "10.00")
        buy("T1", "19.99", "10.00")
        assert balance(ada) == 29
        assert Order.objects.get(number="T1").total == Decimal("29.99")

    def test_another_order_under_a_known_number_is_refused(self, buy):
        buy("T1", "19.99")
        with pytest.raises(OrderConflict, match="Order T1 is there already"):
            buy("T1", "29.99")

    def test_a_partial_return_takes_exactly_what_that_part_earned_once(self, ada, buy, now, follow_events):
        order = buy("T1", "20.00", "15.00")
        back = [ReturnedLine(sku="Wine-1", quantity=Decimal(1), amount=Decimal("15.00"))]
        for _ in range(2):
            purchases.return_lines(order=order, lines=back, key="R1", now=now)
            follow_events()
        assert balance(ada) == 20
        assert Order.objects.get(number="T1").total == Decimal("20.00")

    def test_more_than_was_bought_cannot_come_back(self, buy, now):
        order = buy("T1", "20.00")
        back = [ReturnedLine(sku="Wine-0", quantity=Decimal(1), amount=Decimal("20.01"))]
        with pytest.raises(BadReturn, match=r"1 for 20\.00 can come back"):
            purchases.return_lines(order=order, lines=back, key="R1", now=now)

    def test_a_bonus_goes_when_the_return_brings_the_order_below_its_minimum(self, ada, buy, now, follow_events):
        programme.change_terms(earning="additive")
        a_rule(minimum_total=Decimal(30))
        order = buy("T1", "20.00", "15.00")
        assert balance(ada) == 35 + 10
        back = [ReturnedLine(sku="Wine-1", quantity=Decimal(1), amount=Decimal("15.00"))]
        purchases.return_lines(order=order, lines=back, key="R1", now=now)
        follow_events()
        assert balance(ada) == 20

    def test_a_void_earns_nothing_and_cannot_be_returned(self, ada, buy, now, follow_events):
        order = buy("T1", "20.00")
        purchases.void(order=order, now=now)
        purchases.void(order=order, now=now)
        follow_events()
        assert balance(ada) == 0
        with pytest.raises(BadReturn, match="void"):
            purchases.return_lines(
                order=order,
                lines=[ReturnedLine(sku="Wine-0", quantity=Decimal(1), amount=Decimal(1))],
                key="R",
                now=now,
            )

    def test_points_paid_with_points_earn_nothing(self, ada, buy):
        buy("T1", "20.00", paid="5.00")
        assert balance(ada) == 15

    @pytest.mark.parametrize("pay", ["-1", "20.01"])
    def test_nobody_pays_more_with_points_than_the_total(self, buy, pay):
        with pytest.raises(BadOrder, match="between 0 and the total"):
            buy("T1", "20.00", paid=pay)

    def test_points_wait_for_delivery_whichever_is_told_first(self, ada, buy, store, now, follow_events):
        programme.change_terms(pending="delivery")
        order = buy("T1", "20.00")
        assert balance(ada) == 0
        purchases.deliver(order=order, now=now)
        assert balance(ada) == 20
        early = purchases.record_order(
            number="T2", member=ada, store=store, ordered_at=now, now=now,
            lines=[SoldLine(key="1", sku="W", quantity=Decimal(1), amount=Decimal(7))],
        )  # fmt: skip
        purchases.deliver(order=early, now=now)
        follow_events()
        assert balance(ada) == 27

    def test_a_cap_holds_over_a_month_and_a_return_makes_room_again(self, ada, buy, now, follow_events):
        EarnRule.objects.update(cap_points=50, cap_period="month")
        first = buy("T1", "40.00")
        buy("T2", "30.00")
        assert balance(ada) == 50
        purchases.void(order=first, now=now)
        follow_events()
        assert balance(ada) == 10
        buy("T3", "60.00")
        assert balance(ada) == 50
        buy("T4", "8.00", at=now - dt.timedelta(days=31))
        assert balance(ada) == 58

    def test_a_rule_for_once_gives_once(self, ada, buy):
        programme.change_terms(earning="additive")
        a_rule(cap_times=1)
        buy("T1", "1.00")
        buy("T2", "1.00")
        assert balance(ada) == 1 + 1 + 10

    def test_a_rule_for_a_segment_gives_to_its_members_alone(self, ada, buy, admin, now):
        programme.change_terms(earning="additive")
        inside = create_segment(
            name="Adults", description="", by=admin, now=now,
            rule={"field": "member.age", "is": "at_least", "value": 30},
        )  # fmt: skip
        outside = create_segment(
            name="Elders", description="", by=admin, now=now,
            rule={"field": "member.age", "is": "at_least", "value": 80},
        )  # fmt: skip
        a_rule(conditions={"segments": [inside.pk]})
        a_rule(conditions={"segments": [outside.pk]}, points=1000)
        buy("T1", "5.00")
        assert balance(ada) == 15

    def test_a_dry_run_says_what_the_order_then_earns_and_writes_nothing(self, ada, buy, store, now):
        programme.change_terms(earning="additive")
        a_rule(conditions={"categories": ["Wine"]})
        basket = [BasketLine(sku="W", category="Wine", quantity=Decimal(1), amount=Decimal("12.50"))]
        tried = examine(member=ada, lines=basket, store=store, at=now)
        assert (tried.points, [(rule.rule, rule.points) for rule in tried.rules], tried.balance_after) == (
            22, [("One point per dollar", 12), ("Bonus", 10)], 22,
        )  # fmt: skip
        assert not PointsEntry.objects.exists()
        buy("T1", "12.50")
        assert balance(ada) == tried.balance_after

    def test_a_draft_of_a_rule_is_tried_in_its_place(self, ada, store, now):
        draft = EarnRule(name="Draft", effect="fixed", points=500, priority=1)
        basket = [BasketLine(sku="W", category="Wine", quantity=Decimal(1), amount=Decimal("12.50"))]
        tried = examine(member=ada, lines=basket, store=store, at=now, draft=draft)
        assert [(rule.rule, rule.points) for rule in tried.rules] == [("Draft", 500)]
        assert EarnRule.objects.count() == 1

    def test_two_lines_of_one_product_cannot_bring_back_more_than_was_bought(self, buy, now):
        order = buy("T1", "25.00")
        line = ReturnedLine(sku="Wine-0", quantity=Decimal(1), amount=Decimal("25.00"))
        with pytest.raises(BadReturn, match="not 2 for 50"):
            purchases.return_lines(order=order, lines=[line, line], key="R1", now=now)

    def test_a_return_under_a_key_that_begins_like_another_is_a_return_of_its_own(self, ada, buy, now):
        order = buy("T1", "20.00", "15.00")
        for key, sku, amount in (("a:b", "Wine-0", "20.00"), ("a", "Wine-1", "15.00")):
            line = ReturnedLine(sku=sku, quantity=Decimal(1), amount=Decimal(amount))
            purchases.return_lines(order=order, lines=[line], key=key, now=now)
        assert Order.objects.get(number="T1").total == 0

    def test_an_order_told_before_its_rule_was_replaced_still_earns_by_it(self, ada, buy, store, now, follow_events):
        purchases.record_order(
            number="T1", member=ada, store=store, ordered_at=now, now=now,
            lines=[SoldLine(key="1", sku="W", quantity=Decimal(1), amount=Decimal(25))],
        )  # fmt: skip
        buy_rule = EarnRule.objects.get()
        PointsEntry.objects.create(member=ada, points=1, reason="CORRECTION", reference="rests on it", rule=buy_rule,
                                   occurred_at=now, created_at=now)  # fmt: skip
        save_earn_rule(rule=buy_rule, points_per_unit=Decimal(2))
        follow_events()
        assert PointsEntry.objects.get(reason="PURCHASE").points == 25

    def test_a_rule_made_later_gives_nothing_for_a_return(self, ada, buy, now, follow_events):
        EarnRule.objects.all().delete()
        order = buy("T1", "50.00", "50.00")
        EarnRule.objects.create(name="New", points_per_unit=Decimal(10))
        back = [ReturnedLine(sku="Wine-0", quantity=Decimal(1), amount=Decimal(50))]
        purchases.return_lines(order=order, lines=back, key="R1", now=now)
        follow_events()
        assert not PointsEntry.objects.exists()

    def test_holding_a_reward_over_a_return_keeps_no_points(self, ada, buy, now, follow_events):
        programme.change_terms(return_policy="within_balance")
        order = buy("T1", "25.00")
        reward = Reward.objects.create(name="Corkscrew", cost=25, created_at=now, changed_at=now)
        held = redemptions.hold(member=ada, reward=reward, now=now)
        purchases.void(order=order, now=now)
        follow_events()
        redemptions.release(redemption=held, now=now, note="")
        assert balance(ada) == 0
        assert not list(differences())


class TestOccasions:
    def test_a_scan_earns_once_by_its_rule(self, ada, now):
        a_rule(trigger="scan", points=7, conditions={"skus": ["GIN"]})
        scan = Occasion(trigger=EarnRule.Trigger.SCAN, member_id=ada.pk, reference="s1", at=now, sku="GIN")
        other = Occasion(trigger=EarnRule.Trigger.SCAN, member_id=ada.pk, reference="s2", at=now, sku="RUM")
        assert earning.earn([scan, other], now=now) == {"s1": 7}
        assert earning.earn([scan], now=now) == {}
        assert balance(ada) == 7

    def test_a_birthday_earns_once_a_year(self, ada, now):
        a_rule(trigger="birthday", points=100)
        assert occasions.congratulate(now=now) == 1
        assert occasions.congratulate(now=now) == 0
        assert occasions.congratulate(now=now + dt.timedelta(days=1)) == 0
        assert occasions.congratulate(now=now + dt.timedelta(days=365)) == 1

    @pytest.mark.parametrize(("year", "day", "is_kept"), [(2026, 28, True), (2028, 28, False), (2028, 29, True)])
    def test_29_february_is_kept_on_the_28th_in_other_years(self, ada, year, day, is_kept):
        a_rule(trigger="birthday", points=100)
        Member.objects.update(birth_date=dt.date(1992, 2, 29))
        assert occasions.congratulate(now=dt.datetime(year, 2, day, 15, tzinfo=dt.UTC)) == is_kept

    def test_entering_a_segment_earns_once(self, ada, admin, now):
        segment = create_segment(
            name="Adults", description="", by=admin, now=now,
            rule={"field": "member.age", "is": "at_least", "value": 30},
        )  # fmt: skip
        a_rule(trigger="segment", segment=segment, points=25)
        assert occasions.greet_newcomers(now=now) == 1
        assert occasions.greet_newcomers(now=now) == 0
        assert balance(ada) == 25

    def test_an_event_of_a_backend_earns_and_one_of_a_website_does_not(self, ada, now, follow_events):
        a_rule(trigger="event", event_name="Tasting Attended", points=30)
        for system in (a_system(name="Backend", kind=PartnerSystem.Kind.BACKEND), a_system()):
            for _ in range(2):
                receive(system, said("Tasting Attended", "A1", message_id="m1"), at=now)
        follow_events()
        assert balance(ada) == 30
        assert not list(differences())
