"""Numbers as charts: plain dicts that components/chart.html draws and tells to screen readers."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MOST_DAYS = 45


def revenue_chart(days: Sequence[tuple[date, Decimal, int]], currency: str) -> dict[str, Any]:
    """One point a day; a long period is drawn week by week, only whole weeks."""
    if len(days) > MOST_DAYS:
        weeks = [days[start : start + 7] for start in range(len(days) % 7, len(days), 7)]
        points = [(f"{week[0][0]:%b} {week[0][0].day}", sum(float(day[1]) for day in week)) for week in weeks]
        axis = "Week from"
    else:
        points = [(f"{day:%b} {day.day}", float(revenue)) for day, revenue, _orders in days]
        axis = "Day"
    return {
        "id": "revenue",
        "title": "Revenue",
        "kind": "area",
        "labels": [label for label, _ in points],
        "series": [{"name": "Revenue", "values": [value for _, value in points]}],
        "format": "money",
        "currency": currency,
        "axis": axis,
        "empty": "Import purchases to see what they add up to.",
    }


def bars(
    chart_id: str, title: str, rows: Sequence[tuple[str, Decimal, int]], currency: str, *, most: int = 10
) -> dict[str, Any]:
    """The biggest `most` rows, sideways."""
    shown = list(rows[:most])
    return {
        "id": chart_id,
        "title": title,
        "kind": "bars",
        "labels": [name.capitalize() if name.isupper() else name for name, _revenue, _orders in shown],
        "series": [{"name": "Revenue", "values": [float(revenue) for _name, revenue, _orders in shown]}],
        "format": "money",
        "currency": currency,
        "empty": "Nothing was sold in this period.",
    }


def hours_chart(rows: Sequence[tuple[int, int, int]]) -> dict[str, Any]:
    orders = {(weekday, hour): count for weekday, hour, count in rows}
    return {
        "id": "hours",
        "title": "When they shop",
        "kind": "heatmap",
        "labels": [f"{hour}:00" for hour in range(24)],
        "series": [
            {"name": WEEKDAYS[weekday - 1], "values": [orders.get((weekday, hour), 0) for hour in range(24)]}
            for weekday in range(7, 0, -1)
        ]
        if orders
        else [],
        "axis": "Hour",
        "empty": "Nothing was sold in this period.",
    }
