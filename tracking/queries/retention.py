"""Who came back: cohorts by the day or week of somebody's first event, from the bits kept for each person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from django.db import connection

Unit = Literal["day", "week"]
MOST_UNITS = 62


@dataclass(frozen=True)
class Cohort:
    """`returned[k]` of `people` did anything k units after their first one; `returned[0]` is everybody.

    What lies in the future is not in it, so the newest cohorts have the shortest lists.
    """

    first: date
    people: int
    returned: list[int]


def retention(
    system_ids: Sequence[int], *, unit: Unit, first: date, last: date, units: int, today: date
) -> list[Cohort]:
    """Cohorts that began from `first` to `last` (both included), followed for `units` days or weeks, 62 at most.

    Of several systems, somebody belongs to the cohort of each of them. A week begins on Monday.
    """
    units = min(units, MOST_UNITS)
    column, bits, length = ("first_day", "days", 1) if unit == "day" else ("first_week", "weeks", 7)
    sums = ", ".join(f"count(*) FILTER (WHERE {bits} & {1 << place} <> 0)" for place in range(units + 1))
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT {column}, count(*), {sums} FROM tracking_personactivity
            WHERE system_id = ANY(%s) AND {column} BETWEEN %s AND %s
            GROUP BY 1 ORDER BY 1
            """,
            [list(system_ids), first, last],
        )
        rows = cursor.fetchall()
    return [
        Cohort(begins, people, list(returned[: max(1, (today - begins) // timedelta(days=length) + 1)]))
        for begins, people, *returned in rows
    ]
