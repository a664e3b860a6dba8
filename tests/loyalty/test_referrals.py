"""Friends brought by members: both earn at the first purchase, and what looks like an abuse waits for a person."""

import datetime as dt
from decimal import Decimal
from itertools import pairwise

import pytest

from loyalty.actions import merging, programme, purchases, referrals
from loyalty.actions.purchases import ReturnedLine, SoldLine
from loyalty.actions.referrals import BadReview
from loyalty.events import OrderPaid
from loyalty.models import Device, EarnRule, Member, Order, PointsEntry, Referral
from loyalty.rules.referrals import Reason, mailbox
from tests.loyalty.counter import Counted, assert_the_ledger_is_right, balance
from tracking.actions import record
from tracking.models import Event

DAY, MINUTE = dt.timedelta(days=1), dt.timedelta(minutes=1)
Status = Referral.Status


class Friends:
    """Members who join by each other's links, and buy."""

    def __init__(self, counter: Counted) -> None:
        self.counter, self.now, self.store = counter, counter.now, counter.store()
        self.number = 0

    def joins(self, friend: Member, referrer: Member, *, device: bytes | None = None, address: str | None = None):
        code = referrals.invite_of(referrer, now=self.now).code
        return referrals.note_joined(friend=friend, code=code, address=address, device_digest=device, now=self.now)

    def buys(self, member: Member, total: str = "20.00", *, at: dt.datetime | None = None) -> int:
        """The order, told in the log and followed; how many referrals it converted."""
        return referrals.follow_orders([self.orders(member, total, at=at).pk], now=self.now + MINUTE)

    def orders(self, member: Member, total: str = "20.00", *, at: dt.datetime | None = None) -> Event:
        self.number += 1
        order = Order.objects.create(
            number=f"O{self.number}", member=member, store=self.store, ordered_at=at or self.now + MINUTE,
            total=Decimal(total),
        )  # fmt: skip
        paid = OrderPaid(subject=str(member.public_id), order=order.number, store="S1", total=total, currency="USD")
        record(paid, key=order.number, at=order.ordered_at)
        return Event.objects.filter(name="order.paid").latest("pk")

    def at_the_till(self, member: Member, *amounts: str) -> Order:
        """Two bottles or more, that can be brought back."""
        self.number += 1
        lines = [
            SoldLine(key=f"{place}", sku=f"W{place}", quantity=Decimal(1), amount=Decimal(amount))
            for place, amount in enumerate(amounts)
        ]
        return purchases.record_order(
            number=f"T{self.number}", member=member, store=self.store, ordered_at=self.now + MINUTE, lines=lines,
            now=self.now + MINUTE,
        )  # fmt: skip

    def brings_back(self, order: Order, *skus: str) -> None:
        for sku in skus:
            sold = order.lines.get(product__sku=sku, quantity__gt=0)
            back = [ReturnedLine(sku=sku, quantity=sold.quantity, amount=sold.amount)]
            purchases.return_lines(order=order, lines=back, key=sku, now=self.now + DAY)


@pytest.fixture
def friends(counter: Counted) -> Friends:
    return Friends(counter)


def test_both_sides_earn_when_the_friend_first_buys_and_only_then(friends, counter: Counted):
    ada, bob = counter.member("Ada"), counter.member("Bob")
    referral = friends.joins(bob, ada)
    assert (referral.status, referral.reasons, balance(ada)) == (Status.JOINED, [], 0)
    assert [friends.buys(bob), friends.buys(bob)] == [1, 0]
    referral.refresh_from_db()
    assert (referral.status, referral.order.number) == (Status.REWARDED, "O1")
    assert (balance(ada), balance(bob)) == (200, 100)
    assert Event.objects.filter(name="referral.rewarded").count() == 1
    assert_the_ledger_is_right()


def test_an_order_in_the_log_is_enough(friends, counter: Counted, follow_events):
    ada, bob = counter.member("Ada"), counter.member("Bob")
    friends.joins(bob, ada)
    friends.orders(bob)
    follow_events()
    assert Referral.objects.get().status == Status.REWARDED
    assert balance(ada) == 200


