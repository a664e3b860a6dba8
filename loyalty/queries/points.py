"""Whether the ledger adds up: every account against its entries and its lots."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from loyalty.models import LedgerCheck, PointsEntry

NAMED = 100
# What members are given points for; a return takes some of it back.
ISSUED = tuple(
    PointsEntry.Reason(reason) for reason in ("PURCHASE", "EVENT", "SCAN", "REFERRAL", "BIRTHDAY", "SEGMENT")
)
EARNED = (*ISSUED, PointsEntry.Reason.RETURN)


def as_sql(reasons: Iterable[str]) -> str:
    """For an IN of a statement: the reasons are our own."""
    return ", ".join(f"'{reason}'" for reason in reasons)


@dataclass(frozen=True)
class Difference:
    """What an account keeps, and what follows from its entries and lots; `member` is the public id."""

    member: str
    balance: int
    entered: int
    pending: int
    entered_pending: int
    remaining: int
    waiting: int

    def as_json(self) -> dict[str, Any]:
        return dict(vars(self))

    @property
    def words(self) -> str:
        """What does not agree, in a line."""
        parts = []
        if self.balance != self.entered:
            parts.append(f"the balance says {self.balance:,}, the entries {self.entered:,}")
        if self.pending != self.entered_pending:
            parts.append(f"{self.pending:,} are pending, by the entries {self.entered_pending:,}")
        if self.remaining != max(self.entered, 0):
            parts.append(f"{self.remaining:,} remain in lots, by the entries {max(self.entered, 0):,}")
        if self.waiting != self.entered_pending:
            parts.append(f"{self.waiting:,} wait in lots, by the entries {self.entered_pending:,}")
        return "; ".join(parts)


def differences() -> Iterator[Difference]:
    """Accounts that do not agree with what they are made of. None, unless somebody wrote past the actions."""
    with connection.cursor() as cursor:
        cursor.execute(_DIFFERENCES)
        for row in cursor:
            yield Difference(*row)


def size_of_ledger() -> tuple[int, int]:
    """Accounts and entries."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM loyalty_pointsaccount), (SELECT count(*) FROM loyalty_pointsentry)"
        )
        accounts, entries = cursor.fetchone()
    return accounts, entries


def latest_checks() -> QuerySet[LedgerCheck]:
    return LedgerCheck.objects.order_by("-pk")


_DIFFERENCES = """
    SELECT member.public_id::text, account.balance, coalesce(entries.points, 0)::bigint, account.pending,
           coalesce(entries.pending, 0)::bigint, coalesce(lots.remaining, 0)::bigint, coalesce(lots.pending, 0)::bigint
    FROM loyalty_pointsaccount account
    JOIN loyalty_member member ON member.id = account.member_id
    LEFT JOIN (
        SELECT member_id, sum(points) AS points, sum(pending) AS pending FROM loyalty_pointsentry GROUP BY member_id
    ) entries ON entries.member_id = account.member_id
    LEFT JOIN (
        SELECT member_id, sum(remaining) AS remaining, sum(pending) AS pending FROM loyalty_pointslot GROUP BY member_id
    ) lots ON lots.member_id = account.member_id
    WHERE account.balance <> coalesce(entries.points, 0)
       OR account.pending <> coalesce(entries.pending, 0)
       OR greatest(account.balance, 0) <> coalesce(lots.remaining, 0)
       OR account.pending <> coalesce(lots.pending, 0)
    ORDER BY account.member_id
"""
