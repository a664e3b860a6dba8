"""What the shop sold is counted on the shop's own days, and every number leads to the rows behind it."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from analytics.queries import sales
from loyalty.actions import purchases, shop
from loyalty.models import Order, Store, User

pytestmark = pytest.mark.django_db

NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture(autouse=True)
def _in_new_york(settings: LazySettings) -> Any:
    settings.TIME_ZONE = "America/New_York"
    with timezone.override(NEW_YORK):
        yield


@pytest.fixture
def store() -> Store:
    return shop.save_store(store=None, code="S1", name="Harbor", state="NY", time_zone="America/New_York")


@pytest.fixture
def sell(store: Store) -> Callable[..., Order]:
    def sell(number: str, at: dt.datetime, amount: int, *, at_store: Store = store) -> Order:
        wine = purchases.SoldLine(
            key="1", sku="W1", name="A red", category="Wine", quantity=Decimal(1), amount=Decimal(amount)
        )
        return purchases.record_order(number=number, store=at_store, member=None, ordered_at=at, lines=[wine], now=at)

    return sell


def at(day: int, hour: int, minute: int = 0) -> dt.datetime:
    return dt.datetime(2026, 3, day, hour, minute, tzinfo=NEW_YORK)


def by_day(first: int, last: int) -> dict[int, tuple[Decimal, int]]:
    period = sales.Period(dt.date(2026, 3, first), dt.date(2026, 3, last))
    return {day.day: (revenue, orders) for day, revenue, orders in sales.revenue_by_day(period)}


def test_what_is_sold_in_the_evening_counts_on_that_evenings_day(sell):
    sell("A", at(10, 22, 30), 20)
    sell("B", at(11, 0, 5), 30)

    assert by_day(10, 12) == {10: (Decimal(20), 1), 11: (Decimal(30), 1), 12: (Decimal(0), 0)}


def test_on_the_day_the_clock_leaps_nothing_is_counted_twice_or_lost(sell):
    for number, moment in enumerate([at(7, 23, 59), at(8, 0), at(8, 1, 59), at(8, 3), at(8, 23, 59), at(9, 0)]):
        sell(str(number), moment, 10)

    assert by_day(7, 9) == {7: (Decimal(10), 1), 8: (Decimal(40), 4), 9: (Decimal(10), 1)}


def test_the_days_add_up_to_the_sum_and_to_the_rows(sell):
    for hour in range(48):
        sell(str(hour), at(10, 0) + dt.timedelta(hours=hour), hour + 1)
    period = sales.Period(dt.date(2026, 3, 11), dt.date(2026, 3, 11))
    own = sales.sales_in(period)

    assert (own.revenue, own.orders) == (Decimal(sum(range(25, 49))), 24)
    assert sales.orders_in(period).count() == own.orders
    assert by_day(11, 11)[11] == (own.revenue, own.orders)


def test_a_void_order_counts_nowhere_and_its_page_says_so(sell, viewer: User, client_of: Callable[[User], Client]):
    sell("kept", at(10, 12), 20)
    purchases.void(order=sell("void", at(10, 13), 50), now=at(10, 14))
    period = sales.Period(dt.date(2026, 3, 10), dt.date(2026, 3, 10))

    assert (sales.sales_in(period).orders, sales.sales_in(period).average_order) == (1, Decimal(20))
    assert by_day(10, 10)[10] == (Decimal(20), 1)
    assert sales.revenue_by_category(period) == [("Wine", Decimal(20), 1)]
    assert sales.revenue_by_store(period) == [("Harbor", Decimal(20), 1)]
    assert [orders for _, _, orders in sales.orders_by_hour(period)] == [1]
    said = client_of(viewer).get(reverse("analytics:order", args=["void"])).content.decode()
    assert "it counts nowhere" in said


def test_the_list_of_orders_sums_up_what_it_shows(sell, viewer: User, client_of: Callable[[User], Client]):
    elsewhere = shop.save_store(store=None, code="S2", name="Uptown", state="NY", time_zone="America/New_York")
    sell("here", at(10, 12), 20)
    sell("there", at(10, 13), 50, at_store=elsewhere)
    asked = {"first": "2026-03-10", "last": "2026-03-10"}

    def said(**narrowed: Any) -> str:
        answer: Any = client_of(viewer).get(reverse("analytics:orders"), asked | narrowed)
        return " ".join(answer.content.decode().split())

    everything, one_store = said(), said(store=elsewhere.pk)

    assert "2 orders, $70" in everything
    assert "1 order, $50" in one_store
