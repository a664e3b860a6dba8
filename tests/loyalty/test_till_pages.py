"""The till view: staff find a member, try a basket, enter an order, and hand over what is held."""

from decimal import Decimal

import pytest
from django.urls import reverse

from loyalty.actions import members
from loyalty.models import Member, Order, PointsAccount, PointsEntry, Store

LINES = {"form-TOTAL_FORMS": "2", "form-INITIAL_FORMS": "0", "form-0-sku": "GIN", "form-0-quantity": "1",
         "form-0-amount": "29.90", "form-1-sku": "", "form-1-quantity": "1", "form-1-amount": ""}  # fmt: skip


@pytest.fixture
def ada(db, now) -> Member:
    return members.join(name="Ada Lovelace", external_id="A1", email="ada@example.com", now=now, source="test")


@pytest.fixture
def sale(db) -> dict[str, str]:
    store = Store.objects.create(code="S1", name="Main Street")
    return LINES | {"store": str(store.pk), "number": "T-1"}


def test_a_member_who_is_the_only_one_found_is_shown_at_once(manager, client_of, ada):
    answer = client_of(manager).get(reverse("loyalty:till"), {"q": "ada@example.com"})
    assert answer["Location"] == reverse("loyalty:till-member", args=[ada.public_id])
    assert "Nobody found" in client_of(manager).get(reverse("loyalty:till"), {"q": "Grace"}).content.decode()


def test_a_basket_is_tried_and_nothing_is_written(manager, client_of, ada, sale):
    answer = client_of(manager).post(reverse("loyalty:till-try", args=[ada.public_id]), sale)
    assert "<strong>29</strong>" in answer.content.decode()
    assert not Order.objects.exists()
    assert not PointsEntry.objects.exists()


def test_an_order_is_entered_once_and_earns(manager, client_of, ada, sale, follow_events):
    client, path = client_of(manager), reverse("loyalty:till-order", args=[ada.public_id])
    for _ in range(2):
        assert client.post(path, sale).status_code == 302
    follow_events()
    assert Order.objects.get().total == Decimal("29.90")
    assert PointsAccount.objects.get(member=ada).balance == 29


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"form-0-amount": ""}, "Give the quantity and what was paid"),
        ({"form-0-sku": ""}, "An order has 1 to 500 lines"),
        ({"paid_with_points": "30"}, "between 0 and the total"),
        ({"store": ""}, "This field is required"),
    ],
)
def test_an_order_that_cannot_be_meant_says_what_to_change(manager, client_of, ada, sale, change, words):
    answer = client_of(manager).post(reverse("loyalty:till-order", args=[ada.public_id]), sale | change)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Order.objects.exists()


def test_who_only_looks_has_no_till(viewer, client_of, ada):
    assert client_of(viewer).get(reverse("loyalty:till")).status_code == 403
    assert "Till" not in [
        place.label for place in client_of(viewer).get(reverse("loyalty:members")).context["navigation"]
    ]
