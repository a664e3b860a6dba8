"""A list on the phone costs the same for one row and for fifteen."""

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from loyalty.actions import codes, rewards, shop, till_keys
from loyalty.models import Device, Member, Product, Store
from loyalty.rules.codes import text_of
from tests.loyalty.api.conftest import JOIN, Phone
from tests.loyalty.counter import Counted
from tests.world import picture

pytestmark = pytest.mark.django_db
LISTS = (
    "me me/points me/rewards me/redemptions me/scans me/wishlist products me/invite me/consents me/devices "
    "/api/campaigns/v1/me/offers /api/campaigns/v1/me/messages me/export"
).split()


def costs(phone: Phone) -> dict[str, int]:
    counted = {}
    for path in LISTS:
        with CaptureQueriesContext(connection) as queries:
            assert phone.get(path).status_code == 200, path
        counted[path] = len(queries)
    return counted


def one_of_each(number: int, phone: Phone, ada: Member, counted: Counted, now: dt.datetime, settings: Any) -> None:
    sku = f"SKU-{number}"
    shop.save_product(product=None, sku=sku, name=f"Malt {number}", brand="", category="Whisky", kind="", size="")
    phone.call("put", f"me/wishlist/{sku}")
    counted.give(ada, 100)
    reward = counted.reward(f"Reward {number}")
    rewards.change_picture(reward=reward, content=picture(size=(40, 20 + number)), now=now)
    held = phone.post("me/redemptions", {"reward": str(reward.public_id)}, idempotency_key=f"hold {number}")
    assert held.status_code == 201, held.content
    product = Product.objects.get(sku=sku)
    batch = codes.make(
        name=f"Batch {number}", product=product, use="single", per_member=1, size=1, points=5, expires_at=None,
        by=None, now=now,
    )  # fmt: skip
    scan = {"code": text_of(batch.codes.get().pk, settings.SECRET_KEY), "scanned_at": now.isoformat()}
    scanned = phone.post("me/scans", scan | {"client_id": f"4b3c2f1e-8d2b-4f38-a2a7-0c5b6a1d9{number:03}"})
    assert scanned.status_code == 201, scanned.content
    Device.objects.create(member=ada, name=f"Phone {number}", created_at=now, seen_at=now)
    friend, code = Phone(f"198.51.100.{number + 1}"), phone.get("me/invite").json()["code"]
    friend.sign_in(f"friend{number}@example.com", join=JOIN | {"name": f"Friend {number}", "invite": code})


def test_lists_on_the_phone_cost_the_same_for_one_row_and_for_fifteen(
    signed_in: Phone, ada: Member, counted: Counted, now: dt.datetime, settings: Any
):
    each = {"phone": signed_in, "ada": ada, "counted": counted, "now": now, "settings": settings}
    one_of_each(0, **each)
    costs(signed_in)
    once = costs(signed_in)
    for number in range(1, 15):
        one_of_each(number, **each)
    assert costs(signed_in) == once
    assert max(once.values()) <= 20, once


def test_the_page_of_tills_costs_the_same_for_one_key_and_for_fifteen(
    store: Store, manager: Any, client_of: Any, now: dt.datetime
):
    def make() -> None:
        till_keys.make_till_key(store=store, name="Counter", scopes=["orders"], by=manager, now=now)

    client = client_of(manager)
    make()
    client.get("/staff/settings/tills/")
    with CaptureQueriesContext(connection) as one:
        client.get("/staff/settings/tills/")
    for _ in range(14):
        make()
    with CaptureQueriesContext(connection) as fifteen:
        client.get("/staff/settings/tills/")
    assert len(one) == len(fifteen)
