"""At the door: passwords, second factors, and those who guess."""

import re
from collections.abc import Callable

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.contrib.auth import SESSION_KEY
from django.core import mail
from django.test import Client, override_settings

from loyalty.actions import people
from loyalty.models import User

PASSWORD = "correct horse battery staple"
LOGIN, RESET = "/accounts/login/", "/accounts/password/reset/"


def sign_in(client: Client, email: str, password: str = PASSWORD, **headers: str):
    return client.post(LOGIN, {"login": email, "password": password}, headers=headers)


def is_in(client: Client) -> bool:
    return SESSION_KEY in client.session and client.get("/staff/").status_code == 200


@pytest.fixture
def two_factors(viewer: User, client_of: Callable[[User], Client]) -> str:
    """The viewer turned on an authenticator app, through the page; its secret."""
    client = client_of(viewer)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    page = client.get("/accounts/2fa/totp/activate/")
    assert page.status_code == 200
    secret = page.context["form"].secret
    client.post("/accounts/2fa/totp/activate/", {"code": code_of(secret)})
    return secret


def code_of(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time()))))


def test_email_and_password_open_the_door_however_the_email_is_written(client, viewer):
    answer = sign_in(client, " Viewer@Shop.Example ")
    assert answer["Location"] == "/staff/"
    assert is_in(client)


@pytest.mark.parametrize(("email", "password"), [("viewer@shop.example", "wrong"), ("nobody@shop.example", PASSWORD)])
def test_a_wrong_password_and_an_unknown_person_are_told_the_same(email, password, client, viewer):
    text = sign_in(client, email, password).content.decode()
    assert "The email address and/or password you specified are not correct." in text
    assert not is_in(client)


def test_after_five_wrong_passwords_even_the_right_one_waits(client, viewer, marketer):
    for _ in range(5):
        sign_in(client, viewer.email, "wrong")
    text = sign_in(client, viewer.email).content.decode()
    assert "Too many failed login attempts" in text
    assert not is_in(client)


def test_somebody_who_tries_many_people_is_stopped_by_the_address_and_may_not_lie_about_it(client, viewer):
    for number in range(10):
        sign_in(client, f"somebody{number}@shop.example", "wrong", x_forwarded_for=f"203.0.113.{number}")
    assert "Too many" in sign_in(client, viewer.email, x_forwarded_for="198.51.100.9").content.decode()
    assert not is_in(client)


@override_settings(ALLAUTH_TRUSTED_PROXY_COUNT=1)
def test_behind_a_trusted_proxy_the_address_is_the_one_it_saw(client, viewer):
    for number in range(10):
        sign_in(client, f"somebody{number}@shop.example", "wrong", x_forwarded_for=f"{number}.1.1.1, 203.0.113.5")
    assert "Too many" in sign_in(client, viewer.email, x_forwarded_for="9.9.9.9, 203.0.113.5").content.decode()
    sign_in(client, viewer.email, x_forwarded_for="203.0.113.5, 198.51.100.9")
    assert is_in(client)


def test_the_admin_has_the_same_door(client, viewer):
    answer = client.get("/admin/", follow=True)
    assert answer.redirect_chain[-1][0].startswith("/accounts/login/?next=")
    answer = client.post("/admin/login/", {"username": viewer.email, "password": PASSWORD})
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")
    assert not is_in(client)


def test_nobody_signs_up(client, db):
    new = {"email": "new@shop.example", "password1": PASSWORD, "password2": PASSWORD}
    assert "Accounts are by invitation" in client.post("/accounts/signup/", new).content.decode()
    assert not User.objects.filter(email="new@shop.example").exists()


def test_a_forgotten_password_is_replaced_by_mail(client, viewer):
    client.post(RESET, {"email": viewer.email})
    [message] = mail.outbox
    assert message.to == [viewer.email]
    link = re.search(r"http://\S+", message.body)[0]
    page = client.get(re.sub(r"http://[^/]+", "", link), follow=True)
    client.post(
        page.request["PATH_INFO"], {"password1": "another horse entirely", "password2": "another horse entirely"}
    )
    assert not is_in(client) or client.logout() is None
    sign_in(client, viewer.email)
    assert not is_in(client)
    sign_in(client, viewer.email, "another horse entirely")
    assert is_in(client)
    again = Client().get(re.sub(r"http://[^/]+", "", link), follow=True)
    assert "password1" not in again.content.decode()


def test_a_reset_tells_a_stranger_nothing(client, viewer):
    known = client.post(RESET, {"email": viewer.email})
    unknown = client.post(RESET, {"email": "nobody@shop.example"})
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])
    assert [message.to for message in mail.outbox if "password/reset/key" in message.body] == [[viewer.email]]


def test_who_is_on_leave_gets_neither_in_nor_a_new_password(client, viewer, admin, now):
    people.set_active(user=viewer, is_active=False, now=now)
    sign_in(client, viewer.email)
    assert SESSION_KEY not in client.session
    client.post(RESET, {"email": viewer.email})
    assert not [message for message in mail.outbox if "password/reset/key" in message.body]


def test_with_a_second_factor_the_password_is_half_the_way(client, viewer, two_factors):
    assert sign_in(client, viewer.email)["Location"].startswith("/accounts/2fa/authenticate/")
    assert SESSION_KEY not in client.session
    client.post("/accounts/2fa/authenticate/", {"code": "000000"})
    assert SESSION_KEY not in client.session
    client.post("/accounts/2fa/authenticate/", {"code": code_of(two_factors)})
    assert is_in(client)


def test_an_admin_takes_a_lost_second_factor_away(client, viewer, admin, two_factors, client_of):
    office = client_of(admin)
    listed = office.get("/admin/mfa/authenticator/")
    assert two_factors not in listed.content.decode()
    pk = listed.context["cl"].result_list[0].pk
    assert two_factors not in office.get(f"/admin/mfa/authenticator/{pk}/change/").content.decode()
    assert office.post(f"/admin/mfa/authenticator/{pk}/delete/", {"post": "yes"}).status_code == 302
    sign_in(client, viewer.email)
    assert is_in(client)
