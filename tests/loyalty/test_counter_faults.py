"""Crowds and cheats at the counter, on real connections: each reward, code and friend counts once."""

import datetime as dt
import uuid
from collections import Counter
from functools import partial

import pytest
from django.conf import settings
from django.db import transaction

from loyalty.actions import cards, codes, programme, redemptions, referrals, scans
from loyalty.events import OrderPaid
from loyalty.models import Device, Member, Order, PointsAccount, Redemption, Referral, Scan
from loyalty.rules import proofs
from loyalty.rules.codes import text_of
from tests.loyalty.counter import Counted, assert_the_ledger_is_right, at_once, balance, pin, wrong_pin
from tracking.actions import record_all
from tracking.actions.record import Occurrence
from tracking.models import Event

pytestmark = pytest.mark.django_db(transaction=True)
CROWD, ROUNDS = 50, 100


@pytest.mark.fault
def test_of_fifty_holds_at_once_the_balance_pays_for_exactly_one(counter: Counted, now):
    reward = counter.reward(cost=100)
    for number in range(ROUNDS):
        member = counter.member(f"Member {number}", points=100)
        outcomes = at_once([partial(redemptions.hold, member=member, reward=reward, now=now)] * CROWD)
        assert outcomes == {"done": 1, "not_enough_points": CROWD - 1}
        assert balance(member) == 0
    assert_the_ledger_is_right()


def test_a_member_without_a_balance_holds_nothing_however_often_they_ask(counter: Counted, now):
    reward, member = counter.reward(cost=100), counter.member()
    PointsAccount.objects.filter(member=member).delete()
    outcomes = at_once([partial(redemptions.hold, member=member, reward=reward, now=now)] * CROWD)
    assert outcomes == {"not_enough_points": CROWD}
    assert not Redemption.objects.exists()


def test_fifty_members_at_once_share_the_last_seven(counter: Counted, now):
    reward = counter.reward(stock=7)
    crowd = [counter.member(f"Member {number}", points=100) for number in range(CROWD)]
    outcomes = at_once([partial(redemptions.hold, member=member, reward=reward, now=now) for member in crowd])
    reward.refresh_from_db()
    assert (outcomes, reward.stock) == ({"done": 7, "sold_out": CROWD - 7}, 0)
    assert sum(balance(member) for member in crowd) == (CROWD - 7) * 100
    assert_the_ledger_is_right()


def test_the_limit_for_a_member_holds_when_they_ask_fifty_times_at_once(counter: Counted, now):
    member, reward = counter.member(points=10_000), counter.reward(per_member=2)
    outcomes = at_once([partial(redemptions.hold, member=member, reward=reward, now=now)] * CROWD)
    assert outcomes == {"done": 2, "taken_already": CROWD - 2}


