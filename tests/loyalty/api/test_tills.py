"""Tills: what their keys open, who stands at the counter, orders, and rewards handed over."""

import datetime as dt
import re
import uuid
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from loyalty.actions import till_keys
from loyalty.models import Device, Member, Order, PointsEntry, Redemption, Store, TillKey
from loyalty.rules import proofs
from tests.loyalty.api.conftest import JOIN, V1, Phone, TillCounter
from tests.loyalty.counter import Counted, balance, pin, qr, wrong_pin

pytestmark = pytest.mark.django_db
LINE = {"sku": "MALT", "name": "Islay Malt", "category": "Whisky", "quantity": "1", "amount": "55.90"}
PAGE = "/staff/settings/tills/"


def test_a_key_opens_what_it_was_made_for_and_nothing_else(store: Store, till_of: Any, ada: Member):
    only_orders = till_of(store, "orders")
    answer = only_orders.get("members", q="ada@example.com")
    assert (answer.status_code, "find and enrol members" in answer.json()["detail"]) == (403, True)
    assert only_orders.get("redemptions", code="ABC123").status_code == 403
    assert only_orders.post("orders", {"number": "T1", "lines": [LINE]}).status_code == 201
    assert only_orders.client.get(f"{V1}/me", headers={"authorization": f"Bearer {only_orders.key}"}).status_code == 401
    assert (
        only_orders.client.get("/api/tracking/v1/partners/", headers={"X-Write-Key": only_orders.key}).status_code
        == 401
    )


def test_a_revoked_or_unknown_key_opens_nothing_at_once(till: TillCounter, signed_in: Phone, now: dt.datetime):
    assert till.get("members", q="nobody").status_code == 200
    till_keys.revoke_till_key(TillKey.objects.get(), now=now)
    for key in (till.key, "tk_" + "x" * 43, signed_in.access, ""):
        assert TillCounter(key).get("members", q="nobody").status_code == 401, key
    signed_in.access = till.key
    assert signed_in.get("me").status_code == 401


def test_a_key_is_shown_once_and_kept_as_a_digest(store: Store, manager: Any, client_of: Any):
    client = client_of(manager)
    answer = client.post(PAGE, {"store": store.pk, "name": "Counter 1", "scopes": ["orders"]})
    key = TillKey.objects.get()
    assert "no-store" in answer["Cache-Control"]
    shown = re.search(r"<code>(tk_[\w-]{43})</code>", answer.content.decode())[1]
    assert (key.prefix, key.scopes, key.created_by) == (shown[:10], ["orders"], manager)
    assert shown not in client.get(PAGE).content.decode()
    assert TillCounter(shown).post("orders", {"number": "T1", "lines": [LINE]}).status_code == 201
    assert "Counter 1" in client.get(f"{PAGE}?q=store").content.decode()
    assert "No key fits" in client.get(f"{PAGE}?state=revoked").content.decode()
    assert client.post(f"{PAGE}{key.pk}/revoke/").status_code == 302
    assert TillCounter(shown).get("members", q="nobody").status_code == 401
    assert client.post(PAGE, {"store": store.pk, "name": "Counter 2"}).status_code == 422


def test_only_who_runs_the_shop_makes_keys(store: Store, marketer: Any, viewer: Any, client_of: Any):
    for person in (marketer, viewer):
        said = {"store": store.pk, "name": "Mine", "scopes": ["orders"]}
        assert client_of(person).post(PAGE, said).status_code == 403
    assert not TillKey.objects.exists()


def test_the_card_on_a_phone_finds_its_member_once(till: TillCounter, signed_in: Phone, ada: Member):
    device = Device.objects.get()
    card = proofs.card_text(device.public_id, proofs.card_key(device.public_id, settings.SECRET_KEY), timezone.now())
    found = till.get("members", card=card).json()["results"]
    assert found == [{"id": str(ada.public_id), "name": "Ada Lovelace", "email": "a•••@e•••", "phone": ""}]
    assert till.get("members", card=card).json()["code"] == "card_not_read", "a picture of it is worth nothing"
    assert till.get("members", card="RGC1.x.y.z").status_code == 409


