"""Product codes read by members: each counts as often as it may."""

import datetime as dt
import uuid
from decimal import Decimal

import pytest
from django.conf import settings

from loyalty.actions import codes, scans, shop
from loyalty.actions.scans import AlreadyScanned, BadCode, CodeIsOver, TooManyGuesses
from loyalty.models import CodeBatch, EarnRule, Member, Scan
from loyalty.rules.codes import text_of
from tests.loyalty.counter import Counted, assert_the_ledger_is_right, balance
from tracking.models import Event

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


@pytest.fixture
def make(counter: Counted, now: dt.datetime):
    def make_batch(**changes) -> CodeBatch:
        usual = {"name": "Sheet", "product": None, "use": "single", "per_member": 1, "size": 3, "points": 10}
        return codes.make(**usual | {"expires_at": None, "by": None, "now": now} | changes)

    return make_batch


def text(batch: CodeBatch, number: int = 0) -> str:
    return text_of(batch.codes.order_by("pk")[number].pk, settings.SECRET_KEY)


def scan(member: Member, code: str, now: dt.datetime, **how) -> scans.Scanned:
    usual = {"client_id": uuid.uuid4(), "scanned_at": now}
    return scans.scan(member=member, text=code, now=now, **usual | how)


def test_a_scan_earns_what_its_batch_and_the_rules_for_scans_give(counter: Counted, make, now):
    beer = shop.save_product(product=None, sku="B1", name="Beer", brand="", category="Beer", kind="", size="")
    EarnRule.objects.create(name="Scan", trigger="scan", effect="fixed", points=5, points_per_unit=Decimal(0))
    ada, batch = counter.member(), make(product=beer)
    scanned = scan(ada, text(batch), now)
    assert (scanned.points, scanned.scan.points, balance(ada)) == (15, 15, 15)
    event = Event.objects.get(name="product.scanned")
    assert (event.subject, event.properties["sku"], event.properties["points"]) == (str(ada.public_id), "B1", 15)
    assert_the_ledger_is_right()


def test_the_same_scan_sent_twice_counts_once_and_is_answered_alike(counter: Counted, make, now):
    ada, code, client_id = counter.member(), text(make()), uuid.uuid4()
    first, again = (scan(ada, code, now, client_id=client_id) for _ in range(2))
    assert (first.scan, first.points, first.is_new) == (again.scan, again.points, True)
    assert (again.is_new, balance(ada), Scan.objects.count()) == (False, 10, 1)


def test_a_single_use_code_counts_for_one_member_only(counter: Counted, make, now):
    ada, bob, batch = counter.member(), counter.member("Bob"), make()
    scan(ada, text(batch), now)
    for member in (ada, bob):
        with pytest.raises(AlreadyScanned):
            scan(member, text(batch), now)
    scan(bob, text(batch, 1), now)
    assert (balance(ada), balance(bob)) == (10, 10)


def test_a_code_for_everybody_counts_for_each_up_to_the_limit(counter: Counted, make, now):
    ada, bob, batch = counter.member(), counter.member("Bob"), make(use="members", per_member=2, size=1)
    for member in (ada, ada, bob):
        scan(member, text(batch), now)
    with pytest.raises(AlreadyScanned):
        scan(ada, text(batch), now)
    assert (balance(ada), balance(bob), batch.codes.get().scans) == (20, 10, 3)


def test_a_code_withdrawn_or_expired_counts_no_more(counter: Counted, make, now):
    ada, withdrawn, expiring = counter.member(), make(), make(expires_at=now + DAY)
    codes.withdraw(batch=withdrawn, now=now)
    for batch in (withdrawn, expiring):
        with pytest.raises(CodeIsOver):
            scan(ada, text(batch), now + DAY)
    assert balance(ada) == 0


def test_a_scan_queued_without_a_network_counts_as_of_then_but_not_for_ever(counter: Counted, make, now):
    ada, batch = counter.member(), make(expires_at=now + HOUR)
    assert scan(ada, text(batch), now + DAY, scanned_at=now).scan.scanned_at == now
    with pytest.raises(CodeIsOver):
        scan(ada, text(batch, 1), now + 9 * DAY, scanned_at=now)
    ahead = make()
    assert scan(ada, text(ahead), now, scanned_at=now + 9 * DAY).scan.scanned_at == now


def test_after_twenty_guesses_a_member_waits_and_so_does_an_address(counter: Counted, make, now):
    ada, bob, batch = counter.member(), counter.member("Bob"), make()
    guess = text_of(batch.codes.all()[0].pk, "another secret")
    for _ in range(20):
        with pytest.raises(BadCode):
            scan(ada, guess, now, address="192.0.2.7")
    with pytest.raises(TooManyGuesses):
        scan(ada, text(batch), now)
    with pytest.raises(TooManyGuesses):
        scan(bob, text(batch), now, address="192.0.2.7")
    assert scan(bob, text(batch), now, address="192.0.2.8").points == 10


def test_a_code_that_was_never_made_is_refused_though_it_is_signed(counter: Counted, now):
    with pytest.raises(BadCode):
        scan(counter.member(), text_of(10**9, settings.SECRET_KEY), now)
