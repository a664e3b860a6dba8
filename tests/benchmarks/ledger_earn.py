"""Points earned, in batches: entries, lots and balances, each batch in a transaction of its own.

Ours: `credit` of 500 points at a time, to members at random and to one member alone.
Limit: entries appended one by one by eight clients of pgbench, with neither lots nor balances (plain_ledger).
Afterwards every account must agree with its entries and its lots.
"""

import datetime as dt
import random
import time
import uuid

from django.db import connection, transaction

from loyalty.actions.ledger import Credit, credit
from loyalty.models import EarnRule, Member, PointsEntry
from loyalty.queries.points import differences
from tests.benchmarks import plain_ledger
from tests.benchmarks.result import Result, rates

MEMBERS, BATCH, BATCHES, RUNS, SECONDS = 100_000, 500, 100, 5, 4
NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)


def measure() -> Result:
    ids = take_in_members(MEMBERS)
    plain_ledger.make_tables()
    rule, chance = EarnRule.objects.order_by("pk")[0], random.Random(1)
    per_second: dict[str, list[float]] = {"earn, many members": [], "earn, one member": [], "append only": []}
    for _ in range(RUNS):
        per_second["append only"].append(plain_ledger.appended_per_second(seconds=SECONDS))
        per_second["earn, many members"].append(_earned_per_second([chance.choice(ids) for _ in range(BATCH)], rule))
        per_second["earn, one member"].append(_earned_per_second([ids[0]] * BATCH, rule))
    assert not list(differences())
    return rates(
        "ledger_earn",
        ours="earn, many members",
        limit="append only",
        per_second=per_second,
        unit="points entries/s",
        entries=PointsEntry.objects.count(),
        batch=BATCH,
    )


def take_in_members(count: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO loyalty_member (public_id, name, joined_at) "
            "SELECT gen_random_uuid(), 'Member ' || n, now() FROM generate_series(1, %s) n",
            [count],
        )
        cursor.execute("INSERT INTO loyalty_pointsaccount (member_id, balance) SELECT id, 0 FROM loyalty_member")
        cursor.execute("ANALYZE loyalty_member, loyalty_pointsaccount")
    return list(Member.objects.order_by("pk").values_list("pk", flat=True))


def _earned_per_second(members: list[int], rule: EarnRule) -> float:
    batches = [
        [
            Credit(
                member_id=member,
                points=10,
                reason=PointsEntry.Reason.PURCHASE,
                reference=str(uuid.uuid4()),
                occurred_at=NOON,
                rule_id=rule.pk,
            )
            for member in random.Random(n).sample(members, len(members))
        ]
        for n in range(BATCHES)
    ]
    started = time.perf_counter()
    for batch in batches:
        with transaction.atomic():
            assert len(credit(batch, now=NOON)) == len(batch)
    return BATCHES * BATCH / (time.perf_counter() - started)
