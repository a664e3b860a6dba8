"""The ledger: whatever is done to it in whatever order, each account is the sum of its entries and its lots."""

import datetime as dt
import uuid
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.db.models import Sum
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule, run_state_machine_as_test

from loyalty.actions import ledger, members, points, programme
from loyalty.actions.ledger import Credit, NotEnoughPoints, Reversal, TooManyPoints
from loyalty.models import (
    EarnRule,
    LedgerCheck,
    Member,
    Order,
    PointsAccount,
    PointsEntry,
    PointsLot,
    Programme,
    Redemption,
    Reward,
    Store,
)
from loyalty.queries.points import differences

NOON = dt.datetime(2026, 3, 29, 12, tzinfo=dt.UTC)
Reason, Policy = PointsEntry.Reason, Programme.ReturnPolicy


@pytest.fixture
def ada(db: None) -> Member:
    return members.join(name="Ada", external_id="A1", now=NOON, source="test")


@pytest.fixture
def rule_of_shop(db: None) -> EarnRule:
    return EarnRule.objects.order_by("pk")[0]


def give(member: Member, amount: int, *, at: dt.datetime = NOON, now: dt.datetime = NOON, **more: object) -> Credit:
    given = Credit(
        member_id=member.pk,
        points=amount,
        reason=more.pop("reason", Reason.CORRECTION),
        reference=str(uuid.uuid4()),
        occurred_at=at,
        **more,
    )
    ledger.credit([given], now=now)
    return given


def an_order(member: Member, number: str = "") -> Order:
    store, _ = Store.objects.get_or_create(code="S1", defaults={"name": "Main Street"})
    return Order.objects.create(
        number=number or str(uuid.uuid4()), member=member, store=store, ordered_at=NOON, total=Decimal(100)
    )


def a_hold(member: Member, cost: int, *, now: dt.datetime = NOON) -> Redemption:
    reward, _ = Reward.objects.get_or_create(name="Any", defaults={"cost": 1, "created_at": now, "changed_at": now})
    redemption = Redemption(
        member=member,
        reward=reward,
        points=cost,
        code=uuid.uuid4().hex[:8],
        held_at=now,
        expires_at=now + dt.timedelta(hours=1),
    )
    assert ledger.hold(redemption)
    return redemption


def account(member: Member) -> PointsAccount:
    return PointsAccount.objects.get(member=member)


def lots(member: Member) -> list[tuple[int, int, int]]:
    """(remaining, pending, expired), as they came in."""
    return list(PointsLot.objects.filter(member=member).order_by("pk").values_list("remaining", "pending", "expired"))


@pytest.mark.parametrize("way", ["held", "taken by hand"])
def test_the_lot_that_expires_first_is_spent_first(ada, way):
    programme.change_terms(expiry="rolling", expiry_days=100)
    give(ada, 50, at=NOON)
    give(ada, 70, at=NOON - dt.timedelta(days=30))
    programme.change_terms(expiry="never")
    give(ada, 20)
    if way == "held":
        a_hold(ada, 100)
    else:
        points.correct(member=ada, points=-100, note="Entered twice", reference="x", now=NOON)
    assert lots(ada) == [(20, 0, 0), (0, 0, 0), (20, 0, 0)]


def test_a_hold_that_is_given_back_restores_its_lots_once(ada):
    programme.change_terms(expiry="rolling", expiry_days=100)
    give(ada, 50)
    give(ada, 70, at=NOON - dt.timedelta(days=30))
    held = a_hold(ada, 100)
    ledger.give_back(held, now=NOON, note="changed her mind")
    ledger.give_back(held, now=NOON, note="changed her mind")
    assert account(ada).balance == 120
    assert lots(ada) == [(50, 0, 0), (70, 0, 0)]


def test_nobody_holds_more_than_they_have(ada):
    give(ada, 99)
    with pytest.raises(NotEnoughPoints, match="This takes 100 points; there are 99"), transaction.atomic():
        a_hold(ada, 100)
    assert account(ada).balance == 99


def test_the_same_cause_is_entered_once(ada):
    given = give(ada, 10)
    assert ledger.credit([given], now=NOON) == []
    assert account(ada).balance == 10


