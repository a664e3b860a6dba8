"""Processes die and clerks crowd while points move: afterwards nothing is lost, and nothing was counted twice."""

import datetime as dt
import json
import os
import random
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from functools import partial
from pathlib import Path

import psycopg
import pytest
from django.db import connection, transaction

from config import embedded
from loyalty.actions import (
    business,
    earning,
    ledger,
    members,
    merging,
    points,
    profiles,
    programme,
    purchases,
    redemptions,
)
from loyalty.actions.ledger import Credit, Debit
from loyalty.models import Member, PointsAccount, PointsEntry, PointsLot, Redemption, Reward, Store, User
from loyalty.queries.points import differences
from tests.copies import ROOT, Copy, wait_for
from tests.loyalty.counter import at_once
from tracking.models import Event

NOON = dt.datetime(2026, 3, 29, 12, tzinfo=dt.UTC)
KILLS, ORDERS = 20, 150

EXPIRE = """
import datetime as dt, django
django.setup()
from loyalty.actions import ledger
from loyalty.actions.ledger import due
due.MEMBERS_A_STEP = 10
ledger.expire(now=dt.datetime.fromisoformat({now!r}))
"""


@pytest.fixture
def shop_rules(db: None) -> None:
    """What a new shop starts with: tests that commit begin with empty tables."""
    programme.ship_programme()
    points.ship_earn_rule()


def expiring(now: dt.datetime) -> "subprocess.Popen[bytes]":
    """The sweep in a process of its own, on the database of this test."""
    here = os.environ["DATABASE_URL"].rpartition("/")[0] + f"/{connection.settings_dict['NAME']}"
    return subprocess.Popen(
        [sys.executable, "-c", EXPIRE.format(now=now.isoformat())],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": here, "DJANGO_SETTINGS_MODULE": "config.settings"},
    )


@pytest.mark.fault
@pytest.mark.django_db(transaction=True)
def test_the_sweep_that_expires_points_is_killed_again_and_again_and_each_lot_expires_once(shop_rules):
    programme.change_terms(expiry="rolling", expiry_days=10)
    crowd = [members.join(name=f"Member {n}", now=NOON, source="test") for n in range(600)]
    with transaction.atomic():
        ledger.credit(
            [
                Credit(member_id=member.pk, points=amount, reason="CORRECTION", reference=f"{member.pk}:{amount}",
                       occurred_at=NOON)
                for member in crowd for amount in (5, 7)
            ],
            now=NOON,
        )  # fmt: skip
    later, chance = NOON + dt.timedelta(days=12), random.Random(1)

    def expired() -> int:
        return PointsEntry.objects.filter(reason="EXPIRY").count()

    for _ in range(KILLS):
        before, sweep = expired(), expiring(later)
        goal = before + chance.randrange(0, 40)
        wait_for(lambda goal=goal, sweep=sweep: expired() > goal or sweep.poll() is not None)
        sweep.send_signal(signal.SIGKILL)
        sweep.wait()
    last = [expiring(later), expiring(later)]
    assert [sweep.wait(120) for sweep in last] == [0, 0]
    assert expired() == PointsLot.objects.count() == 1200
    assert not PointsAccount.objects.exclude(balance=0).exists()
    assert not list(differences())


@pytest.mark.fault
@pytest.mark.django_db(transaction=True)
def test_two_accounts_written_in_opposite_order_by_many_never_wait_for_each_other(shop_rules):
    ada, bob = (members.join(name=name, now=NOON, source="test") for name in ("Ada", "Bob"))

    def move(out: Member, into: Member) -> None:
        """One point from one to the other, a hundred times: in whichever order they are named."""
        for _ in range(100):
            cause = {"points": 1, "occurred_at": NOON, "reason": PointsEntry.Reason.CORRECTION}
            with transaction.atomic():
                ledger.lock_accounts([out.pk, into.pk])
                ledger.credit([Credit(member_id=into.pk, reference=str(uuid.uuid4()), **cause)], now=NOON)
                ledger.debit([Debit(member_id=out.pk, reference=str(uuid.uuid4()), **cause)], now=NOON)

    outcomes = at_once([partial(move, ada, bob), partial(move, bob, ada)] * 16)
    assert outcomes == {"done": 32}
    assert sum(PointsAccount.objects.values_list("balance", flat=True)) == 0
    assert PointsEntry.objects.count() == 2 * 3_200
    assert not list(differences())