def test_reading_the_log_again_rewards_nobody_twice(friends, counter: Counted, now):
    ada, bob = counter.member("Ada"), counter.member("Bob")
    friends.joins(bob, ada)
    friends.buys(bob)
    events = list(Event.objects.filter(name="order.paid").values_list("pk", flat=True))
    assert referrals.follow_orders(events, now=now) == 0
    assert balance(ada) == 200


def test_a_first_order_below_the_minimum_waits_for_a_larger_one(friends, counter: Counted):
    programme.change_terms(referral_minimum=Decimal(50))
    ada, bob = counter.member("Ada"), counter.member("Bob")
    friends.joins(bob, ada)
    assert [friends.buys(bob, "49.99"), friends.buys(bob, "50.00")] == [0, 1]


def test_a_friend_who_had_bought_before_is_held(friends, counter: Counted, now):
    ada, bob = counter.member("Ada"), counter.member("Bob")
    referral = friends.joins(bob, ada)
    friends.buys(bob, at=now - DAY)
    assert friends.buys(bob) == 0
    referral.refresh_from_db()
    assert (referral.status, referral.reasons, balance(ada)) == (Status.HELD, [Reason.KNOWN], 0)


def test_milestones_are_paid_once_each(friends, counter: Counted):
    programme.change_terms(milestones={2: 500, 3: 1_000})
    ada = counter.member("Ada")
    for number in range(4):
        friend = counter.member(f"Friend {number}")
        friends.joins(friend, ada)
        friends.buys(friend)
    assert balance(ada) == 4 * 200 + 500 + 1_000
    assert_the_ledger_is_right()


def test_nobody_brings_themselves_and_a_friend_is_brought_once(friends, counter: Counted, now):
    ada, bob, cy = (counter.member(name) for name in ("Ada", "Bob", "Cy"))
    assert friends.joins(ada, ada) is None
    assert friends.joins(bob, ada) is not None
    assert friends.joins(bob, cy) is None
    assert referrals.note_joined(friend=cy, code="NOBODY", address=None, device_digest=None, now=now) is None


def test_the_same_person_under_another_address_is_held(friends, counter: Counted):
    ada = counter.member("Ada Lovelace", email="ada@example.com")
    again = counter.member("ada  lovelace", email="other@example.com")
    assert Reason.SELF in friends.joins(again, ada).reasons
    assert friends.buys(again) == 0
    assert (balance(ada), balance(again)) == (0, 0)


@pytest.mark.parametrize("spelling", ["ada+1@example.com", "ada+regulars@example.com"])
def test_another_spelling_of_the_same_mailbox_is_held(friends, counter: Counted, spelling):
    ada, again = counter.member("Ada", email="ada@example.com"), counter.member("Else", email=spelling)
    assert friends.joins(again, ada).reasons == [Reason.CONTACT]


def test_one_mailbox_cannot_be_many_friends(friends, counter: Counted):
    ada = counter.member("Ada")
    emails = ["bur.ner@gmail.com", "burner+2@gmail.com", "b.u.r.n.e.r@googlemail.com", "honest@gmail.com"]
    found = [friends.joins(counter.member(f"Friend {n}", email=email), ada).reasons for n, email in enumerate(emails)]
    assert found[:2] == [[], [Reason.CONTACT]]
    assert (mailbox(emails[0]), found[3]) == (mailbox(emails[2]), [])


def test_a_device_that_has_joined_or_signed_in_before_is_held(friends, counter: Counted, now):
    ada, bob, cy, dan = (counter.member(name) for name in ("Ada", "Bob", "Cy", "Dan"))
    Device.objects.create(member=ada, name="Phone", created_at=now, seen_at=now, browser_digest=b"a" * 32)
    Device.objects.create(member=bob, name="Phone", created_at=now, seen_at=now, browser_digest=b"b" * 32)
    assert friends.joins(bob, ada, device=b"b" * 32).reasons == []
    assert friends.joins(cy, ada, device=b"b" * 32).reasons == [Reason.DEVICE]
    assert friends.joins(dan, ada, device=b"a" * 32).reasons == [Reason.DEVICE]


def test_two_who_bring_each_other_earn_nothing(friends, counter: Counted):
    ada, bob = counter.member("Ada"), counter.member("Bob")
    first, second = friends.joins(bob, ada), friends.joins(ada, bob)
    assert friends.buys(ada) + friends.buys(bob) == 0
    for referral in (first, second):
        referral.refresh_from_db()
        assert (referral.status, referral.reasons) == (Status.HELD, [Reason.RING])
    assert (balance(ada), balance(bob)) == (0, 0)


