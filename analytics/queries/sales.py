"""What the shop sold, on its own days: a void order counts nowhere. One query serves the page and the CSV."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Count, QuerySet, Sum
from django.utils import timezone

from loyalty.models import Member, Order, Store

ZERO = Decimal(0)


@dataclass(frozen=True)
class Period:
    """Whole local days, both ends included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def before(self) -> "Period":
        """The equally long period that ends the day before."""
        return Period(self.first - timedelta(days=self.days), self.first - timedelta(days=1))

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        start = timezone.make_aware(datetime.combine(self.first, time()))
        return start, timezone.make_aware(datetime.combine(self.last + timedelta(days=1), time()))


@dataclass(frozen=True)
class Sales:
    revenue: Decimal
    orders: int
    buyers: int

    @property
    def average_order(self) -> Decimal | None:
        return round(self.revenue / self.orders, 2) if self.orders else None


def period_of(days: int, *, now: datetime) -> Period:
    """The last `days` days up to today."""
    today = timezone.localtime(now).date()
    return Period(today - timedelta(days=days - 1), today)


def sales_in(period: Period) -> Sales:
    return sums_of(orders_in(period))


def sums_of(orders: QuerySet[Order]) -> Sales:
    buyers = Count("member", distinct=True)
    counted = orders.order_by().aggregate(revenue=Sum("total"), orders=Count("pk"), buyers=buyers)
    return Sales(counted["revenue"] or ZERO, counted["orders"], counted["buyers"])


def orders_in(period: Period, *, number: str = "", store: Store | None = None) -> QuerySet[Order]:
    """The rows behind the sums, newest first."""
    start, end = period.bounds
    orders = Order.objects.filter(ordered_at__gte=start, ordered_at__lt=end, voided_at=None)
    if number:
        orders = orders.filter(number=number)
    if store:
        orders = orders.filter(store=store)
    return orders.select_related("member", "store").order_by("-ordered_at", "-pk")


def members_joined(period: Period) -> int:
    start, end = period.bounds
    return Member.objects.filter(joined_at__gte=start, joined_at__lt=end).count()


def revenue_by_day(period: Period) -> list[tuple[date, Decimal, int]]:
    """(day, revenue, orders) for every day of the period, those without an order too."""
    return _read(
        """
        SELECT day::date, coalesce(sum(orders.total), 0), count(orders.id)
        FROM generate_series(%(first)s::timestamp, %(last)s::timestamp, interval '1 day') AS day
        LEFT JOIN loyalty_order orders
          ON orders.ordered_at >= (day AT TIME ZONE %(zone)s)
         AND orders.ordered_at < ((day + interval '1 day') AT TIME ZONE %(zone)s) AND orders.voided_at IS NULL
        GROUP BY day ORDER BY day
        """,
        period,
    )


def revenue_by_category(period: Period) -> list[tuple[str, Decimal, int]]:
    """(category, revenue, orders), most revenue first."""
    return _read(
        """
        SELECT coalesce(nullif(product.category, ''), 'No category'), sum(line.amount), count(DISTINCT orders.id)
        FROM loyalty_order orders
        JOIN loyalty_orderline line ON line.order_id = orders.id
        JOIN loyalty_product product ON product.id = line.product_id
        WHERE orders.ordered_at >= %(start)s AND orders.ordered_at < %(end)s AND orders.voided_at IS NULL
        GROUP BY 1 ORDER BY 2 DESC, 1
        """,
        period,
    )


def revenue_by_store(period: Period) -> list[tuple[str, Decimal, int]]:
    return _read(
        """
        SELECT store.name, sum(orders.total), count(*)
        FROM loyalty_order orders JOIN loyalty_store store ON store.id = orders.store_id
        WHERE orders.ordered_at >= %(start)s AND orders.ordered_at < %(end)s AND orders.voided_at IS NULL
        GROUP BY store.name ORDER BY 2 DESC, 1
        """,
        period,
    )


def orders_by_hour(period: Period) -> list[tuple[int, int, int]]:
    """(ISO weekday, hour, orders) in the store's own time."""
    return _read(
        """
        SELECT extract(isodow FROM orders.ordered_at AT TIME ZONE store.time_zone)::int,
               extract(hour FROM orders.ordered_at AT TIME ZONE store.time_zone)::int, count(*)
        FROM loyalty_order orders JOIN loyalty_store store ON store.id = orders.store_id
        WHERE orders.ordered_at >= %(start)s AND orders.ordered_at < %(end)s AND orders.voided_at IS NULL
        GROUP BY 1, 2
        """,
        period,
    )


def _read(sql: str, period: Period) -> list[Any]:
    start, end = period.bounds
    parameters: dict[str, date | datetime | str] = {
        "first": period.first,
        "last": period.last,
        "start": start,
        "end": end,
        "zone": settings.TIME_ZONE,
    }
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        rows: Sequence[Any] = cursor.fetchall()
    return list(rows)
