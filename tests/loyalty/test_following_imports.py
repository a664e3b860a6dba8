"""Followers right after a large import, when the database still believes its tables to be small."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from django.db import connection
from django.db.models import Sum

from loyalty.actions.imports import Report
from loyalty.models import MemberStats, Order


def lines(orders: range, members: int) -> list[str]:
    """One order a line and two lines an order, by turns to each member, in ten categories."""
    start = dt.datetime(2025, 4, 1, 12, tzinfo=dt.UTC)
    return [
        f"O{order},{start + dt.timedelta(minutes=30 * order):%Y-%m-%d %H:%M},S{order % 40}-{line},Red,C{order % 10},"
        f"1,{order % 30 + 1}.00,M{order % members},Harbor"
        for order in orders
        for line in range(2)
    ]


def test_statistics_of_a_small_shop_do_not_slow_down_a_large_import(
    write: Callable[..., Path], bring_in: Callable[..., Report], follow_events: Callable[[], None]
) -> None:
    bring_in(write(*lines(range(3), 3), name="small.csv"))
    follow_events()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    bring_in(write(*lines(range(3, 9_000), 1_500), name="large.csv"))
    follow_events()
    spent = Order.objects.aggregate(Sum("total"))["total__sum"]
    assert spent == sum((Decimal(order % 30 + 1) * 2 for order in range(9_000)), Decimal(0))
    assert MemberStats.objects.aggregate(Sum("spent"))["spent__sum"] == spent