def test_members_are_found_by_what_they_say(till: TillCounter, ada: Member, counted: Counted):
    counted.member("Grace Hopper", phone="+12125550123", external_id="C7", email="grace@example.com")
    for asked in ("ADA@example.com", "lovel"):
        assert [found["id"] for found in till.get("members", q=asked).json()["results"]] == [str(ada.public_id)]
    for asked in ("(212) 555-0123", "C7"):
        assert [found["name"] for found in till.get("members", q=asked).json()["results"]] == ["Grace Hopper"]
    assert till.get("members", q="a").json()["results"] == [], "one letter is no question"
    assert till.get("members").status_code == 400


def test_a_till_takes_members_in_and_nobody_too_young(till: TillCounter, store: Store, later: Any):
    said = JOIN | {"name": "New One", "email": "New@Example.com"}
    answer = till.post("members", said)
    assert (answer.status_code, answer.json()["is_of_age"], answer.json()["balance"]) == (201, True, 0)
    member = Member.objects.get()
    assert (member.email, member.home_store) == ("new@example.com", store)
    assert till.post("members", said).json()["code"] == "already_a_member"
    young = said | {"email": "kid@example.com", "birth_date": f"{dt.datetime.now(dt.UTC).year - 18}-01-01"}
    assert till.post("members", young).json()["code"] == "too_young"
    assert till.post("members", JOIN).status_code == 400, "neither email nor phone"
    assert Member.objects.count() == 1
    assert till.get(f"members/{member.public_id}").json()["name"] == "New One"


def test_an_order_for_a_member_nobody_knows_says_so_at_its_field(till: TillCounter, ada: Member):
    answer = till.post("orders", {"number": "T1", "member": str(uuid.uuid4()), "lines": [LINE]})
    assert (answer.status_code, answer.json()["errors"]) == (400, {"member": ["No member has this id."]})


def test_a_till_learns_nothing_of_who_has_left(till: TillCounter, ada: Member):
    Member.objects.filter(pk=ada.pk).update(left_at=timezone.now())
    assert till.get(f"members/{ada.public_id}").status_code == 404
    assert till.get("members", q="lovelace").json()["results"] == []


def test_an_order_earns_and_its_return_takes_back(till: TillCounter, ada: Member, follow_events: Any):
    order = {"number": "T1", "member": str(ada.public_id), "lines": [LINE | {"quantity": "2", "amount": "111.80"}]}
    answer = till.post("orders", order)
    assert (answer.status_code, answer.json()["total"]) == (201, "111.80")
    assert till.post("orders", order).status_code == 201, "the same order again changes nothing"
    assert till.post("orders", order | {"lines": [LINE]}).json()["code"] == "order_conflict"
    follow_events()
    assert balance(ada) == 111
    back = {"key": "R1", "lines": [{"sku": "MALT", "quantity": "1", "amount": "55.90"}]}
    for _ in range(2):
        assert till.post("orders/T1/returns", back).json()["total"] == "55.90"
    follow_events()
    assert balance(ada) == 55
    other = back | {"lines": [{"sku": "MALT", "quantity": "1", "amount": "20.00"}]}
    assert till.post("orders/T1/returns", other).json()["code"] == "order_conflict", "the key has brought back another"
    assert till.post("orders/T1/returns", back | {"key": "R2"}).status_code == 200
    assert till.post("orders/T1/returns", back | {"key": "R3"}).json()["code"] == "bad_return", "more than was sold"
    follow_events()
    assert balance(ada) == 0


def test_a_void_order_was_never_there(till: TillCounter, ada: Member, follow_events: Any):
    till.post("orders", {"number": "T1", "member": str(ada.public_id), "lines": [LINE]})
    follow_events()
    for _ in range(2):
        assert till.post("orders/T1/void").status_code == 200
    follow_events()
    assert balance(ada) == 0
    assert till.post("orders/T1/deliver").json()["delivered_at"] is None


def test_a_till_touches_no_order_of_another_store(till: TillCounter, counted: Counted, till_of: Any):
    other = till_of(counted.store(code="S2"))
    till.post("orders", {"number": "T1", "lines": [LINE]})
    for verb in ("void", "deliver", "returns"):
        body = {"key": "R", "lines": [{"sku": "MALT", "quantity": "1", "amount": "1"}]} if verb == "returns" else None
        assert other.post(f"orders/T1/{verb}", body).status_code == 404
    assert Order.objects.get().voided_at is None


ODD = ["-1", "0", str(2**63), "1e9", "NaN", "Infinity", "", "ten", None, True, [], {}, "1.0001"]


