"""A shopper's phone and the channels to it: codes by text, and notifications for as long as it takes them."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from campaigns.actions.login_codes import send_codes
from integrations.channels.base import DeliveryFailed, Message, channel
from loyalty.actions import members
from loyalty.models import LoginCode, Member, PushSubscription
from tests.loyalty.api.conftest import BORN, Phone
from tests.providers import PushService, Reply, Twilio, open_push_service, open_twilio

ADA = "+12125550123"


@pytest.fixture
def twilio(settings: Any) -> Iterator[Twilio]:
    with open_twilio(settings) as server:
        yield server


@pytest.fixture
def push_service(settings: Any, tmp_path: Path) -> Iterator[PushService]:
    with open_push_service(settings, tmp_path) as service:
        yield service


@pytest.fixture
def ada_by_phone(db: None) -> Member:
    return members.join(now=timezone.now(), source="till", name="Ada", birth_date=BORN, phone=ADA)


def test_a_code_arrives_by_text_and_signs_its_member_in(phone: Phone, ada_by_phone: Member, twilio: Twilio):
    asked = phone.post("sign-in/codes", {"phone": "(212) 555-0123"})
    assert (asked.status_code, asked.json()["channel"]) == (202, "sms")
    assert send_codes(now=timezone.now()) == 1
    [text] = twilio.taken
    assert text["To"] == ADA
    code = re.search(r"\b\d{6}\b", text["Body"])
    assert code
    assert phone.show(asked.json()["id"], code[0]).status_code == 200
    assert phone.get("me").json()["name"] == "Ada"


def test_a_code_that_twilio_had_no_time_for_is_sent_by_the_next_sweep(
    phone: Phone, ada_by_phone: Member, twilio: Twilio
):
    twilio.answers[ADA] = Twilio.error(429, 20429, "Too Many Requests", Retry_After="1")
    phone.post("sign-in/codes", {"phone": ADA})
    assert send_codes(now=timezone.now()) == 0
    assert LoginCode.objects.get().sent_at is None
    del twilio.answers[ADA]
    assert send_codes(now=timezone.now()) == 1
    assert twilio.recipients == [ADA]


def test_a_phone_that_takes_no_more_is_forgotten_until_it_subscribes_again(
    signed_in: Phone, ada: Member, push_service: PushService, deliver_events: Callable[[], None]
):
    there = push_service.subscribe("ada")
    keys = {"p256dh": there.p256dh, "auth": there.auth}
    push_service.answers["ada"] = Reply(410)
    for number in (1, 2):
        assert signed_in.call("put", "me/push", {"endpoint": there.endpoint, "keys": keys}).status_code == 204
        kept = PushSubscription.objects.get()
        assert kept.gone_at is None
        with channel("push") as outlet, pytest.raises(DeliveryFailed):
            outlet.send(Message(id=f"{number}@shop.example", to="", subject="Hi", text="", devices=(there,)))
        deliver_events()
        kept.refresh_from_db()
        assert kept.gone_at
