"""Shoppers get in by a code, stay in by tokens, and are out at once when somebody says so."""

import datetime as dt
from typing import Any

import pytest
from django.core import signing
from django.db import connection

from campaigns.actions.login_codes import send_codes
from loyalty.actions import login_codes
from loyalty.actions import sign_in as actions
from loyalty.api import shoppers
from loyalty.models import Consent, Device, LoginCode, Member, RefreshToken
from tests.loyalty.api.conftest import JOIN, V1, Phone, code_in_mail
from tests.loyalty.api.texts import Texts
from tests.post_office import PostOffice, letters_to
from tracking.models import Event

pytestmark = pytest.mark.django_db
SECOND, MINUTE = dt.timedelta(seconds=1), dt.timedelta(minutes=1)


def kept_of(table: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT coalesce(string_agg(row::text, ' '), '') FROM {table} row")
        return cursor.fetchone()[0]


def test_a_member_signs_in_by_the_code_in_an_email(phone: Phone, ada: Member):
    answer = phone.sign_in()
    assert answer.status_code == 200
    assert answer.json().keys() == {"access", "expires_in", "is_new", "card_key", "device_id"}
    assert (answer.json()["is_new"], answer.json()["expires_in"]) == (False, 300)
    cookie = answer.cookies["rg_refresh"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Strict", f"{V1}/sign-in/")
    assert [device["name"] for device in phone.get("me/devices").json()] == ["Ada's phone"]
    assert answer["Cache-Control"] == "no-store"


def test_neither_a_code_nor_a_token_is_kept_as_it_is(phone: Phone, ada: Member):
    asked_id, code = phone.ask_for_code("ada@example.com")
    assert code not in kept_of("loyalty_logincode")
    phone.show(asked_id, code, native=True)
    assert phone.refresh_token
    assert phone.refresh_token[3:] not in kept_of("loyalty_refreshtoken")


def test_the_code_is_written_in_the_readers_language(phone: Phone, ada: Member):
    phone.call("post", "sign-in/codes", {"email": "ada@example.com"}, accept_language="es-MX,es;q=0.9")
    code_in_mail("ada@example.com")
    [letter] = letters_to("ada@example.com")
    assert "es tu código" in letter["Subject"]
    assert "Es válido por 10 minutos" in letter.get_content()


def test_a_stranger_is_answered_as_a_member_is(phone: Phone, ada: Member, post_office: PostOffice):
    answers = [phone.post("sign-in/codes", {"email": email}).json() for email in ("ada@example.com", "abe@example.com")]
    assert [{**answer, "id": ""} for answer in answers] == [
        {"id": "", "channel": "email", "sent_to": "a•••@e•••", "expires_in": 600}
    ] * 2
    send_codes(now=dt.datetime.now(dt.UTC))
    assert post_office.recipients == ["ada@example.com", "abe@example.com"]


def test_somebody_new_joins_with_the_same_code(phone: Phone, now: dt.datetime):
    asked_id, code = phone.ask_for_code("new.one@example.com")
    answer = phone.show(asked_id, code)
    assert (answer.status_code, answer.json()["code"]) == (409, "not_a_member")
    wording = "Yes, write to me about offers."
    consents = [{"channel": "email", "topic": "points", "wording": wording}]
    answer = phone.show(asked_id, code, join=JOIN | {"consents": consents, "language": "es"})
    assert (answer.status_code, answer.json()["is_new"]) == (200, True)
    member = Member.objects.get()
    assert (member.email, member.name, member.language) == ("new.one@example.com", "Ada Lovelace", "es")
    assert member.points_account.balance == 0
    consent = Consent.objects.get()
    assert (consent.topic, consent.wording, consent.source, consent.address) == ("points", wording, "app", "192.0.2.1")
    assert phone.show(asked_id, code).json()["code"] == "wrong_code", "a code is good for one sign-in"


def test_being_a_member_allows_no_marketing(phone: Phone):
    asked_id, code = phone.ask_for_code("new@example.com")
    phone.show(asked_id, code, join=JOIN)
    assert not Consent.objects.exists()
    assert not Member.objects.reachable_by("email").exists()


def test_of_somebody_too_young_nothing_is_kept(phone: Phone):
    asked_id, code = phone.ask_for_code("kid@example.com")
    this_year = dt.datetime.now(dt.UTC).year
    answer = phone.show(asked_id, code, join=JOIN | {"birth_date": f"{this_year - 18}-01-01"})
    assert (answer.status_code, answer.json()["code"]) == (409, "too_young")
    assert "21" in answer.json()["detail"]
    assert not Member.objects.exists()
    assert not Device.objects.exists()
    assert not Event.objects.filter(name="member.joined").exists()


def test_five_wrong_tries_end_a_code_and_another_one_gets_the_owner_in(phone: Phone, ada: Member, later: Any):
    asked_id, code = phone.ask_for_code("ada@example.com")
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    for _ in range(5):
        answer = phone.show(asked_id, wrong)
        assert (answer.status_code, answer.json()["code"]) == (400, "wrong_code")
    assert phone.show(asked_id, code).status_code == 400
    later(seconds=31)
    assert phone.sign_in().status_code == 200


def test_a_right_code_costs_no_try(phone: Phone):
    asked_id, code = phone.ask_for_code("new@example.com")
    assert {phone.show(asked_id, code).json()["code"] for _ in range(9)} == {"not_a_member"}


def test_a_code_is_good_for_ten_minutes(phone: Phone, ada: Member, later: Any):
    asked_id, code = phone.ask_for_code("ada@example.com")
    later(minutes=9, seconds=55)
    assert phone.show(asked_id, code).status_code == 200
    asked_id, code = phone.ask_for_code("ada@example.com")
    later(minutes=20)
    assert phone.show(asked_id, code).json()["code"] == "wrong_code"


def test_the_code_of_one_question_opens_no_other(phone: Phone, ada: Member):
    _, code = phone.ask_for_code("mallory@example.com")
    other_id, other_code = phone.ask_for_code("ada@example.com")
    assert code == other_code or phone.show(other_id, code).status_code == 400


def test_codes_come_at_a_courteous_rate(phone: Phone, ada: Member, later: Any):
    phone.ask_for_code("ada@example.com")
    answer = phone.post("sign-in/codes", {"email": "ada@example.com"})
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_codes")
    assert 25 <= int(answer["Retry-After"]) <= 30
    for number in range(1, 5):
        later(seconds=31 * number)
        phone.ask_for_code("ada@example.com")
    later(minutes=4)
    answer = phone.post("sign-in/codes", {"email": "ada@example.com"})
    assert answer.status_code == 429
    assert 3_000 < int(answer["Retry-After"]) <= 3_600
    later(minutes=61)
    assert phone.post("sign-in/codes", {"email": "ada@example.com"}).status_code == 202


def test_nobody_locks_an_owner_out_of_where_they_signed_in_before(ada: Member, later: Any):
    home = Phone("192.0.2.7")
    home.sign_in()
    for number in range(1, 6):
        later(minutes=number)
        Phone("198.51.100.9").ask_for_code("ada@example.com") if number < 5 else None
    assert Phone("203.0.113.5").post("sign-in/codes", {"email": "ada@example.com"}).status_code == 429
    assert Phone("192.0.2.7").sign_in().status_code == 200


def test_one_address_fills_no_mailboxes(later: Any):
    flood = Phone()
    answers = [flood.post("sign-in/codes", {"email": f"n{n}@example.com"}).status_code for n in range(31)]
    assert answers == [202] * 30 + [429]
    assert Phone("192.0.2.2").post("sign-in/codes", {"email": "n99@example.com"}).status_code == 202


def test_a_code_that_could_not_be_sent_is_sent_by_the_sweep(phone: Phone, settings: Any, now: dt.datetime):
    phone.post("sign-in/codes", {"email": "ada@example.com"})
    right, settings.EMAIL_PORT = settings.EMAIL_PORT, 1
    assert send_codes(now=now + SECOND) == 0
    settings.EMAIL_PORT = right
    assert send_codes(now=now + 2 * SECOND) == 1
    assert send_codes(now=now + 3 * SECOND) == 0, "it is sent once"


def test_a_phone_is_refused_with_words_where_no_sms_can_be_sent(phone: Phone):
    answer = phone.post("sign-in/codes", {"phone": "(212) 555-0123"})
    assert (answer.status_code, answer.json()["code"]) == (409, "no_sms")
    assert "email" in answer.json()["detail"]
    assert not LoginCode.objects.exists()


def test_a_shop_with_sms_signs_members_in_by_their_phone(phone: Phone, ada: Member, settings: Any, now: dt.datetime):
    settings.CHANNELS = settings.CHANNELS | {"sms": "tests.loyalty.api.texts.Texts"}
    Member.objects.filter(pk=ada.pk).update(phone="+12125550123")
    asked_id = phone.post("sign-in/codes", {"phone": "(212) 555-0123"}).json()["id"]
    send_codes(now=now + SECOND)
    message = Texts.sent[-1]
    assert message.to == "+12125550123"
    assert phone.show(asked_id, message.text[:6]).status_code == 200
    assert Device.objects.get().member == ada


@pytest.mark.parametrize("said", [{}, {"email": "nonsense"}, {"phone": "12"}, {"email": "a@b.example", "phone": "1"}])
def test_what_is_no_address_is_said_to_be_none(phone: Phone, said: dict[str, str]):
    answer = phone.post("sign-in/codes", said)
    assert answer.status_code == 400
    assert answer.json()["errors"].keys() <= {"email", "phone"}


def test_a_token_is_renewed_and_the_old_one_is_used_up(phone: Phone, ada: Member, later: Any):
    phone.sign_in(native=True)
    first = phone.refresh_token
    phone.refresh(refresh=first)
    assert phone.answer.status_code == 200
    assert phone.refresh_token not in ("", first)
    assert phone.get("me/devices").status_code == 200
    later(minutes=2)
    assert phone.refresh(refresh=phone.refresh_token).status_code == 200


def test_two_tabs_that_renew_side_by_side_both_stay_signed_in(phone: Phone, ada: Member, later: Any):
    phone.sign_in(native=True)
    first = phone.refresh_token
    assert phone.refresh(refresh=first).status_code == 200
    later(seconds=20)
    assert phone.refresh(refresh=first).status_code == 200
    assert not Device.objects.exclude(ended_at=None).exists()


def test_an_old_refresh_token_shut_the_device_for_thief_and_owner_alike(phone: Phone, ada: Member, later: Any):
    phone.sign_in(native=True)
    stolen = phone.refresh_token
    phone.refresh(refresh=stolen)
    owner_access, owner_refresh = phone.access, phone.refresh_token
    later(seconds=35)
    answer = phone.refresh(refresh=stolen)
    assert (answer.status_code, answer.json()["code"]) == (401, "signed_out")
    assert Device.objects.get().ended_by == Device.Ended.REUSED
    assert phone.refresh(refresh=owner_refresh).status_code == 401
    phone.access = owner_access
    assert phone.get("me/devices").status_code == 401, "at once, not when the access token runs out"


def test_a_browser_renews_by_its_cookie_and_only_from_our_page(phone: Phone, ada: Member):
    phone.sign_in()
    before = phone.client.cookies["rg_refresh"].value
    assert phone.post("sign-in/refresh").status_code == 403
    assert phone.refresh().status_code == 200
    assert phone.client.cookies["rg_refresh"].value != before
    assert "refresh" not in phone.answer.json(), "no script ever reads it"


def test_whoever_signs_out_is_out_at_once(signed_in: Phone):
    assert signed_in.post("sign-out").status_code == 204
    assert signed_in.get("me/devices").status_code == 401
    assert signed_in.refresh().status_code in (401, 403)


def test_a_browser_signs_out_by_its_cookie_alone_and_only_from_our_page(signed_in: Phone):
    assert signed_in.call("delete", "sign-in/tokens").status_code == 403
    assert Device.objects.get().ended_at is None
    ours = {"x_requested_with": "regulars"}
    access, signed_in.access = signed_in.access, ""
    assert signed_in.call("delete", "sign-in/tokens", **ours).status_code == 204
    assert Device.objects.get().ended_by == Device.Ended.SIGNED_OUT
    assert signed_in.client.cookies["rg_refresh"].value == ""
    assert signed_in.call("delete", "sign-in/tokens", **ours).status_code == 204, "nobody is signed in, as wished"
    signed_in.access = access
    assert signed_in.get("me/devices").status_code == 401


def test_a_cookie_that_was_used_before_still_shuts_its_phone_and_no_other(signed_in: Phone, later: Any):
    old = signed_in.client.cookies["rg_refresh"].value
    assert signed_in.refresh().status_code == 200
    later(minutes=1)
    other = Phone("192.0.2.9")
    other.sign_in()
    signed_in.client.cookies["rg_refresh"] = old
    assert signed_in.call("delete", "sign-in/tokens", x_requested_with="regulars").status_code == 204
    assert signed_in.get("me/devices").status_code == 401
    assert other.get("me/devices").status_code == 200


def test_a_lost_phone_is_shut_from_another_one(signed_in: Phone, later: Any):
    later(minutes=1)
    other = Phone()
    other.sign_in()
    lost = next(device for device in other.get("me/devices").json() if not device["is_current"])
    assert other.call("delete", f"me/devices/{lost['id']}").status_code == 204
    assert signed_in.get("me/devices").status_code == 401
    assert signed_in.refresh().status_code == 401
    assert other.get("me/devices").status_code == 200


def test_nobody_shuts_a_device_of_somebody_else(signed_in: Phone, ada: Member):
    mallory = Phone()
    mallory.sign_in("mallory@example.com", join=JOIN)
    answer = mallory.call("delete", f"me/devices/{Device.objects.get(member=ada).public_id}")
    assert answer.status_code == 404
    assert signed_in.get("me/devices").status_code == 200


def test_a_member_who_was_merged_signs_in_as_the_one_who_was_kept(phone: Phone, ada: Member, now: dt.datetime):
    from loyalty.actions import members

    kept = members.join(name="Ada L.", email="ada.l@example.com", source="till", now=now)
    Member.objects.filter(pk=ada.pk).update(merged_into=kept)
    phone.sign_in()
    assert Device.objects.get().member == kept


def tampered(token: str) -> str:
    return token[:-2] + ("AA" if not token.endswith("AA") else "BB")


def test_no_forged_old_or_foreign_token_opens_anything(signed_in: Phone, later: Any, now: dt.datetime):
    good, device = signed_in.access, Device.objects.get()
    none = {"alg": "none", "typ": "JWT"}
    forged = [
        tampered(good),
        good.removeprefix("sh_"),
        "sh_" + signing.dumps([device.public_id.hex, 9_999_999_999]),
        "sh_" + signing.Signer(salt="click").sign_object([device.public_id.hex, 9_999_999_999]),
        "sh_" + signing.Signer(key="x" * 50, salt="loyalty.api.shoppers").sign_object([device.public_id.hex, 9e9]),
        "sh_" + signing.Signer(salt="loyalty.api.shoppers").sign_object({"device": device.public_id.hex}),
        "sh_" + signing.Signer(salt="loyalty.api.shoppers").sign_object(["x", 9_999_999_999]),
        f"{signing.b64_encode(str(none).encode()).decode()}.{signing.b64_encode(b'{}').decode()}.",
        "sh_",
        "",
        "rg_" + "x" * 43,
        signed_in.client.cookies["rg_refresh"].value,  # a refresh token is no access token
        "sh_" + signed_in.client.cookies["rg_refresh"].value,
    ]
    for token in forged:
        signed_in.access = token or "x"
        assert signed_in.get("me/devices").status_code == 401, token
    signed_in.access = good
    assert signed_in.refresh(refresh=good).status_code == 401, "an access token renews nothing"
    signed_in.access = good
    assert signed_in.get("me/devices").status_code == 200
    later(minutes=5, seconds=1)
    assert signed_in.get("me/devices").status_code == 401
    assert signed_in.answer["WWW-Authenticate"].startswith("Bearer")


def test_an_access_token_costs_one_question_to_the_database(signed_in: Phone, django_assert_num_queries: Any):
    with django_assert_num_queries(1):
        assert shoppers.device_of(signed_in.access, now=dt.datetime.now(dt.UTC))


def test_a_refresh_token_runs_out_and_is_forgotten(phone: Phone, ada: Member, later: Any, now: dt.datetime):
    phone.sign_in(native=True)
    later(days=91)
    assert phone.refresh(refresh=phone.refresh_token).status_code == 401
    assert Device.objects.get().ended_at is None, "late is not stolen"
    actions.forget_old_tokens(now=now + dt.timedelta(days=91))
    login_codes.forget_old_codes(now=now + dt.timedelta(days=2))
    assert not RefreshToken.objects.exists()
    assert not LoginCode.objects.exists()