def test_a_ring_of_fifty_earns_nothing(friends, counter: Counted):
    programme.change_terms(referrals_per_month=100)
    ring = [counter.member(f"Member {number}") for number in range(50)]
    for referrer, friend in zip(ring, [*ring[1:], ring[0]], strict=True):
        friends.joins(friend, referrer)
    assert sum(friends.buys(member) for member in ring) == 0
    assert {tuple(each.reasons) for each in Referral.objects.all()} == {(Reason.RING,)}
    assert sum(balance(member) for member in ring) == 0


def test_a_chain_that_does_not_close_earns_as_usual(friends, counter: Counted):
    chain = [counter.member(f"Member {number}") for number in range(4)]
    for referrer, friend in pairwise(chain):
        assert friends.joins(friend, referrer).status == Status.JOINED
    assert sum(friends.buys(member) for member in chain) == 3


def test_of_a_crowd_from_one_address_five_pass_a_day_and_the_rest_wait(friends, counter: Counted, now):
    programme.change_terms(referrals_per_month=1_000)
    ada = counter.member("Ada")
    burners = [counter.member(f"Burner {number}") for number in range(40)]
    for burner in burners:
        friends.joins(burner, ada, address="192.0.2.7")
    rewarded = sum(friends.buys(burner) for burner in burners)
    held = Referral.objects.filter(status=Status.HELD)
    assert (rewarded, held.count(), balance(ada)) == (5, 35, 5 * 200)
    assert {tuple(each.reasons) for each in held} == {(Reason.ADDRESS,)}


def test_more_friends_a_month_than_the_programme_allows_wait(friends, counter: Counted):
    programme.change_terms(referrals_per_month=2)
    ada = counter.member("Ada")
    found = [friends.joins(counter.member(f"Friend {n}"), ada).reasons for n in range(3)]
    assert found == [[], [], [Reason.MANY]]


def test_a_member_of_old_is_no_new_friend(friends, counter: Counted, now):
    ada, old = counter.member("Ada"), counter.member("Old", now=now - 2 * DAY)
    assert friends.joins(old, ada).reasons == [Reason.KNOWN]


def test_accepting_rewards_the_purchase_that_waited(friends, counter: Counted, manager, now):
    ada, old = counter.member("Ada"), counter.member("Old", now=now - 2 * DAY)
    referral = friends.joins(old, ada)
    assert friends.buys(old) == 0
    done = referrals.review(referral=referral, accept=True, by=manager, note="A cousin.", now=now)
    assert (done.status, done.reviewed_by, balance(ada), balance(old)) == (Status.REWARDED, manager, 200, 100)
    with pytest.raises(BadReview):
        referrals.review(referral=referral, accept=False, by=manager, note="No.", now=now)


def test_accepting_before_the_purchase_lets_it_count_later(friends, counter: Counted, manager, now):
    ada, old = counter.member("Ada"), counter.member("Old", now=now - 2 * DAY)
    referral = friends.joins(old, ada)
    assert referrals.review(referral=referral, accept=True, by=manager, note="", now=now).status == Status.JOINED
    assert friends.buys(old) == 1


def test_a_refused_referral_never_earns_and_keeps_its_reason(friends, counter: Counted, manager, now):
    ada, old = counter.member("Ada"), counter.member("Old", now=now - 2 * DAY)
    referral = friends.joins(old, ada)
    with pytest.raises(BadReview, match="Say why"):
        referrals.review(referral=referral, accept=False, by=manager, note=" ", now=now)
    referrals.review(referral=referral, accept=False, by=manager, note="The same flat.", now=now)
    assert friends.buys(old) == 0
    referral.refresh_from_db()
    assert (referral.status, referral.note, balance(ada)) == (Status.REFUSED, "The same flat.", 0)


@pytest.fixture
def brought(friends: Friends, counter: Counted, follow_events) -> tuple[Member, Member, Order]:
    """Ada, the friend she brought, and the friend's first order, for which both were rewarded."""
    EarnRule.objects.all().delete()
    ada, bob = counter.member("Ada"), counter.member("Bob")
    friends.joins(bob, ada)
    order = friends.at_the_till(bob, "30.00", "20.00")
    follow_events()
    assert (balance(ada), balance(bob)) == (200, 100)
    return ada, bob, order


