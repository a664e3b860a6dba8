"""What members see and change of themselves on their phone, and that they see nobody else."""

import datetime as dt
from typing import Any

import pytest
from django.test import Client

from loyalty.models import Consent, Device, EarnRule, Member, Product, PushSubscription, Scan, Tier
from loyalty.rules.codes import text_of
from tests.loyalty.api.conftest import JOIN, V1, Phone
from tests.loyalty.counter import Counted

pytestmark = pytest.mark.django_db
P256DH = "BNcRdreALRFXTkOOUHK1EtK2wtaz5Ry4YfYCA_0QTpQtUbVlUls0VJXg7A8u-Ts1XbjhazAkj7I99e8QcYP7DkM"
AUTH = "tBHItJI5svbpez7KI4CCXg"


def test_a_member_sees_their_points_and_who_they_are(signed_in: Phone, ada: Member, counted: Counted):
    counted.give(ada, 250)
    me = signed_in.get("me").json()
    assert (me["id"], me["name"], me["email"]) == (str(ada.public_id), "Ada Lovelace", "ada@example.com")
    assert me["points"] == {"balance": 250, "pending": 0, "expiring": []}
    assert me["tier"] is None, "this shop has no tiers"
    entries = signed_in.get("me/points").json()
    assert [(entry["points"], entry["reason"]) for entry in entries["results"]] == [(250, "CORRECTION")]


def test_what_has_not_changed_is_not_sent_again(signed_in: Phone, ada: Member, counted: Counted):
    first = signed_in.get("me")
    assert (first["Cache-Control"], "Accept-Language" in first["Vary"]) == ("private, no-cache", True)
    again = signed_in.get("me", if_none_match=first["ETag"])
    assert (again.status_code, again.content) == (304, b"")
    counted.give(ada, 10)
    assert signed_in.get("me", if_none_match=first["ETag"]).status_code == 200


def test_the_ledger_goes_on_by_place(signed_in: Phone, ada: Member, counted: Counted):
    for points in range(1, 8):
        counted.give(ada, points)
    seen, cursor = [], ""
    while cursor is not None:
        page = signed_in.get(f"me/points?limit=3&cursor={cursor}").json()
        seen += [entry["points"] for entry in page["results"]]
        cursor = page["next"]
    assert seen == [7, 6, 5, 4, 3, 2, 1]


def test_a_member_changes_their_name_language_and_store(signed_in: Phone, ada: Member, counted: Counted):
    counted.store(code="HARBOR")
    changed = {"name": " Ada King ", "language": "es", "home_store": "HARBOR"}
    answer = signed_in.call("patch", "me", changed)
    assert answer.status_code == 200, answer.content
    ada.refresh_from_db()
    assert (ada.name, ada.language, ada.home_store.code) == ("Ada King", "es", "HARBOR")
    assert signed_in.call("patch", "me", {"home_store": "NOWHERE"}).status_code == 400
    assert signed_in.call("patch", "me", {}).status_code == 200


def test_a_date_of_birth_is_told_once(signed_in: Phone, ada: Member):
    answer = signed_in.call("patch", "me", {"birth_date": "1970-01-01"})
    assert (answer.status_code, answer.json()["code"]) == (409, "birth_date_known")
    Member.objects.filter(pk=ada.pk).update(birth_date=None)
    young = f"{dt.datetime.now(dt.UTC).year - 18}-01-01"
    assert signed_in.call("patch", "me", {"birth_date": young}).json()["code"] == "too_young"
    assert signed_in.call("patch", "me", {"birth_date": "1970-01-01"}).status_code == 200


def test_fields_nobody_offers_change_nothing(signed_in: Phone, ada: Member, counted: Counted):
    counted.give(ada, 5)
    before = Member.objects.values().get(pk=ada.pk)
    smuggled = {
        **{"id": 1, "public_id": str(ada.public_id)[::-1], "email": "x@example.com", "phone": "+12125550199"},
        **{"points": 1_000_000, "balance": 1_000_000, "tier": {"name": "Gold"}, "joined_at": "2001-01-01T00:00:00Z"},
        **{"left_at": None, "merged_into": 1, "external_id": "C1", "is_staff": True, "consents": [], "role": "Admin"},
    }
    assert signed_in.call("patch", "me", smuggled).status_code == 200
    assert Member.objects.values().get(pk=ada.pk) == before
    assert signed_in.get("me").json()["points"]["balance"] == 5


def test_a_yes_and_a_no_keep_the_words_and_where_they_were_said(signed_in: Phone, ada: Member):
    wording = "Email me offers and news from Regulars."
    said = {"channel": "email", "topic": "marketing", "is_granted": True, "wording": wording}
    assert signed_in.call("put", "me/consents", said).status_code == 200
    consent = Consent.objects.get()
    assert (consent.source, consent.address, consent.wording) == ("app", "192.0.2.1", wording)
    signed_in.call("put", "me/consents", said | {"is_granted": False})
    assert [(each["topic"], each["is_granted"]) for each in signed_in.get("me/consents").json()] == [
        ("marketing", False)
    ]
    assert signed_in.call("put", "me/consents", said | {"channel": "pigeon"}).status_code == 400
    assert signed_in.call("put", "me/consents", {**said, "wording": ""}).status_code == 400


