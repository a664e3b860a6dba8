"""An order that is there already: staff take goods back, void it, and say that it was delivered."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from auditlog.models import LogEntry
from django.test import Client
from django.urls import reverse

from loyalty.actions import members, purchases
from loyalty.actions.programme import change_terms
from loyalty.models import Member, Order, PointsAccount, Store, User
from loyalty.queries.receipts import bought_in, points_of


@pytest.fixture
def ada(db: None, now: dt.datetime) -> Member:
    return members.join(name="Ada Lovelace", external_id="A1", email="ada@example.com", now=now, source="test")


@pytest.fixture
def order(ada: Member, now: dt.datetime, follow_events: Callable[[], None]) -> Order:
    """Two bottles of gin for 60, three limes for 1: 61 points."""
    store = Store.objects.create(code="S1", name="Main Street")
    lines = [
        purchases.SoldLine(key="1", sku="GIN", name="Gin", quantity=Decimal(2), amount=Decimal(60)),
        purchases.SoldLine(key="2", sku="LIME", name="Lime", quantity=Decimal(3), amount=Decimal(1)),
    ]
    order = purchases.record_order(number="T-1", member=ada, store=store, ordered_at=now, lines=lines, now=now)
    follow_events()
    return order


def balance(member: Member) -> int:
    return PointsAccount.objects.get(member=member).balance


def rows(*back: tuple[str, str, str], **others: str) -> dict[str, str]:
    """(SKU, how many come back, what is paid back) as the form sends them."""
    sent = {"key": str(uuid4()), "form-TOTAL_FORMS": str(len(back)), "form-INITIAL_FORMS": str(len(back)), **others}
    for place, values in enumerate(back):
        sent |= {
            f"form-{place}-{name}": value for name, value in zip(("sku", "quantity", "amount"), values, strict=True)
        }
    return sent


@pytest.fixture
def at_the_till(manager: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(manager)


def test_a_receipts_number_leads_to_its_order(order: Order, at_the_till: Client) -> None:
    answer = at_the_till.get(reverse("loyalty:till"), {"q": "T-1"})
    assert answer["Location"] == reverse("loyalty:till-receipt", args=[order.pk])
    page = at_the_till.get(answer["Location"]).text
    assert "Take goods back" in page
    assert ">61<" in page


def test_one_of_two_bottles_comes_back_for_its_share_and_takes_its_points(
    order: Order, ada: Member, at_the_till: Client, follow_events: Callable[[], None]
) -> None:
    url, sent = reverse("loyalty:till-back", args=[order.pk]), rows(("GIN", "1", ""), ("LIME", "", ""))
    for _ in range(2):  # pressed twice
        assert at_the_till.post(url, sent).status_code == 302
    follow_events()
    gin, lime = bought_in(Order.objects.get(pk=order.pk))
    assert (gin.sold, gin.kept, gin.amount) == (2, 1, 30)
    assert (lime.kept, lime.amount) == (3, 1)
    assert balance(ada) == 31
    points = points_of(order)
    assert (points.earned, points.taken) == (61, 30)
    assert LogEntry.objects.get_for_object(order).get().changes == {"total": ["61.00", "31.00"]}


def test_a_share_is_rounded_to_the_cent_and_pressed_twice_it_comes_back_once(order: Order, at_the_till: Client) -> None:
    url, sent = reverse("loyalty:till-back", args=[order.pk]), rows(("GIN", "", ""), ("LIME", "2", ""))
    for _ in range(2):
        assert at_the_till.post(url, sent).status_code == 302
    assert bought_in(order)[1].amount == Decimal("0.33")


def test_what_is_paid_back_may_be_less_than_the_share(
    order: Order, ada: Member, at_the_till: Client, follow_events: Callable[[], None]
) -> None:
    at_the_till.post(reverse("loyalty:till-back", args=[order.pk]), rows(("GIN", "1", "20"), ("LIME", "", "")))
    follow_events()
    assert (Order.objects.get(pk=order.pk).total, balance(ada)) == (41, 41)


def test_everything_comes_back_at_one_press(
    order: Order, ada: Member, at_the_till: Client, follow_events: Callable[[], None]
) -> None:
    url, sent = reverse("loyalty:till-back", args=[order.pk]), rows(("GIN", "", ""), ("LIME", "", ""), everything="1")
    for _ in range(2):
        assert at_the_till.post(url, sent).status_code == 302
    follow_events()
    assert (Order.objects.get(pk=order.pk).total, balance(ada)) == (0, 0)
    assert "Take back" not in at_the_till.get(reverse("loyalty:till-receipt", args=[order.pk])).text


@pytest.mark.parametrize(
    ("back", "said"),
    [
        (("GIN", "3", ""), "2 for 60.00 can come back"),
        (("GIN", "1", "90"), "2 for 60.00 can come back"),
        (("RUM", "1", ""), "0 for 0.00 can come back"),
        (("GIN", "", ""), "Say of something how many come back"),
        (("GIN", "-1", ""), "greater than or equal to 0"),
    ],
)
def test_more_than_was_sold_does_not_come_back_and_what_was_typed_stays(
    order: Order, ada: Member, at_the_till: Client, back: tuple[str, str, str], said: str
) -> None:
    refused = at_the_till.post(reverse("loyalty:till-back", args=[order.pk]), rows(back))
    assert refused.status_code == 422
    assert said in refused.text
    assert Order.objects.get(pk=order.pk).total == 61


def test_a_void_order_counts_nowhere_and_takes_nothing_back_any_more(
    order: Order, ada: Member, at_the_till: Client, follow_events: Callable[[], None]
) -> None:
    assert at_the_till.post(reverse("loyalty:till-void", args=[order.pk])).status_code == 302
    follow_events()
    assert balance(ada) == 0
    page = at_the_till.get(reverse("loyalty:till-receipt", args=[order.pk])).text
    assert "It counts nowhere" in page
    assert "Take back" not in page
    refused = at_the_till.post(reverse("loyalty:till-back", args=[order.pk]), rows(("GIN", "1", "")))
    assert "Order T-1 is void." in refused.text


@pytest.fixture
def on_delivery(db: None) -> None:
    change_terms(pending="delivery")


def test_points_that_wait_for_the_delivery_are_free_once_it_is_said(
    on_delivery: None, ada: Member, order: Order, at_the_till: Client
) -> None:
    page = reverse("loyalty:till-receipt", args=[order.pk])
    assert balance(ada) == 0
    assert "Delivered</button>" in at_the_till.get(page).text
    at_the_till.post(reverse("loyalty:till-delivered", args=[order.pk]))
    assert balance(ada) == 61
    assert "Delivered</button>" not in at_the_till.get(page).text


@pytest.mark.parametrize("name", ["till-receipt", "till-back", "till-void", "till-delivered"])
def test_who_may_not_enter_orders_takes_nothing_back(
    order: Order, name: str, marketer: User, viewer: User, client_of: Any
) -> None:
    for colleague in (marketer, viewer):
        client, url = client_of(colleague), reverse(f"loyalty:{name}", args=[order.pk])
        assert (client.get(url) if name == "till-receipt" else client.post(url)).status_code == 403
    assert Order.objects.get(pk=order.pk).voided_at is None
