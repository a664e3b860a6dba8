"""Points spent on one account by eight threads of one process, each hold committed by itself.

Ours: `ledger.hold`, with its redemption's row: the balance, the lots that expire first, what was taken from which, the
entry. Beside it the whole action a member's tap runs: limits, stock, policy and the event told.
Limit: entries appended one by one by eight clients of pgbench (plain_ledger).
No deadlock, and afterwards the account agrees with its entries and its lots.
"""

import datetime as dt
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from django.db import connections, transaction

from loyalty.actions import ledger, redemptions
from loyalty.models import Member, PointsEntry, Redemption, Reward
from loyalty.queries.points import differences
from tests.benchmarks import plain_ledger
from tests.benchmarks.ledger_earn import take_in_members
from tests.benchmarks.result import Result, rates

THREADS, RUNS, SECONDS = 8, 5, 4
NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)


def measure() -> Result:
    member = Member.objects.get(pk=take_in_members(1)[0])
    Member.objects.filter(pk=member.pk).update(birth_date=dt.date(1980, 1, 1))
    member.refresh_from_db()
    reward = Reward.objects.create(name="Tasting", cost=1, created_at=NOON, changed_at=NOON)
    plain_ledger.make_tables()
    for n in range(20):
        give([member.pk], 10_000_000, f"start-{n}")
    per_second: dict[str, list[float]] = {"hold in the ledger": [], "whole redemption": [], "append only": []}
    for _ in range(RUNS):
        per_second["append only"].append(plain_ledger.appended_per_second(seconds=SECONDS))
        per_second["hold in the ledger"].append(_per_second(lambda: _hold(member, reward)))
        per_second["whole redemption"].append(
            _per_second(lambda: redemptions.hold(member=member, reward=reward, now=NOON))
        )
    assert not list(differences())
    return rates(
        "ledger_redeem",
        ours="hold in the ledger",
        limit="append only",
        per_second=per_second,
        unit="holds/s",
        threads=THREADS,
        holds=Redemption.objects.count(),
    )


def give(member_ids: Sequence[int], points: int, reference: str = "start") -> None:
    given = [
        ledger.Credit(
            member_id=member_id,
            points=points,
            reason=PointsEntry.Reason.CORRECTION,
            reference=f"{reference}-{member_id}",
            occurred_at=NOON,
        )
        for member_id in member_ids
    ]
    with transaction.atomic():
        ledger.credit(given, now=NOON)


def _hold(member: Member, reward: Reward) -> None:
    redemption = Redemption(
        member=member,
        reward=reward,
        points=1,
        code=uuid.uuid4().hex[:8],
        held_at=NOON,
        expires_at=NOON + dt.timedelta(hours=1),
    )
    assert ledger.hold(redemption)


def _per_second(work: Callable[[], object]) -> float:
    """By all threads together, each on a connection of its own. An error of one is an error of the run."""
    ends_at = time.perf_counter() + SECONDS

    def repeat() -> int:
        done = 0
        try:
            while time.perf_counter() < ends_at:
                work()
                done += 1
        finally:
            connections.close_all()
        return done

    started = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as threads:
        done = sum(future.result() for future in [threads.submit(repeat) for _ in range(THREADS)])
    return done / (time.perf_counter() - started)
