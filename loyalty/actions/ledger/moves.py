"""Points that go from one account to another when two members turn out to be one person, and back again.

The lots themselves change hands, with the order and rule they came by, what they wait for and when they expire.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q, Sum

from loyalty.actions.ledger import statements
from loyalty.actions.ledger.changes import Credit, Debit, credit, debit, lock_accounts, take_from_lots
from loyalty.models import PointsEntry, PointsLot

Reason = PointsEntry.Reason
ALIVE = Q(is_open=True) | Q(is_waiting=True)


def move_all(*, out_of: int, into: int, cause: str, now: datetime) -> tuple[list[int], int]:
    """Everything that one account holds, or owes: the ids of the lots that moved, and what was owed. Once for each
    `cause`.
    """
    owed = max(0, -lock_accounts([out_of, into])[out_of])
    lots = list(PointsLot.objects.filter(ALIVE, member=out_of).order_by("pk").values_list("pk", flat=True))
    _hand_over(lots, out_of=out_of, into=into, cause=cause, now=now)
    _owe(owed, out_of=out_of, into=into, cause=cause, now=now)
    return lots, owed


def move_back(*, lots: Sequence[int], owed: int, out_of: int, into: int, cause: str, now: datetime) -> None:
    """What is left of these lots, and the debt. What was spent of them stays spent."""
    lock_accounts([out_of, into])
    alive = PointsLot.objects.filter(ALIVE, member=out_of, pk__in=lots).order_by("pk")
    _hand_over(list(alive.values_list("pk", flat=True)), out_of=out_of, into=into, cause=cause, now=now)
    _owe(owed, out_of=out_of, into=into, cause=cause, now=now)


def _hand_over(lots: Sequence[int], *, out_of: int, into: int, cause: str, now: datetime) -> None:
    if not lots:
        return
    rows = PointsLot.objects.filter(pk__in=lots)
    sums = rows.aggregate(points=Sum("remaining"), pending=Sum("pending"))
    points, pending = sums["points"], sums["pending"]
    debt = max(0, -lock_accounts([into])[into])
    entries = [
        (member, sign * points, sign * pending, 0, Reason.MERGE, f"{cause}:{way}", None, None, None, "", now)
        for member, sign, way in ((out_of, -1, "out"), (into, 1, "in"))
    ]
    statements.rows(statements.ENTER, [*statements.columns(entries), now])
    rows.update(member=into)
    # Who owed pays with what they were given.
    take_from_lots([(into, min(points, debt))])


def _owe(points: int, *, out_of: int, into: int, cause: str, now: datetime) -> None:
    """A debt has no lots: one account is cleared of it, and the other has it."""
    if not points:
        return
    cause_of: dict[str, Any] = {"points": points, "reason": Reason.MERGE, "occurred_at": now}
    credit([Credit(member_id=out_of, reference=f"{cause}:cleared", **cause_of)], now=now)
    debit([Debit(member_id=into, reference=f"{cause}:owed", **cause_of)], now=now)
