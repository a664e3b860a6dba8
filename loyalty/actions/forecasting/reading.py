"""What the model knows of each member: how many days they bought on, the first, the last, and what they spent.

The statistics hold all of it (MemberStats), kept as orders arrive: a night reads no orders, except those of the members
that the fit looks at, to see what was known of them when the holdout began.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np
from django.utils import timezone
from numpy.typing import NDArray

from config.shared.errors import DomainError
from loyalty.actions.forecasting import arrays
from loyalty.queries.forecasts import Extent

# The fit reads statistics alone. The holdout reads the orders of its members: that is what takes long.
MOST_FITTED, MOST_TRIED = 1_000_000, 100_000
MEMBERS_AT_ONCE = 100_000
SEED = 2005
EPOCH = date(2000, 1, 1)

COLUMNS = {
    "member_id": "bigint",
    "purchases": "integer",
    "first_day": "integer",
    "last_day": "integer",
    "cents": "bigint",
}
BEFORE = COLUMNS | {"purchases_before": "integer", "last_day_before": "integer"}
Array = NDArray[np.float64]


class NotEnoughOrders(DomainError):
    """Too few members or days to tell a habit from chance; the message says what is missing."""

    code = "not_enough_orders"


@dataclass(frozen=True)
class Members:
    """Arrays of shape (members,), in days and as loyalty.scoring.bgnbd has them; `value` is the mean of a purchase."""

    ids: NDArray[np.int64]
    x: Array
    t_x: Array
    age: Array
    value: Array


@dataclass(frozen=True)
class Past:
    """The same members when the holdout began, without those who came later, and what they bought in it."""

    x: Array
    t_x: Array
    age: Array
    later: Array


def fitted(known: Extent) -> Members:
    """All members, or a million of them: whom the lot draws, which is the same for the same members."""
    return _members(arrays.read(_FITTED, COLUMNS, [*_days(), SEED, *_lots(known, MOST_FITTED)]), known.as_of)


def sample(known: Extent) -> tuple[Members, Past]:
    """As `fitted`, a hundred thousand at most, with what was known of them when the holdout began."""
    cut = known.as_of - timedelta(days=known.holdout)
    lots = _lots(known, MOST_TRIED)
    rows = arrays.read(_SAMPLE, BEFORE, [*_days(), SEED, *lots, _zone(), EPOCH, _zone(), EPOCH, _midnight_after(cut)])
    return _members(rows, known.as_of), _past(rows, cut)


def _lots(known: Extent, most: int) -> tuple[int, int]:
    """Between which lots, of all 64-bit integers, `most` members lie."""
    half = int(min(1.0, most / max(known.members, 1)) * (2**63 - 1))
    return -half, half


def everybody(known: Extent) -> Iterator[Members]:
    """All members, some hundred thousand at a time: memory does not grow with their number.

    By their ids, which stay while orders arrive: each is met once.
    """
    last = -1
    while (rows := arrays.read(_PART, COLUMNS, [*_days(), last, MEMBERS_AT_ONCE])).size:
        last = int(rows["member_id"].max())
        yield _members(rows, known.as_of)


def _members(rows: arrays.Rows, day: date) -> Members:
    first, last = _floats(rows, "first_day"), _floats(rows, "last_day")
    purchases = _floats(rows, "purchases")
    t_x = np.where(purchases > 1, np.maximum(last - first, 0), 0)
    return Members(
        ids=rows["member_id"].astype(np.int64),
        x=np.maximum(purchases - 1, 0),
        t_x=t_x,
        age=np.maximum((day - EPOCH).days - first, t_x),  # A till's clock may be a day ahead of ours.
        value=np.maximum(_floats(rows, "cents") / 100 / np.maximum(purchases, 1), 0),
    )


def _past(rows: arrays.Rows, cut: date) -> Past:
    rows = rows[rows["purchases_before"] > 0]
    first, before = _floats(rows, "first_day"), _floats(rows, "purchases_before")
    t_x = np.where(before > 1, np.maximum(_floats(rows, "last_day_before") - first, 0), 0)
    return Past(
        x=before - 1,
        t_x=t_x,
        age=np.maximum((cut - EPOCH).days - first, t_x),
        later=np.maximum(_floats(rows, "purchases") - before, 0),
    )


def _floats(rows: arrays.Rows, name: str) -> Array:
    return np.asarray(rows[name], dtype=np.float64)


def _days() -> list[Any]:
    return [_zone(), EPOCH, _zone(), EPOCH]


def _zone() -> str:
    return timezone.get_default_timezone_name()


def _midnight_after(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day + timedelta(days=1), time.min), timezone.get_default_timezone())


_KNOWN = """
    SELECT stats.member_id, purchase_days AS purchases,
           (first_ordered_at AT TIME ZONE %s)::date - %s::date AS first_day,
           (last_ordered_at AT TIME ZONE %s)::date - %s::date AS last_day,
           (100 * spent)::bigint AS cents
"""
_PART = f"{_KNOWN} FROM loyalty_memberstats stats WHERE orders > 0 AND member_id > %s ORDER BY member_id LIMIT %s"
_FITTED = f"""
    {_KNOWN} FROM loyalty_memberstats stats
    WHERE orders > 0 AND hashint8extended(stats.member_id, %s) BETWEEN %s AND %s
"""
_SAMPLE = f"""
    WITH chosen AS MATERIALIZED ({_FITTED})
    SELECT chosen.*, before.* FROM chosen CROSS JOIN LATERAL (
        SELECT count(DISTINCT (ordered_at AT TIME ZONE %s)::date - %s::date) AS purchases_before,
               coalesce(max((ordered_at AT TIME ZONE %s)::date - %s::date), 0) AS last_day_before
        FROM loyalty_order
        WHERE member_id = chosen.member_id AND voided_at IS NULL AND total >= 0 AND ordered_at < %s
    ) before
    ORDER BY member_id
"""
