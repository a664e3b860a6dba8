"""Points that go from one account to another when two members turn out to be one person."""

from datetime import datetime

from loyalty.actions.ledger import statements
from loyalty.actions.ledger.changes import Debit, debit, lock_accounts
from loyalty.models import PointsEntry, PointsLot

Reason = PointsEntry.Reason


def move_all(*, out_of: int, into: int, cause: str, now: datetime) -> int:
    """Everything that one account holds, lot by lot, each with the day it expires on; or what it owes. How many points
    moved, those that wait included. Once for each `cause`.
    """
    owed = min(0, lock_accounts([out_of, into])[out_of])
    lots = list(PointsLot.objects.filter(member=out_of).exclude(is_open=False, is_waiting=False).order_by("pk"))
    points, pending = sum(lot.remaining for lot in lots), sum(lot.pending for lot in lots)
    if owed:
        _owe(-owed, out_of=out_of, into=into, cause=cause, now=now)
    if not lots:
        return owed
    if not statements.rows(
        statements.ENTER,
        [*statements.columns([(out_of, -points, -pending, 0, Reason.MERGE, f"{cause}:out", None, None, None, "", now)]),
         now],
    ):  # fmt: skip
        return 0
    PointsLot.objects.filter(pk__in=[lot.pk for lot in lots]).update(
        remaining=0, pending=0, pending_until=None, pending_event=""
    )
    given = [
        (into, lot.remaining, lot.pending, Reason.MERGE, f"{cause}:lot:{lot.pk}", None, None, None, "",
         now, lot.pending_until, lot.pending_event, lot.expires_at, lot.is_sliding)
        for lot in lots
    ]  # fmt: skip
    statements.rows(statements.CREDIT, [*statements.columns(given), now])
    return points + pending + owed


def _owe(points: int, *, out_of: int, into: int, cause: str, now: datetime) -> None:
    """A debt has no lots: one account is cleared of it, and the other has it."""
    clear = (out_of, points, 0, 0, Reason.MERGE, f"{cause}:cleared", None, None, None, "", now)
    statements.rows(statements.ENTER, [*statements.columns([clear]), now])
    debt = Debit(member_id=into, points=points, reason=Reason.MERGE, reference=f"{cause}:owed", occurred_at=now)
    debit([debt], now=now)
