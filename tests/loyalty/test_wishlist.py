"""Wishes, and the news members asked for by wishing."""

import datetime as dt
from decimal import Decimal

import pytest

from loyalty.actions import products, shop, wishlist
from loyalty.models import Product, WishlistItem
from tests.loyalty.counter import Counted
from tracking.models import Event

MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def wine(db: None) -> Product:
    wine = shop.save_product(product=None, sku="W1", name="Wine", brand="", category="", kind="", size="")
    products.change_product(
        product=wine, price=Decimal(20), is_in_stock=False, now=dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    )
    wine.refresh_from_db()
    return wine


def news(name: str) -> list[tuple[str, dict[str, str]]]:
    return [(event.subject, event.properties) for event in Event.objects.filter(name=name).order_by("pk")]


def test_a_product_is_wished_for_once(counter: Counted, wine, now):
    ada = counter.member()
    assert [wishlist.add(member=ada, product=wine, now=now) for _ in range(2)] == [True, False]
    assert WishlistItem.objects.get().price_told == 20
    assert [wishlist.remove(member=ada, product=wine) for _ in range(2)] == [True, False]
    assert len(news("wishlist.added")) == 1


def test_everybody_who_wishes_for_it_hears_once_that_it_is_back(counter: Counted, wine, now):
    ada, bob = counter.member(), counter.member("Bob")
    counter.member("Nobody")
    for member in (ada, bob):
        wishlist.add(member=member, product=wine, now=now)
    for minute, is_in_stock in enumerate((False, True, True, None, True)):
        products.change_product(product=wine, price=Decimal(20), is_in_stock=is_in_stock, now=now + minute * MINUTE)
    told = news("wishlist.back_in_stock")
    assert {subject for subject, _ in told} == {str(ada.public_id), str(bob.public_id)}
    assert len(told) == 2
    assert told[0][1]["sku"] == "W1"


def test_a_price_below_the_one_a_member_knows_is_told(counter: Counted, wine, now):
    ada, bob = counter.member(), counter.member("Bob")
    wishlist.add(member=ada, product=wine, now=now)
    prices = (Decimal("25.00"), Decimal("20.00"), Decimal("18.50"))
    for minute, price in enumerate(prices):
        products.change_product(product=wine, price=price, is_in_stock=True, now=now + minute * MINUTE)
    wine.refresh_from_db()
    wishlist.add(member=bob, product=wine, now=now)
    products.change_product(product=wine, price=Decimal("18.50"), is_in_stock=True, now=now + 9 * MINUTE)
    assert [(who, told["price"], told["was"]) for who, told in news("wishlist.price_dropped")] == [
        (str(ada.public_id), "18.50", "20.00")
    ]


def test_a_wish_made_before_there_was_a_price_learns_the_first_one(counter: Counted, now):
    rum = shop.save_product(product=None, sku="R1", name="Rum", brand="", category="", kind="", size="")
    wishlist.add(member=counter.member(), product=rum, now=now)
    for minute, price in enumerate((Decimal(30), Decimal(29))):
        products.change_product(product=rum, price=price, is_in_stock=None, now=now + minute * MINUTE)
    assert [told["was"] for _, told in news("wishlist.price_dropped")] == ["30.00"]
