"""Whoever asks in Spanish is answered in Spanish: what the API says to people is there in the language they read."""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.utils import translation

from loyalty.actions import codes, programme, purchases, redemptions, referrals, reward_policies, segments
from loyalty.models import Business, CodeBatch, Member, PointsEntry, Reward, RewardPolicy, Tier, TierStanding, User
from loyalty.queries.shoppers import words_of
from loyalty.rules.codes import text_of
from tests.loyalty.api.conftest import JOIN, Phone, TillCounter
from tests.loyalty.counter import Counted, pin, wrong_pin

pytestmark = pytest.mark.django_db
FOR_PEOPLE = frozenset({"detail", "title", "words", "why_not", "text"})
A_CHILD = dt.date(2020, 1, 1)
numbers = count()


def said(body: Any) -> Iterator[str]:
    """Every text for people in an answer."""
    if isinstance(body, list):
        for each in body:
            yield from said(each)
    elif isinstance(body, dict):
        for key, value in body.items():
            if key == "errors":
                yield from (text for texts in value.values() for text in texts)
            elif key in FOR_PEOPLE and isinstance(value, str):
                yield value
            else:
                yield from said(value)


def in_spanish(asker: Any, method: str, path: str, body: Any = None, **headers: str) -> Any:
    """The answer in Spanish, none of whose texts is what the same question gets in English."""
    english, spanish = (
        asker.call(method, path, body, **headers, accept_language=language, idempotency_key=f"{next(numbers)}")
        for language in ("en", "es")
    )
    assert english.status_code == spanish.status_code
    pairs = list(zip(said(english.json()), said(spanish.json()), strict=True))
    assert all(ours != theirs for ours, theirs in pairs if ours), pairs
    return spanish.json()


def refusal(asker: Any, method: str, path: str, body: Any = None, **headers: str) -> str:
    answer = in_spanish(asker, method, path, body, **headers)
    assert list(said(answer)), answer
    return str(answer["code"])


def hold(phone: Phone, reward: Reward) -> str:
    """The code of the refusal."""
    return refusal(phone, "post", "me/redemptions", {"reward": str(reward.public_id)})


@pytest.fixture
def ladder(db: None) -> dict[str, Tier]:
    programme.change_terms(tier_basis="points")
    thresholds = {"Silver": Decimal(100), "Gold": Decimal(5_000)}
    return {name: Tier.objects.create(name=name, threshold=from_) for name, from_ in thresholds.items()}


def test_a_shopper_reads_in_spanish_how_far_the_next_tier_is(signed_in: Phone, ada: Member, ladder: Any):
    assert in_spanish(signed_in, "get", "me")["tier"]["words"] == "100 puntos para llegar a Silver"


def test_a_shopper_reads_in_spanish_what_keeps_their_tier(signed_in: Phone, ada: Member, ladder: Any, now: dt.datetime):
    TierStanding.objects.create(member=ada, tier=ladder["Silver"], reached=100, since=now, counted_at=now)
    assert in_spanish(signed_in, "get", "me")["tier"]["words"] == "100 puntos para seguir en Silver"


def test_amounts_are_written_as_the_language_writes_them(signed_in: Phone, ada: Member, ladder: Any):
    programme.change_terms(tier_basis="spend")
    Tier.objects.filter(name="Silver").update(threshold=Decimal("1250.50"))
    assert in_spanish(signed_in, "get", "me")["tier"]["words"] == "1.250,50\xa0US$ para llegar a Silver"


def test_a_shopper_reads_in_spanish_what_their_points_were_for(
    signed_in: Phone, ada: Member, counted: Counted, now: dt.datetime, follow_events: Any
):
    bob, store = counted.member("Bob"), counted.store()
    code = referrals.invite_of(ada, now=now).code
    referrals.note_joined(friend=bob, code=code, address=None, device_digest=None, now=now)
    line = purchases.SoldLine(key="1", sku="MALT", quantity=Decimal(1), amount=Decimal(50))
    order = purchases.record_order(number="T-1", member=bob, store=store, ordered_at=now, lines=[line], now=now)
    follow_events()
    purchases.void(order=order, now=now)
    follow_events()
    texts = [entry["text"] for entry in in_spanish(signed_in, "get", "me/points")["results"]]
    assert texts == [
        "La primera compra de la persona que invitaste se devolvió o se anuló",
        "Alguien que invitaste compró por primera vez",
    ]