@pytest.mark.parametrize("amount", [0, -5, 2**31])
def test_numbers_that_are_no_points_enter_nothing(ada, amount):
    with pytest.raises(TooManyPoints):
        give(ada, amount)
    assert not PointsEntry.objects.exists()


def test_the_database_itself_refuses_to_change_the_past(ada):
    give(ada, 10)
    for statement in ("UPDATE loyalty_pointsentry SET points = 1000", "DELETE FROM loyalty_pointsentry"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    assert account(ada).balance == 10


class TestReturns:
    @pytest.fixture
    def spent(self, ada: Member, rule_of_shop: EarnRule) -> tuple[Member, Order, EarnRule]:
        """100 points of an order, of which 80 are spent, and 30 others."""
        order = an_order(ada)
        give(ada, 100, reason=Reason.PURCHASE, order_id=order.pk, rule_id=rule_of_shop.pk)
        a_hold(ada, 80)
        Redemption.objects.update(status=Redemption.Status.REDEEMED, ended_at=NOON)
        give(ada, 30)
        return ada, order, rule_of_shop

    def take_back(self, spent: tuple[Member, Order, EarnRule], amount: int = 100, net: int = 100) -> None:
        member, order, rule = spent
        reversal = Reversal(
            member_id=member.pk,
            order_id=order.pk,
            rule_id=rule.pk,
            points=amount,
            net=net,
            reference=str(uuid.uuid4()),
            occurred_at=NOON,
        )
        ledger.reverse([reversal], now=NOON)

    @pytest.mark.parametrize(
        ("policy", "balance", "waived"),
        [(Policy.UNLIMITED, -50, 0), (Policy.WITHIN_BALANCE, 0, 50), (Policy.PENDING_ONLY, 50, 100)],
    )
    def test_the_return_policy_says_how_far_a_balance_may_fall(self, spent, policy, balance, waived):
        programme.change_terms(return_policy=policy)
        self.take_back(spent)
        assert account(spent[0]).balance == balance
        assert PointsEntry.objects.get(reason=Reason.RETURN).waived == waived
        assert not list(differences())

    def test_who_owes_pays_with_what_comes_in(self, spent):
        programme.change_terms(return_policy=Policy.UNLIMITED)
        self.take_back(spent)
        give(spent[0], 70)
        assert account(spent[0]).balance == 20
        assert sum(remaining for remaining, *_ in lots(spent[0])) == 20

    def test_pending_points_go_first_and_the_rest_stays_pending(self, ada, rule_of_shop):
        programme.change_terms(pending="days", pending_days=14, return_policy=Policy.PENDING_ONLY)
        order = an_order(ada)
        give(ada, 100, reason=Reason.PURCHASE, order_id=order.pk, rule_id=rule_of_shop.pk)
        self.take_back((ada, order, rule_of_shop), amount=40)
        assert (account(ada).balance, account(ada).pending) == (0, 60)

    def test_points_that_expired_are_not_taken_a_second_time(self, ada, rule_of_shop):
        programme.change_terms(expiry="rolling", expiry_days=10)
        order = an_order(ada)
        give(ada, 100, reason=Reason.PURCHASE, order_id=order.pk, rule_id=rule_of_shop.pk)
        a_hold(ada, 40)
        ledger.expire(now=NOON + dt.timedelta(days=20))
        self.take_back((ada, order, rule_of_shop))
        assert account(ada).balance == -40


class TestTime:
    def test_points_wait_until_the_day_after_the_last_one_and_are_released_once(self, ada):
        programme.change_terms(pending="days", pending_days=3)
        give(ada, 10, reason=Reason.PURCHASE)
        # New York is four hours behind: the 31st ends at 04:00.
        assert ledger.release_pending(now=dt.datetime(2026, 4, 1, 3, 59, tzinfo=dt.UTC)) == 0
        assert ledger.release_pending(now=dt.datetime(2026, 4, 1, 4, 0, tzinfo=dt.UTC)) == 1
        assert ledger.release_pending(now=dt.datetime(2026, 4, 2, tzinfo=dt.UTC)) == 0
        assert (account(ada).balance, account(ada).pending) == (10, 0)

    def test_points_that_wait_for_an_event_of_the_member_are_released_by_it(self, ada):
        programme.change_terms(pending="event", pending_event="parcel.opened")
        give(ada, 10, reason=Reason.PURCHASE)
        assert ledger.release_for_members([ada.pk], event="parcel.lost", now=NOON) == 0
        assert ledger.release_for_members([ada.pk], event="parcel.opened", now=NOON) == 1
        assert account(ada).balance == 10

    def test_what_was_not_used_in_time_expires_once(self, ada):
        programme.change_terms(expiry="rolling", expiry_days=10)
        give(ada, 100)
        a_hold(ada, 30)
        later = NOON + dt.timedelta(days=12)
        assert ledger.expire(now=NOON + dt.timedelta(days=9)) == 0
        assert ledger.expire(now=later) == 1
        assert ledger.expire(now=later) == 0
        assert account(ada).balance == 0
        assert PointsEntry.objects.get(reason=Reason.EXPIRY).points == -70

    def test_points_given_back_after_their_day_expire_at_the_next_sweep(self, ada):
        programme.change_terms(expiry="rolling", expiry_days=10)
        give(ada, 100)
        held = a_hold(ada, 30)
        later = NOON + dt.timedelta(days=12)
        ledger.expire(now=later)
        ledger.give_back(held, now=later, note="")
        assert account(ada).balance == 30
        ledger.expire(now=later)
        assert account(ada).balance == 0
        assert PointsEntry.objects.filter(reason=Reason.EXPIRY).count() == 2

    def test_points_on_a_fixed_day_expire_at_its_end_where_the_shop_is(self, ada):
        programme.change_terms(expiry="fixed", expires_on="03-31")
        give(ada, 10)
        give(ada, 7, at=dt.datetime(2026, 4, 1, 12, tzinfo=dt.UTC))
        assert ledger.expire(now=dt.datetime(2026, 4, 1, 3, 59, tzinfo=dt.UTC)) == 0
        assert ledger.expire(now=dt.datetime(2026, 4, 1, 4, 0, tzinfo=dt.UTC)) == 1
        assert account(ada).balance == 7

    def test_sliding_points_stay_as_long_as_the_member_keeps_coming(self, ada):
        programme.change_terms(expiry="sliding", expiry_days=30)
        give(ada, 10)
        give(ada, 5, at=NOON + dt.timedelta(days=25), now=NOON + dt.timedelta(days=25))
        assert ledger.expire(now=NOON + dt.timedelta(days=50)) == 0
        assert ledger.expire(now=NOON + dt.timedelta(days=56)) == 2
        assert account(ada).balance == 0


class TestCheck:
    def test_a_ledger_that_adds_up_is_said_to(self, ada, capsys):
        give(ada, 10)
        call_command("check_ledger")
        assert "1 accounts agree with 1 entries" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("planted", "words"),
        [
            ("UPDATE loyalty_pointsaccount SET balance = balance + 5", "the balance says 15, the entries 10"),
            ("UPDATE loyalty_pointslot SET remaining = 3", "3 remain in lots, by the entries 10"),
            ("UPDATE loyalty_pointsaccount SET pending = 4", "4 are pending, by the entries 0"),
        ],
    )
    def test_a_planted_difference_is_found_and_named(self, ada, capsys, planted, words):
        give(ada, 10)
        with connection.cursor() as cursor:
            cursor.execute(planted)
        with pytest.raises(CommandError, match="1 of 1 accounts"):
            call_command("check_ledger")
        assert f"Member {ada.public_id}: " in (told := capsys.readouterr().err)
        assert words in told
        assert LedgerCheck.objects.get().difference_count == 1