def test_wishes_are_put_on_a_list_and_taken_off(signed_in: Phone, ada: Member, product: Any):
    assert [found["sku"] for found in signed_in.get("products?q=islay malt").json()["results"]] == ["MALT"]
    assert signed_in.get("products?q=gin").json()["results"] == []
    for _ in range(2):
        assert signed_in.call("put", "me/wishlist/MALT").status_code == 200
    assert [wish["product"]["name"] for wish in signed_in.get("me/wishlist").json()["results"]] == ["Islay Malt 12"]
    for _ in range(2):
        assert signed_in.call("delete", "me/wishlist/MALT").status_code == 204
    assert signed_in.get("me/wishlist").json()["results"] == []
    assert signed_in.call("put", "me/wishlist/NOTHING").status_code == 404


@pytest.fixture
def product(db: None) -> Any:
    from loyalty.actions import shop

    return shop.save_product(
        product=None, sku="MALT", name="Islay Malt 12", brand="Caol", category="Whisky", kind="", size="70 cl"
    )


def a_code(now: dt.datetime, settings: Any, points: int = 20) -> str:
    from loyalty.actions import codes

    batch = codes.make(
        name="Spring labels", product=None, use="single", per_member=1, size=1, points=points, expires_at=None,
        by=None, now=now,
    )  # fmt: skip
    return text_of(batch.codes.get().pk, settings.SECRET_KEY)


def test_a_scan_that_waited_on_the_phone_counts_once(signed_in: Phone, ada: Member, now: Any, settings: Any):
    scan = {
        "code": a_code(now, settings),
        "client_id": "4b3c2f1e-8d2b-4f38-a2a7-0c5b6a1d9e00",
        "scanned_at": now.isoformat(),
    }
    answers = [signed_in.post("me/scans", scan) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 200, 200]
    assert answers[0].json() == answers[2].json()
    assert (answers[0].json()["points"], answers[0].json()["text"]) == (20, "Spring labels")
    assert Scan.objects.count() == 1
    assert signed_in.get("me").json()["points"]["balance"] == 20
    assert len(signed_in.get("me/scans").json()["results"]) == 1


def test_guessing_codes_is_told_to_stop(signed_in: Phone, now: dt.datetime):
    guess = {"scanned_at": now.isoformat(), "client_id": "4b3c2f1e-8d2b-4f38-a2a7-0c5b6a1d9e00"}
    answers = [signed_in.post("me/scans", guess | {"code": f"WRONG{number}"}) for number in range(21)]
    assert {answer.json()["code"] for answer in answers[:20]} == {"bad_code"}
    assert (answers[20].status_code, answers[20].json()["code"]) == (429, "too_many_guesses")
    assert int(answers[20]["Retry-After"]) == 3_600


def test_a_member_has_one_link_and_sees_friends_by_their_first_name(signed_in: Phone, ada: Member, later: Any):
    invite = signed_in.get("me/invite").json()
    assert invite["url"].endswith(f"/join/{invite['code']}")
    friend = Phone("198.51.100.2")
    asked_id, code = friend.ask_for_code("grace@example.com")
    unknown = friend.show(asked_id, code, join=JOIN | {"name": "Grace Hopper", "invite": "NOPE123"})
    assert (unknown.status_code, unknown.json()["code"]) == (409, "unknown_invite")
    friend.show(asked_id, code, join=JOIN | {"name": "Grace Hopper", "invite": f" {invite['code'].lower()} "})
    shown = signed_in.get("me/invite").json()
    assert (shown["code"], shown["friends"][0]["name"]) == (invite["code"], "Grace")


def test_somebody_who_brings_themselves_on_their_own_phone_is_held_for_review(signed_in: Phone, ada: Member):
    code = signed_in.get("me/invite").json()["code"]
    signed_in.post("sign-out")
    signed_in.access = ""
    asked_id, sent = signed_in.ask_for_code("ada.again@example.com")
    signed_in.show(asked_id, sent, join=JOIN | {"name": "Another Person", "birth_date": "1990-01-01", "invite": code})
    referral = ada.referrals.get()
    assert (referral.status, "same_device" in referral.reasons) == ("held", True)


def test_a_phone_takes_push_messages_until_it_is_signed_out(signed_in: Phone, ada: Member):
    told = {"endpoint": "https://push.example/abc", "keys": {"p256dh": P256DH, "auth": AUTH}}
    for _ in range(2):
        assert signed_in.call("put", "me/push", told).status_code == 204
    assert PushSubscription.objects.get().device == Device.objects.get()
    assert signed_in.call("put", "me/push", told | {"endpoint": "http://push.example/abc"}).status_code == 400
    assert signed_in.call("put", "me/push", told | {"keys": {"p256dh": "short", "auth": AUTH}}).status_code == 400
    assert signed_in.call("delete", "me/push", {"endpoint": "https://push.example/abc"}).status_code == 204
    assert not PushSubscription.objects.exists()
    signed_in.call("put", "me/push", told)
    signed_in.post("sign-out")
    assert not PushSubscription.objects.exists()