def test_a_held_reward_is_handed_over_given_back_or_runs_out_but_only_one_of_these(counter: Counted, now):
    member, reward = counter.member(points=100), counter.reward(stock=1)
    held = redemptions.hold(member=member, reward=reward, now=now)
    # Every till has had the PIN checked before the first of them hands over.
    proof = redemptions.check_proof(redemption=held, proof=pin(held), now=now)
    redeem = partial(redemptions.hand_over, redemption=held, proof=proof, by=None, store=None, now=now)
    release = partial(redemptions.release, redemption=held, now=now, note="")
    outcomes = at_once([redeem, release] * (CROWD // 2))
    assert outcomes == {"done": 1, "wrong_state": CROWD - 1}
    held.refresh_from_db()
    reward.refresh_from_db()
    given_back = held.status == Redemption.Status.RELEASED
    assert (balance(member), reward.stock) == ((100, 1) if given_back else (0, 0))
    assert_the_ledger_is_right()


def test_fifty_guesses_at_a_pin_at_once_get_five_tries(counter: Counted, now):
    member = counter.member(points=100)
    held = redemptions.hold(member=member, reward=counter.reward(), now=now)
    guess = partial(redemptions.redeem, redemption=held, proof=wrong_pin(held), by=None, store=None, now=now)
    outcomes = at_once([guess] * CROWD)
    assert outcomes == {"wrong_proof": 5, "wrong_state": CROWD - 5}
    held.refresh_from_db()
    assert (held.status, balance(member)) == (Redemption.Status.RELEASED, 100)


def test_two_sweeps_at_once_end_each_hold_once(counter: Counted, now):
    members = [counter.member(f"Member {number}", points=100) for number in range(20)]
    reward = counter.reward(stock=20)
    for member in members:
        redemptions.hold(member=member, reward=reward, now=now)
    later = now + dt.timedelta(hours=1)
    at_once([partial(redemptions.expire_holds, now=later)] * 4)
    reward.refresh_from_db()
    assert (reward.stock, {balance(member) for member in members}) == (20, {100})
    assert_the_ledger_is_right()


def test_fifty_members_at_once_use_a_single_use_code_once(counter: Counted, now):
    batch = codes.make(
        name="Sheet", product=None, use="single", per_member=1, size=1, points=10, expires_at=None, by=None, now=now
    )
    text = text_of(batch.codes.get().pk, settings.SECRET_KEY)
    crowd = [counter.member(f"Member {number}") for number in range(CROWD)]
    outcomes = at_once([partial(_scan, member, text, now) for member in crowd])
    assert outcomes == {"done": 1, "already_scanned": CROWD - 1}
    assert sum(balance(member) for member in crowd) == 10
    assert_the_ledger_is_right()


def test_a_queued_scan_that_is_sent_fifty_times_at_once_counts_once(counter: Counted, now):
    batch = codes.make(
        name="Sheet", product=None, use="members", per_member=9, size=1, points=10, expires_at=None, by=None, now=now
    )
    text = text_of(batch.codes.get().pk, settings.SECRET_KEY)
    member, client_id = counter.member(), uuid.uuid4()
    assert at_once([partial(_scan, member, text, now, client_id)] * CROWD) == {"done": CROWD}
    assert (Scan.objects.count(), balance(member)) == (1, 10)


def test_one_card_at_fifty_tills_at_once_is_read_once(counter: Counted, now):
    phone = Device.objects.create(member=counter.member(), name="Phone", created_at=now, seen_at=now)
    text = proofs.card_text(phone.public_id, proofs.card_key(phone.public_id, settings.SECRET_KEY), now)
    outcomes = at_once([partial(cards.read_card, text=text, now=now)] * CROWD)
    assert outcomes == {"done": 1, "card_not_read": CROWD - 1}


@pytest.mark.fault
def test_of_a_thousand_burners_from_one_address_five_are_rewarded_and_the_rest_wait(counter: Counted, now):
    programme.change_terms(referrals_per_month=1_000)
    ada, store = counter.member("Ada"), counter.store()
    code = referrals.invite_of(ada, now=now).code
    burners = [counter.member(f"Burner {number}") for number in range(1_000)]
    joins = [partial(_join, burner, code, now) for burner in burners]
    outcomes = Counter[str]()
    for start in range(0, len(joins), CROWD):
        outcomes += at_once(joins[start : start + CROWD])
    assert outcomes == {"done": 1_000}
    orders = Order.objects.bulk_create(
        Order(number=f"O{member.pk}", member=member, store=store, ordered_at=now, total=20) for member in burners
    )
    at_once([partial(_follow, orders, now)] * 4)
    assert Referral.objects.filter(status=Referral.Status.HELD).count() == 995
    assert (Referral.objects.filter(status=Referral.Status.REWARDED).count(), balance(ada)) == (5, 5 * 200)
    assert_the_ledger_is_right()


def _scan(member: Member, text: str, now: dt.datetime, client_id: uuid.UUID | None = None) -> None:
    scans.scan(member=member, text=text, client_id=client_id or uuid.uuid4(), scanned_at=now, now=now)


def _join(friend: Member, code: str, now: dt.datetime) -> None:
    referrals.note_joined(friend=friend, code=code, address="192.0.2.7", device_digest=None, now=now)


def _follow(orders: list[Order], now: dt.datetime) -> None:
    """What the follower does with the orders of a batch; here four do it at once."""
    referrals.follow_orders(_told(orders), now=now)


def _told(orders: list[Order]) -> list[int]:
    paid = [
        Occurrence(
            OrderPaid(
                subject=str(order.member.public_id), order=order.number, store="S1", total="20.00", currency="USD"
            ),
            order.number,
            order.ordered_at,
        )
        for order in orders
    ]
    with transaction.atomic():
        record_all(paid)
    return list(Event.objects.filter(name="order.paid").values_list("pk", flat=True))