class Ledger(RuleBasedStateMachine):
    """Everything that can be done with points, in any order, beside a model that only counts."""

    held, bought = Bundle("held"), Bundle("bought")

    def __init__(self) -> None:
        super().__init__()
        self.now = NOON
        self.balance = self.pending = 0
        self.member = members.join(name="Somebody", now=NOON, source="test")
        self.rule_id = EarnRule.objects.order_by("pk")[0].pk
        programme.change_terms(pending="at_once", expiry="never", return_policy=Policy.UNLIMITED)

    @rule(kind=st.sampled_from(Programme.Expiry.values), days=st.integers(1, 60))
    def the_shop_changes_when_points_expire(self, kind: str, days: int) -> None:
        programme.change_terms(expiry=kind, expiry_days=days)

    @rule(days=st.integers(0, 20), policy=st.sampled_from(Policy.values))
    def the_shop_changes_how_long_points_wait(self, days: int, policy: str) -> None:
        programme.change_terms(pending="days" if days else "at_once", pending_days=max(days, 1), return_policy=policy)

    @rule(target=bought, amount=st.integers(1, 500))
    def an_order_earns(self, amount: int) -> list[object]:
        order = an_order(self.member)
        give(self.member, amount, at=self.now, now=self.now, reason=Reason.PURCHASE, order_id=order.pk,
             rule_id=self.rule_id)  # fmt: skip
        self._count(f"order {order.pk}")
        return [order, amount]

    @rule(amount=st.integers(-300, 300).filter(bool))
    def staff_correct(self, amount: int) -> None:
        try:
            points.correct(member=self.member, points=amount, note="why", reference=str(uuid.uuid4()), now=self.now)
        except points.BadCorrection:
            assert self.balance + amount < 0
        else:
            self.balance += amount

    @rule(bought=bought, share=st.integers(1, 100))
    def some_of_it_comes_back(self, bought: list, share: int) -> None:
        order, net = bought
        amount = net * share // 100
        if not amount:
            return
        reversal = Reversal(
            member_id=self.member.pk, order_id=order.pk, rule_id=self.rule_id, points=amount, net=net,
            reference=str(uuid.uuid4()), occurred_at=self.now,
        )  # fmt: skip
        before = self.balance
        ledger.reverse([reversal], now=self.now)
        entry = PointsEntry.objects.get(reason=Reason.RETURN, reference=reversal.reference)
        assert -entry.points - entry.pending + entry.waived == amount
        if terms_of_shop().return_policy != Policy.UNLIMITED:
            assert before + entry.points >= min(before, 0) - self._held()
        bought[1] -= amount
        self.balance += entry.points
        self.pending += entry.pending

    @rule(target=held, cost=st.integers(1, 400))
    def a_reward_is_held(self, cost: int) -> object:
        try:
            with transaction.atomic():
                redemption = a_hold(self.member, cost, now=self.now)
        except NotEnoughPoints:
            assert cost > self.balance
            return multiple()
        self.balance -= cost
        return [redemption, False]

    @rule(held=held)
    def a_hold_is_given_back(self, held: list) -> None:
        ledger.give_back(held[0], now=self.now, note="")
        if not held[1]:
            self.balance += held[0].points
        held[1] = True

    @rule(days=st.integers(1, 40))
    def time_passes(self, days: int) -> None:
        self.now += dt.timedelta(days=days)
        ledger.release_pending(now=self.now)
        ledger.expire(now=self.now)
        self._count("time")

    def _held(self) -> int:
        """On rewards that can still be given back."""
        return Redemption.objects.filter(member=self.member, status="held").aggregate(held=Sum("points", default=0))[
            "held"
        ]

    def _count(self, _why: str) -> None:
        """What waits and what expired is the ledger's own to say; that it adds up is checked after each step."""
        entries = PointsEntry.objects.filter(member=self.member)
        self.balance = sum(entry.points for entry in entries)
        self.pending = sum(entry.pending for entry in entries)

    @invariant()
    def the_account_is_what_its_entries_and_lots_say(self) -> None:
        kept = account(self.member)
        assert (kept.balance, kept.pending) == (self.balance, self.pending)
        assert not [found for found in differences() if found.member == str(self.member.public_id)]

    @invariant()
    def nothing_usable_is_past_its_day(self) -> None:
        overdue = PointsLot.objects.filter(member=self.member, pending__gt=0, pending_until__lte=self.now)
        assert not overdue.exists()


def terms_of_shop() -> Programme:
    return Programme.objects.get(pk=1)


def test_in_whatever_order_points_move_every_account_adds_up(db):
    run_state_machine_as_test(
        Ledger,
        settings=settings(
            max_examples=25,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