@pytest.mark.fault
@pytest.mark.django_db(transaction=True)
def test_an_order_that_is_delivered_while_its_points_are_entered_blocks_nobody(shop_rules, now):
    business.ship_business()
    programme.change_terms(pending="delivery")
    ada = members.join(name="Ada", now=now, source="test")
    store = Store.objects.create(code="S1", name="Main Street")
    line = purchases.SoldLine(key="1", sku="GIN", quantity=Decimal(1), amount=Decimal(10))
    for n in range(25):
        order = purchases.record_order(number=f"T{n}", member=ada, store=store, ordered_at=now, lines=[line], now=now)
        told = list(Event.objects.filter(key=f"order.paid:T{n}").values_list("pk", flat=True))

        def enter(told: list[int] = told) -> None:
            with transaction.atomic():
                earning.award_for_orders(told, now=now)

        outcomes = at_once([enter, partial(purchases.deliver, order=order, now=now)] * 3)
        assert outcomes == {"done": 6}
    account = PointsAccount.objects.get(member=ada)
    assert (account.balance, account.pending) == (250, 0)
    assert not list(differences())


@pytest.mark.fault
@pytest.mark.django_db(transaction=True)
def test_members_are_merged_while_points_come_in_and_rewards_go_back_and_nobody_is_blocked(shop_rules, now):
    business.ship_business()
    by = User.objects.create_user("m@shop.example")
    reward = Reward.objects.create(name="Corkscrew", cost=5, kind="merchandise", created_at=now, changed_at=now)
    for n in range(10):
        ada, double = (
            members.join(name=f"{name} {n}", birth_date=dt.date(1980, 1, 1), now=now, source="test")
            for name in ("Ada", "A.")
        )

        def give(to: Member = ada) -> None:
            points.correct(member=to, points=9, note="why", reference=str(uuid.uuid4()), now=now)

        def give_both(two: tuple[Member, Member] = (ada, double)) -> None:
            given = [
                Credit(member_id=member.pk, points=1, reason="CORRECTION", reference=str(uuid.uuid4()), occurred_at=now)
                for member in two
            ]
            with transaction.atomic():
                ledger.credit(given, now=now)

        give(double)
        held = redemptions.hold(member=double, reward=reward, now=now)
        merge = partial(merging.merge, kept=ada, merged=double, from_merged={}, by=by, now=now)
        release = partial(redemptions.release, redemption=held, now=now, note="")
        outcomes = at_once([give_both, merge, release, give_both, partial(give, double), give])
        assert outcomes["done"] + outcomes["wrong_state"] == 6
        assert outcomes["wrong_state"] <= 1
    assert not list(differences())


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("ending", ["merged", "gone"])
def test_a_reward_that_is_being_held_this_moment_is_given_back_too(shop_rules, now, ending):
    business.ship_business()
    by = User.objects.create_user("m@shop.example")
    reward = Reward.objects.create(name="Corkscrew", cost=5, kind="merchandise", created_at=now, changed_at=now)
    ada, double = (
        members.join(name=name, birth_date=dt.date(1980, 1, 1), now=now, source="test") for name in ("Ada", "A.")
    )
    points.correct(member=double, points=5, note="why", reference="gift", now=now)
    is_held, may_commit = threading.Event(), threading.Event()

    def hold() -> None:
        with closing(connection), transaction.atomic():
            redemptions.hold(member=double, reward=reward, now=now)
            is_held.set()
            may_commit.wait(60)

    def end() -> None:
        with closing(connection):
            if ending == "merged":
                merging.merge(kept=ada, merged=double, from_merged={}, by=by, now=now)
            else:
                profiles.forget(double, now=now)

    holding, ending_now = threading.Thread(target=hold), threading.Thread(target=end)
    holding.start()
    assert is_held.wait(60)
    ending_now.start()
    wait_for(_somebody_waits_for_a_lock)
    may_commit.set()
    for thread in (holding, ending_now):
        thread.join(60)
    assert Redemption.objects.get().status == Redemption.Status.RELEASED
    balances = [PointsAccount.objects.get(member=each).balance for each in (ada, double)]
    assert balances == ([5, 0] if ending == "merged" else [0, 0]), "of who is gone they have expired since"
    assert not list(differences())


