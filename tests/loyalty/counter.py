"""The counter of these tests: members with points, rewards to hold, stores to redeem them in."""

import datetime as dt
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Sum

from config.shared.errors import DomainError
from loyalty.actions import ledger, members, rewards, shop
from loyalty.models import Member, PointsAccount, PointsEntry, PointsLot, Redemption, Reward, Store
from loyalty.rules import proofs

OF_AGE = dt.date(1980, 5, 17)


class Counted:
    """A shop at one moment."""

    def __init__(self, now: dt.datetime) -> None:
        self.now = now

    def member(self, name: str = "Ada", *, points: int = 0, born: dt.date | None = OF_AGE, **known: Any) -> Member:
        known.setdefault("email", f"{name.lower().replace(' ', '.')}@example.com")
        member = members.join(now=known.pop("now", self.now), source="till", name=name, birth_date=born, **known)
        if points:
            self.give(member, points)
        return member

    def give(self, member: Member, points: int) -> None:
        gift = ledger.Credit(
            member_id=member.pk,
            points=points,
            reason=PointsEntry.Reason.CORRECTION,
            reference=f"gift to {member.pk}: {PointsEntry.objects.count()}",
            occurred_at=self.now,
        )
        with transaction.atomic():
            ledger.credit([gift], now=self.now)

    def reward(self, name: str = "Corkscrew", *, stock: int | None = None, **changes: Any) -> Reward:
        usual: dict[str, Any] = {
            "reward": None,
            "description": "",
            "terms": "",
            "kind": Reward.Kind.MERCHANDISE,
            "product": None,
            "cost": 100,
            "value": Decimal(5),
            "per_member": None,
            "starts_at": None,
            "ends_at": None,
            "tier": None,
            "segment": None,
            "is_active": True,
            "now": self.now,
        }
        reward = rewards.save_reward(name=name, **usual | changes)
        rewards.set_stock(reward=reward, stock=stock, now=self.now)
        reward.refresh_from_db()
        return reward

    def store(self, state: str = "NY", code: str = "S1") -> Store:
        return shop.save_store(store=None, code=code, name=f"Store {code}", state=state, time_zone="America/New_York")


def balance(member: Member) -> int:
    return PointsAccount.objects.get(member=member).balance


def pin(redemption: Redemption) -> str:
    return proofs.pin_of(redemption.public_id, settings.SECRET_KEY)


def wrong_pin(redemption: Redemption) -> str:
    return f"{(int(pin(redemption)) + 1) % 1_000_000:06}"


def qr(redemption: Redemption) -> str:
    return proofs.qr_of(redemption.public_id, settings.SECRET_KEY)


def assert_the_ledger_is_right() -> None:
    """Every account is the sum of its entries, and what remains in its lots."""
    for account in PointsAccount.objects.all():
        entered = PointsEntry.objects.filter(member=account.member_id).aggregate(
            points=Sum("points", default=0), pending=Sum("pending", default=0)
        )
        remaining = PointsLot.objects.filter(member=account.member_id).aggregate(left=Sum("remaining", default=0))
        assert (account.balance, account.pending) == (entered["points"], entered["pending"])
        assert max(account.balance, 0) == remaining["left"]


def at_once(deeds: Sequence[Callable[[], object]]) -> Counter[str]:
    """Each deed on a connection of its own, all started together: how many were done, and refused with which code."""
    start, outcomes = threading.Barrier(len(deeds)), Counter[str]()

    def run(deed: Callable[[], object]) -> None:
        with closing(connection):
            start.wait(60)
            try:
                deed()
            except DomainError as refusal:
                outcomes[refusal.code] += 1
            else:
                outcomes["done"] += 1

    threads = [threading.Thread(target=run, args=[deed]) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.total() == len(deeds), "somebody ended in an error"
    return outcomes