@pytest.mark.parametrize("odd", ODD)
def test_odd_numbers_are_refused_and_enter_nothing(till: TillCounter, ada: Member, follow_events: Any, odd: Any):
    order = {"number": "T1", "member": str(ada.public_id), "lines": [LINE]}
    odd_lines = [{"quantity": odd}] if odd == "0" else [{"quantity": odd}, {"amount": odd}, {"discount": odd}]
    bodies = [order | {"lines": [LINE | line]} for line in odd_lines]
    bodies += [] if odd == "0" else [order | {"paid_with_points": odd}]
    for body in bodies:
        assert 400 <= till.post("orders", body).status_code < 500, body
    for line in odd_lines[:2]:
        assert 400 <= till.post("basket", {"lines": [LINE | line]}).status_code < 500, line
    follow_events()
    assert not Order.objects.exists()
    assert balance(ada) == 0


def test_points_are_what_the_rules_give_whatever_a_till_says(till: TillCounter, ada: Member, follow_events: Any):
    smuggled = {"points": 1_000_000, "balance": 9, "total": "9999.00", "store": "OTHER", "voided_at": None, "id": 7}
    assert (
        till.post("orders", {"number": "T1", "member": str(ada.public_id), "lines": [LINE]} | smuggled).status_code
        == 201
    )
    follow_events()
    assert (balance(ada), str(Order.objects.get().total), Order.objects.get().store.code) == (55, "55.90", "S1")


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b'{"lines": [{"quantity": NaN}]}', b"[" * 5_000, b"\xff"])
def test_what_is_no_json_is_refused(till: TillCounter, body: bytes):
    headers = {"authorization": f"Bearer {till.key}"}
    answer = Client().post(f"{V1}/till/orders", body, content_type="application/json", headers=headers)
    assert answer.status_code == 400
    assert not Order.objects.exists()


@pytest.fixture
def held(signed_in: Phone, ada: Member, counted: Counted) -> Redemption:
    counted.give(ada, 100)
    reward = counted.reward()
    signed_in.post("me/redemptions", {"reward": str(reward.public_id)}, idempotency_key="hold")
    return Redemption.objects.get()


def test_a_reward_is_handed_over_for_its_pin_or_its_qr_code(till: TillCounter, held: Redemption, signed_in: Phone):
    shown = signed_in.get("me/redemptions").json()["results"][0]
    assert (shown["pin"], shown["qr"], shown["status"]) == (pin(held), qr(held), "held")
    for code in (shown["code"].lower(), shown["qr"]):
        assert [found["id"] for found in till.get("redemptions", code=code).json()["results"]] == [shown["id"]]
    answer = till.post(f"redemptions/{shown['id']}/redeem", {"qr": shown["qr"]})
    assert (answer.status_code, answer.json()["status"]) == (200, "redeemed")
    assert till.post(f"redemptions/{shown['id']}/redeem", {"pin": pin(held)}).json()["code"] == "wrong_state"
    after = signed_in.get("me/redemptions").json()["results"][0]
    assert (after["status"], after["pin"], after["qr"]) == ("redeemed", None, None)


def test_wrong_pins_count_also_when_they_are_sent_with_a_key(till: TillCounter, held: Redemption):
    url, wrong = f"redemptions/{held.public_id}/redeem", {"pin": wrong_pin(held)}
    for number in range(5):
        answer = till.post(url, wrong, idempotency_key=f"try-{number}")
        assert (answer.status_code, answer.json()["code"]) == (409, "wrong_proof")
    held.refresh_from_db()
    assert (held.status, held.wrong_pins) == ("released", 5)
    assert till.post(url, {"pin": pin(held)}).json()["code"] == "wrong_state"


def test_the_same_try_sent_again_counts_once(till: TillCounter, held: Redemption):
    url, wrong = f"redemptions/{held.public_id}/redeem", {"pin": wrong_pin(held)}
    answers = [till.post(url, wrong, idempotency_key="one") for _ in range(9)]
    assert all(answer.json() == answers[0].json() for answer in answers)
    held.refresh_from_db()
    assert held.wrong_pins == 1
    good = [till.post(url, {"pin": pin(held)}, idempotency_key="two") for _ in range(2)]
    assert [answer.status_code for answer in good] == [200, 200]
    assert good[0].json() == good[1].json()


def test_a_till_gives_a_reward_back(till: TillCounter, held: Redemption, ada: Member):
    assert till.post(f"redemptions/{held.public_id}/release").json()["status"] == "released"
    assert balance(ada) == 100
    assert PointsEntry.objects.filter(reason="HOLD_BACK").count() == 1