def test_a_basket_says_what_it_would_earn_and_writes_nothing(signed_in: Phone, ada: Member, counted: Counted):
    counted.give(ada, 60)
    near, far = counted.reward("Corkscrew", cost=100), counted.reward("Decanter", cost=5_000)
    before = signed_in.get("me/points").json()
    answer = signed_in.post("me/basket", {"lines": [{"sku": "MALT", "quantity": "1", "amount": "55.90"}]}).json()
    assert (answer["points"], answer["balance_after"]) == (55, 115)
    assert [rule["points"] for rule in answer["rules"]] == [55]
    assert str(near.public_id) in answer["could_hold"]
    assert str(far.public_id) not in answer["could_hold"]
    assert signed_in.get("me/points").json() == before


def test_anybody_may_read_what_the_programme_offers(counted: Counted):
    counted.store(code="HARBOR")
    answer = Client().get(f"{V1}/programme")
    told = answer.json()
    assert "public" in answer["Cache-Control"]
    assert (told["legal_age"], told["currency"], [store["code"] for store in told["stores"]]) == (21, "USD", ["HARBOR"])
    assert ("email", "marketing") in {(topic["channel"], topic["topic"]) for topic in told["topics"]}
    assert "sms" not in {topic["channel"] for topic in told["topics"]}, "this shop sends none"
    assert (told["earn"][0]["words"], told["earn"][0]["conditions"]) == ("1 point for each $1", "")
    assert told["push_key"] == ""
    assert "push" not in {topic["channel"] for topic in told["topics"]}, "nor does it send these"


def test_how_points_are_earned_is_told_with_when_for_what_and_how_often(counted: Counted):
    counted.store(code="HARBOR")
    gold = Tier.objects.create(name="Gold", threshold=500)
    Product.objects.create(sku="MALT", name="Old Malt")
    EarnRule.objects.all().delete()
    asked = {
        "categories": ["Wine"], "skus": ["MALT"], "weekdays": [0, 4], "from_time": "16:00", "to_time": "18:00",
        "stores": ["HARBOR"], "tiers": [gold.pk],
    }  # fmt: skip
    limits = {"minimum_total": 20, "cap_points": 1_000, "cap_period": "month"}
    EarnRule.objects.create(name="Happy hour", points_per_unit=3, conditions=asked, priority=1, **limits)
    EarnRule.objects.create(name="Scans", trigger="scan", effect="fixed", points=5, cap_times=1, cap_period="day")
    told = {
        language: Client().get(f"{V1}/programme", HTTP_ACCEPT_LANGUAGE=language).json() for language in ("en", "es")
    }
    assert [way["conditions"] for way in told["en"]["earn"]] == [
        "Wine or Old Malt · Monday or Friday · 4:00\u202fPM to 6:00\u202fPM · Store HARBOR · Gold · From $20.00 on"
        " · At most 1,000 points a month",
        "For each scan · At most 1 time a day",
    ]
    assert [way["conditions"] for way in told["es"]["earn"]] == [
        "Wine o Old Malt · lunes o viernes · 16:00 a 18:00 · Store HARBOR · Gold · Desde 20,00\xa0US$"
        " · Como máximo 1.000 puntos al mes",
        "Por cada escaneo · Como máximo 1 vez al día",
    ]


def test_a_shop_that_sends_push_messages_tells_its_key_and_asks_what_for(db: None, settings: Any):
    settings.CHANNELS = settings.CHANNELS | {"push": "tests.loyalty.api.texts.Texts"}
    told = Client().get(f"{V1}/programme").json()
    assert len(told["push_key"]) == 87
    asked = {topic["topic"] for topic in told["topics"] if topic["channel"] == "push"}
    assert asked == {"marketing", "points", "wishlist"}


def test_nothing_of_one_member_is_there_for_another(signed_in: Phone, ada: Member, counted: Counted):
    counted.give(ada, 500)
    reward = counted.reward()
    held = signed_in.post("me/redemptions", {"reward": str(reward.public_id)}, idempotency_key="k1").json()
    mallory = Phone("203.0.113.9")
    mallory.sign_in("mallory@example.com", join=JOIN | {"name": "Mallory"})
    assert mallory.get(f"me/redemptions/{held['id']}").status_code == 404
    assert mallory.post(f"me/redemptions/{held['id']}/release").status_code == 404
    assert mallory.get("me/redemptions").json()["results"] == []
    assert "Lovelace" not in "".join(
        mallory.get(path).content.decode() for path in ("me", "me/points", "me/devices", "me/scans", "me/invite")
    )
    assert signed_in.get(f"me/redemptions/{held['id']}").json()["status"] == "held"


@pytest.mark.parametrize(
    "path", ["me", "me/points", "me/rewards", "me/redemptions", "me/scans", "me/wishlist", "me/devices"]
)
def test_strangers_and_staff_are_no_members(path: str, admin: Any, client_of: Any):
    for client in (Client(), client_of(admin)):
        answer = client.get(f"{V1}/{path}")
        assert (answer.status_code, answer["Content-Type"]) == (401, "application/problem+json")