def _somebody_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_stat_activity "
            "WHERE datname = current_database() AND wait_event_type = 'Lock')"
        )
        return bool(cursor.fetchone()[0])


class Till(threading.Thread):
    """A till at work: each order again and again, under the same key, until it is answered."""

    def __init__(self, copy: Copy, key: str, member: str, number: int, orders: int) -> None:
        super().__init__(daemon=True)
        self.address, self.key = f"http://127.0.0.1:{copy.port}/api/loyalty/v1/till/orders", key
        self.member, self.number, self.orders = member, number, orders
        self.answered: list[str] = []
        self.broken, self.refusals = 0, set[int]()

    def run(self) -> None:
        for n in range(self.orders):
            order = f"T{self.number}-{n}"
            line = {"sku": "GIN", "quantity": "1", "amount": "10.00"}
            body = {"number": order, "member": self.member, "lines": [line]}
            while not self.sent(order, json.dumps(body).encode()):
                self.broken += 1
            self.answered.append(order)

    def sent(self, order: str, body: bytes) -> bool:
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json", "Idempotency-Key": order}
        try:
            with urllib.request.urlopen(urllib.request.Request(self.address, body, headers), timeout=30) as response:
                return response.status in (200, 201)
        except urllib.error.HTTPError as refusal:
            self.refusals.add(refusal.code)
        except OSError:
            pass
        threading.Event().wait(0.05)
        return False


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Copy]:
    copy = Copy(tmp_path / "var", API_CALLS_PER_MINUTE="0")
    copy.start_and_wait()
    yield copy
    if copy.process and copy.process.poll() is None:
        copy.stop()


def manage(copy: Copy, *arguments: str) -> str:
    env = copy.env | {"DATABASE_URL": embedded.database_url(copy.var_dir)}
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True).stdout


SET_UP = """
from django.utils import timezone
from loyalty.actions import members, shop
shop.save_store(store=None, code="S1", name="Main Street", state="NY", time_zone="America/New_York")
print(members.join(name="Ada", now=timezone.now(), source="test").public_id)
"""


@pytest.mark.fault
@pytest.mark.timeout(600)
def test_the_web_server_is_killed_while_tills_send_orders_and_each_order_earns_once(copy):
    member = manage(copy, "shell", "--no-imports", "-c", SET_UP).strip().splitlines()[-1]
    key = json.loads(manage(copy, "create_till_key", "S1", "--json"))["key"]
    tills = [Till(copy, key, member, number, orders=ORDERS) for number in range(4)]
    for till in tills:
        till.start()
    chance, kills = random.Random(2), 0
    while kills < KILLS and any(till.is_alive() for till in tills):
        goal = sum(len(till.answered) for till in tills) + chance.randrange(5, 40)
        wait_for(lambda goal=goal: sum(len(till.answered) for till in tills) > goal
                 or not any(till.is_alive() for till in tills))  # fmt: skip
        for pid, command in copy.processes().items():
            if "granian" in command:
                os.kill(pid, signal.SIGKILL)
                kills += 1
                break
    for till in tills:
        till.join(240)
    assert [len(till.answered) for till in tills] == [ORDERS] * 4
    assert set().union(*(till.refusals for till in tills)) <= {409, 503}, "it is worth asking again"
    assert sum(till.broken for till in tills) > 0, "no kill was ever felt"
    with psycopg.connect(embedded.database_url(copy.var_dir), autocommit=True) as database:

        def balance() -> int:
            return database.execute("SELECT balance FROM loyalty_pointsaccount").fetchone()[0]

        wait_for(lambda: balance() >= 10 * 4 * ORDERS)
        assert balance() == 10 * 4 * ORDERS
        assert database.execute("SELECT count(*) FROM loyalty_order").fetchone()[0] == 4 * ORDERS
        assert database.execute("SELECT count(*) FROM loyalty_pointsentry").fetchone()[0] == 4 * ORDERS
    assert f"agree with {4 * ORDERS:,} entries" in manage(copy, "check_ledger")
