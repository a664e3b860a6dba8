"""What the shop owes its members in points: the page and the CSV read the same rows."""

from dataclasses import astuple, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connection

from loyalty.queries.points import ISSUED, as_sql
from loyalty.queries.terms import terms

MONTHS = 12


@dataclass(frozen=True)
class Outstanding:
    """Points in lots, by how old they are or by when they expire, and what they are worth."""

    label: str
    members: int
    points: int
    value: Decimal


@dataclass(frozen=True)
class Month:
    """What happened to points in a month, where the shop is. `redeemed` is what was held, less what was given back."""

    month: str
    issued: int
    redeemed: int
    expired: int
    reversed: int
    corrected: int

    @property
    def net(self) -> int:
        return self.issued - self.redeemed - self.expired - self.reversed + self.corrected


@dataclass(frozen=True)
class Liability:
    """`owed` is what members hold and can use; some wait, some members owe the shop."""

    owed: int
    pending: int
    debts: int
    holders: int
    point_value: Decimal
    by_age: list[Outstanding]
    by_expiry: list[Outstanding]
    months: list[Month]

    @property
    def value(self) -> Decimal:
        return self.owed * self.point_value

    @property
    def pending_value(self) -> Decimal:
        return self.pending * self.point_value


def liability(*, now: datetime) -> Liability:
    value = terms().point_value
    owed, pending, debts, holders = _rows(_TOTALS, {})[0]
    return Liability(
        owed=owed,
        pending=pending,
        debts=debts,
        holders=holders,
        point_value=value,
        by_age=_outstanding(_BY_AGE, {"now": now}, value),
        by_expiry=_outstanding(_BY_EXPIRY, {"now": now}, value),
        months=[Month(*row) for row in _rows(_MONTHS, {"now": now, "zone": settings.TIME_ZONE, "months": MONTHS})],
    )


CSV_COLUMNS = ("report", "row", "members", "points", "value", "redeemed", "expired", "reversed", "corrected", "net")


def csv_rows(report: Liability) -> list[tuple[Any, ...]]:
    """`points` of a month are those issued in it."""
    nothing = ("", "", "", "", "")
    rows: list[tuple[Any, ...]] = []
    for name, parts in (("by age", report.by_age), ("by expiry", report.by_expiry)):
        rows += [(name, *astuple(part), *nothing) for part in parts]
    rows += [
        (
            "by month",
            each.month,
            "",
            each.issued,
            "",
            each.redeemed,
            each.expired,
            each.reversed,
            each.corrected,
            each.net,
        )
        for each in report.months
    ]
    return rows


def _outstanding(sql: str, parameters: dict[str, Any], value: Decimal) -> list[Outstanding]:
    return [Outstanding(label, members, points, points * value) for label, members, points in _rows(sql, parameters)]


def _rows(sql: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


_TOTALS = """
    SELECT coalesce(sum(balance) FILTER (WHERE balance > 0), 0)::bigint, coalesce(sum(pending), 0)::bigint,
           coalesce(-sum(balance) FILTER (WHERE balance < 0), 0)::bigint, count(*) FILTER (WHERE balance > 0)
    FROM loyalty_pointsaccount
"""
_BY_AGE = """
    WITH bands (n, label, low, high) AS (VALUES
        (1, 'up to 30 days', 0, 30), (2, '31 to 90 days', 30, 90), (3, '91 to 180 days', 90, 180),
        (4, '181 to 365 days', 180, 365), (5, 'more than a year', 365, 1000000)
    ),
    lots AS (
        SELECT lot.member_id, lot.remaining, extract(day FROM %(now)s - entry.occurred_at) AS age
        FROM loyalty_pointslot lot JOIN loyalty_pointsentry entry ON entry.id = lot.entry_id
        WHERE lot.is_open
    )
    SELECT bands.label, count(DISTINCT lots.member_id), coalesce(sum(lots.remaining), 0)::bigint
    FROM bands LEFT JOIN lots ON (greatest(age, 0) > low OR low = 0) AND greatest(age, 0) <= high
    GROUP BY bands.n, bands.label ORDER BY bands.n
"""
_BY_EXPIRY = """
    WITH bands (n, label, low, high) AS (VALUES
        (1, 'within 30 days', -1000000, 30), (2, 'in 31 to 90 days', 30, 90), (3, 'in 91 to 180 days', 90, 180),
        (4, 'in 181 to 365 days', 180, 365), (5, 'in more than a year', 365, 1000000)
    ),
    lots AS (
        SELECT member_id, remaining, expires_at, is_sliding, extract(day FROM expires_at - %(now)s) AS ahead
        FROM loyalty_pointslot WHERE is_open
    ),
    dated AS (
        SELECT bands.n, bands.label, count(DISTINCT lots.member_id) AS members, coalesce(sum(remaining), 0) AS points
        FROM bands LEFT JOIN lots ON ahead > low AND ahead <= high
        GROUP BY bands.n, bands.label
    ),
    undated AS (
        SELECT 6 AS n, 'when members stop coming' AS label, count(DISTINCT member_id) AS members,
               coalesce(sum(remaining), 0) AS points
        FROM lots WHERE is_sliding
        UNION ALL
        SELECT 7, 'never', count(DISTINCT member_id), coalesce(sum(remaining), 0)
        FROM lots WHERE expires_at IS NULL AND NOT is_sliding
    )
    SELECT label, members, points::bigint FROM (SELECT * FROM dated UNION ALL SELECT * FROM undated) bands ORDER BY n
"""
_MONTHS = f"""
    WITH months AS (
        SELECT generate_series(
            date_trunc('month', %(now)s AT TIME ZONE %(zone)s) - make_interval(months => %(months)s - 1),
            date_trunc('month', %(now)s AT TIME ZONE %(zone)s), '1 month'
        ) AS month
    ),
    entries AS (
        SELECT date_trunc('month', occurred_at AT TIME ZONE %(zone)s) AS month, reason,
               sum(points + pending) AS points
        FROM loyalty_pointsentry
        WHERE occurred_at >= (SELECT min(month) FROM months) AT TIME ZONE %(zone)s AND occurred_at <= %(now)s
        GROUP BY 1, 2
    )
    SELECT to_char(months.month, 'YYYY-MM'),
           coalesce(sum(points) FILTER (
               WHERE reason IN ({as_sql(ISSUED)})), 0)::bigint,
           coalesce(-sum(points) FILTER (WHERE reason IN ('HOLD', 'HOLD_BACK')), 0)::bigint,
           coalesce(-sum(points) FILTER (WHERE reason = 'EXPIRY'), 0)::bigint,
           coalesce(-sum(points) FILTER (WHERE reason = 'RETURN'), 0)::bigint,
           coalesce(sum(points) FILTER (WHERE reason IN ('CORRECTION', 'MERGE')), 0)::bigint
    FROM months LEFT JOIN entries ON entries.month = months.month
    GROUP BY months.month ORDER BY months.month DESC
"""