def test_a_first_order_that_comes_back_whole_takes_the_points_of_both_back_once(
    brought, friends: Friends, now, follow_events
):
    ada, bob, order = brought
    friends.brings_back(order, "W0", "W1")
    follow_events()
    follow_events()
    purchases.void(order=order, now=now + 2 * DAY)
    follow_events()
    assert (balance(ada), balance(bob)) == (0, 0)
    assert PointsEntry.objects.filter(reference__startswith="void:").count() == 2
    assert Referral.objects.get().status == Status.REFUSED
    assert friends.buys(bob) == 0, "the referral is over"
    assert_the_ledger_is_right()


def test_a_first_order_that_comes_back_in_part_still_counts(brought, friends: Friends, follow_events):
    ada, bob, order = brought
    friends.brings_back(order, "W0")
    follow_events()
    assert (balance(ada), balance(bob)) == (200, 100)
    assert Referral.objects.get().status == Status.REWARDED


def test_a_voided_first_order_takes_the_points_of_both_back(brought, now, follow_events):
    ada, bob, order = brought
    purchases.void(order=order, now=now + DAY)
    follow_events()
    assert (balance(ada), balance(bob), Referral.objects.get().status) == (0, 0, Status.REFUSED)
    assert_the_ledger_is_right()


def test_a_milestone_stays_when_a_friends_first_order_comes_back(friends, counter: Counted, follow_events):
    EarnRule.objects.all().delete()
    programme.change_terms(milestones={1: 500})
    ada, bob = counter.member("Ada"), counter.member("Bob")
    friends.joins(bob, ada)
    order = friends.at_the_till(bob, "30.00")
    follow_events()
    friends.brings_back(order, "W0")
    follow_events()
    assert balance(ada) == 500


def test_points_that_still_wait_go_too(friends, counter: Counted, follow_events):
    EarnRule.objects.all().delete()
    programme.change_terms(pending="days", pending_days=30)
    ada, bob = counter.member("Ada"), counter.member("Bob")
    friends.joins(bob, ada)
    order = friends.at_the_till(bob, "30.00")
    follow_events()
    friends.brings_back(order, "W0")
    follow_events()
    assert [(each.balance + each.pending) for each in (ada.points_account, bob.points_account)] == [0, 0]


def test_the_points_go_from_who_has_them_after_a_merge(brought, friends, counter: Counted, admin, now, follow_events):
    ada, _, order = brought
    kept = counter.member("Countess")
    merging.merge(kept=kept, merged=ada, from_merged={}, by=admin, now=now + MINUTE)
    assert balance(kept) == 200
    friends.brings_back(order, "W0", "W1")
    follow_events()
    assert (balance(kept), balance(ada)) == (0, 0)


def test_a_later_purchase_stands_in_for_the_first_one_that_was_voided(
    friends, counter: Counted, manager, now, follow_events
):
    EarnRule.objects.all().delete()
    ada, bob = counter.member("Ada"), counter.member("Bob")
    friends.joins(bob, ada, device=b"1" * 32)
    Referral.objects.update(status=Status.HELD)
    first, _second = friends.at_the_till(bob, "30.00"), friends.at_the_till(bob, "20.00")
    follow_events()
    purchases.void(order=first, now=now + DAY)
    follow_events()
    referrals.review(referral=Referral.objects.get(), accept=True, by=manager, note="", now=now + DAY)
    assert (balance(ada), balance(bob)) == (200, 100)


def test_a_purchase_that_came_back_is_not_rewarded_by_a_later_review(
    friends, counter: Counted, manager, now, follow_events
):
    EarnRule.objects.all().delete()
    ada, bob = counter.member("Ada"), counter.member("Bob")
    friends.joins(bob, ada, device=b"1" * 32)
    Referral.objects.update(status=Status.HELD)
    order = friends.at_the_till(bob, "30.00")
    follow_events()
    friends.brings_back(order, "W0")
    follow_events()
    referrals.review(referral=Referral.objects.get(), accept=True, by=manager, note="", now=now + DAY)
    assert (balance(ada), balance(bob)) == (0, 0)
    friends.at_the_till(bob, "25.00")
    follow_events()
    assert (balance(ada), balance(bob)) == (200, 100)