def test_how_many_friends_were_brought_is_said_in_the_readers_language():
    milestone = PointsEntry(reason="REFERRAL", reference="milestone:7:3", note="3 friends brought")
    with translation.override("es"):
        assert words_of(milestone) == "Trajiste a 3 personas"


def test_every_reason_against_a_reward_is_said_in_spanish(
    signed_in: Phone, ada: Member, counted: Counted, ladder: Any, marketer: User, now: dt.datetime
):
    counted.give(ada, 100)
    for_gold = counted.reward("For Gold", tier=ladder["Gold"])
    gone, dear = counted.reward("Gone", stock=0), counted.reward("Dear", cost=5_000)
    once = counted.reward("Once", per_member=1)
    redemptions.hold(member=ada, reward=once, now=now)
    rule = {"field": "member.has_phone", "is": "exactly", "value": True}
    phones = segments.create_segment(name="Phones", description="", rule=rule, by=marketer, now=now)
    meant = counted.reward("For others", segment=phones)
    aside = counted.reward("Aside", is_active=False)
    shown = {each["name"]: each["code"] for each in in_spanish(signed_in, "get", "me/rewards")["results"]}
    assert shown == {
        "For Gold": "tier_too_low", "Gone": "sold_out", "Dear": "not_enough_points", "Once": "taken_already",
    }  # fmt: skip

    assert [hold(signed_in, reward) for reward in (for_gold, gone, dear, once, meant, aside)] == [
        "tier_too_low", "sold_out", "not_enough_points", "taken_already", "not_for_you", "not_offered",
    ]  # fmt: skip
    Member.objects.filter(pk=ada.pk).update(birth_date=None)
    assert hold(signed_in, dear) == "age_unknown"
    Member.objects.filter(pk=ada.pk).update(birth_date=A_CHILD)
    assert hold(signed_in, dear) == "too_young"


def test_what_the_law_says_is_said_in_spanish_and_the_shops_own_words_as_they_are(
    signed_in: Phone, ada: Member, counted: Counted
):
    reward_policies.ship_reward_policies()
    Member.objects.filter(pk=ada.pk).update(home_store=counted.store("TX"))
    coupon = counted.reward("Coupon", kind=Reward.Kind.DISCOUNT)
    policy = RewardPolicy.objects.get(state="TX", vertical=Business.Vertical.LIQUOR, kind=Reward.Kind.DISCOUNT)
    reward_policies.put_in_force(policy=policy, is_in_force=True)
    assert hold(signed_in, coupon) == "forbidden"
    RewardPolicy.objects.filter(pk=policy.pk).update(reason="En Tejas, no.")
    wanted = {"reward": str(coupon.public_id)}
    answer = signed_in.post("me/redemptions", wanted, accept_language="es", idempotency_key="own")
    assert answer.json()["detail"] == "En Tejas, no."


def test_a_refused_scan_says_why_in_spanish(signed_in: Phone, ada: Member, now: dt.datetime):
    def scan(text: str, path: str = "me/scans") -> str:
        made = {"code": text, "scanned_at": now.isoformat()}
        return refusal(signed_in, "post", path, made | {"client_id": str(uuid4())})

    single = make_batch("Single", CodeBatch.Use.SINGLE, now)
    code = text_of(single.codes.get().pk, settings.SECRET_KEY)
    read = {"code": code, "client_id": str(uuid4()), "scanned_at": now.isoformat()}
    assert signed_in.post("me/scans", read).status_code == 201
    assert scan(code) == "already_scanned"
    shared = make_batch("Shared", CodeBatch.Use.MEMBERS, now)
    of_shared = text_of(shared.codes.get().pk, settings.SECRET_KEY)
    assert signed_in.post("me/scans", read | {"code": of_shared, "client_id": str(uuid4())}).status_code == 201
    assert scan(of_shared) == "already_scanned"
    codes.withdraw(batch=single, now=now)
    assert scan(code) == "code_is_over"
    assert [scan("RG-WRONG") for _ in range(11)][::10] == ["bad_code", "too_many_guesses"]


def test_signing_in_is_refused_in_spanish(phone: Phone, ada: Member):
    assert refusal(phone, "post", "sign-in/codes", {"phone": "+12125550123"}) == "no_sms"
    for unreadable in ({"email": "ada"}, {"phone": "12"}, {}, {"email": "a@example.com", "phone": "1"}):
        assert refusal(phone, "post", "sign-in/codes", unreadable) == "invalid"
    asked_id, code = phone.ask_for_code("grace@example.com")
    assert refusal(phone, "post", "sign-in/codes", {"email": "grace@example.com"}) == "too_many_codes"
    shown = {"id": asked_id, "code": code}
    assert refusal(phone, "post", "sign-in/tokens", shown) == "not_a_member"
    young = {"join": JOIN | {"birth_date": A_CHILD.isoformat()}}
    assert refusal(phone, "post", "sign-in/tokens", shown | young) == "too_young"
    assert refusal(phone, "post", "sign-in/tokens", {"id": asked_id, "code": "000000"}) == "wrong_code"
    assert refusal(phone, "post", "sign-in/tokens", {"id": str(uuid4()), "code": "000000"}) == "wrong_code"
    assert refusal(phone, "post", "sign-in/refresh", {"refresh": "rt_unknown"}) == "signed_out"
    assert refusal(phone, "post", "sign-in/refresh", {}) == "permission_denied"


def test_what_a_member_may_not_change_is_refused_in_spanish(signed_in: Phone, ada: Member):
    assert refusal(signed_in, "patch", "me", {"birth_date": "1970-01-01"}) == "birth_date_known"
    assert refusal(signed_in, "delete", "me", {"confirm": "Something else"}) == "not_confirmed"
    assert refusal(signed_in, "post", "me/redemptions", {"reward": str(uuid4())}) == "not_found"
    assert refusal(signed_in, "get", f"me/redemptions/{uuid4()}") == "not_found"
    assert refusal(signed_in, "post", "me", {}) == "method_not_allowed"
    signed_in.access = "sh_ended"
    assert refusal(signed_in, "get", "me") == "authentication_failed"
    signed_in.access = ""
    assert refusal(signed_in, "get", "me") == "not_authenticated"
    assert refusal(signed_in, "get", "/api/loyalty/v1/nowhere") == "not_found"


def test_a_device_without_a_name_is_called_so_in_spanish(signed_in: Phone, ada: Member):
    ada.devices.update(name="A device")
    assert signed_in.get("me/devices", accept_language="es").json()[0]["name"] == "Un dispositivo"


def test_a_till_is_refused_in_spanish(till_of: Any, counted: Counted, now: dt.datetime):
    store, ada = counted.store(), counted.member(points=300)
    till: TillCounter = till_of(store)
    held = redemptions.hold(member=ada, reward=counted.reward(), now=now)
    done = redemptions.hold(member=ada, reward=counted.reward(), now=now)
    redeem = f"redemptions/{held.public_id}/redeem"
    assert refusal(till, "post", redeem, {"pin": wrong_pin(held)}) == "wrong_proof"
    assert refusal(till, "post", redeem, {"qr": "RGR1.x.y"}) == "wrong_proof"
    assert refusal(till, "post", redeem, {}) == "invalid"
    redemptions.release(redemption=held, now=now, note="")
    assert refusal(till, "post", redeem, {"pin": pin(held)}) == "wrong_state"
    assert till.post(f"redemptions/{done.public_id}/redeem", {"pin": pin(done)}).status_code == 200
    assert refusal(till, "post", f"redemptions/{done.public_id}/redeem", {"pin": pin(done)}) == "wrong_state"
    assert refusal(till, "get", "members?card=RGC1.x") == "card_not_read"
    sold = {"number": "T-1", "lines": [{"sku": "MALT", "quantity": "1", "amount": "20.00"}]}
    assert till.post("orders", sold).status_code == 201
    assert refusal(till, "post", "orders", sold | {"paid_with_points": "50.00"}) == "bad_order"
    assert refusal(till, "post", "orders", sold | {"member": str(ada.public_id)}) == "order_conflict"
    back = {"key": "R1", "lines": [{"sku": "MALT", "quantity": "2", "amount": "40.00"}]}
    assert refusal(till, "post", "orders/T-1/returns", back) == "bad_return"
    only_finds: TillCounter = till_of(store, "members")
    assert refusal(only_finds, "post", "orders", sold) == "permission_denied"
    till.key = "tk_unknown"
    assert refusal(till, "get", "members?q=ada") == "authentication_failed"


def test_too_many_calls_are_refused_in_spanish(signed_in: Phone, settings: Any):
    rates = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"DEFAULT_THROTTLE_RATES": rates | {"caller": 1}}
    signed_in.get("me")
    assert refusal(signed_in, "get", "me") == "throttled"


def make_batch(name: str, use: str, now: dt.datetime) -> CodeBatch:
    return codes.make(
        name=name, product=None, use=use, per_member=1, size=1, points=0, expires_at=None, by=None, now=now
    )
