"""The door: who is believed, who is not, and that a call counts once."""

import json
import logging
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4
from xml.etree import ElementTree

import pytest
import requests
from django.db import connection
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from integrations.inbound import calls
from integrations.inbound.base import Forged
from integrations.inbound.senders import senders
from integrations.inbound.senders.ses import sns
from integrations.models import InboundCall, ProviderReport
from loyalty.queries.brand import brand
from tests.integrations import callers
from tests.integrations.callers import CALLERS, CERTIFICATE, TOLERANCE, TOPIC, Caller, Signed, twilio

Kind = ProviderReport.Kind
EVERY = pytest.mark.parametrize("caller", CALLERS, ids=lambda caller: caller.name)
TIMED = pytest.mark.parametrize("caller", [each for each in CALLERS if each.is_timed], ids=lambda caller: caller.name)
SIGNING = pytest.mark.parametrize(
    "caller", [each for each in CALLERS if each.signs_the_body], ids=lambda caller: caller.name
)


@pytest.fixture(autouse=True)
def _secrets(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PUBLIC_URL = "https://shop.example"
    settings.INBOUND_SECRETS = {caller.variable: list(caller.secrets) for caller in CALLERS}
    monkeypatch.setitem(sns.CERTIFICATES, CERTIFICATE, callers.rsa_key().public_key())


def post(name: str, signed: Signed) -> Any:
    path = f"/hooks/{name}/" + (f"?{signed.query}" if signed.query else "")
    kind = signed.headers.get("content-type", "application/json")
    return Client().post(path, data=signed.body, content_type=kind, headers=signed.headers)


def read() -> None:
    while calls.read_calls(now=timezone.now()):
        pass


def nothing_is_kept() -> bool:
    return not InboundCall.objects.exists() and not ProviderReport.objects.exists()


# --- Who is believed ----------------------------------------------------------------------------------------------


@EVERY
def test_a_good_call_is_kept_as_it_came_and_read_a_moment_later(caller: Caller, db):
    signed = caller.good(timezone.now())
    assert post(caller.name, signed).status_code == 200
    call = InboundCall.objects.get()
    assert (call.sender, bytes(call.body), call.status) == (caller.name, signed.body, InboundCall.Status.NEW)
    read()
    call.refresh_from_db()
    assert (call.status, call.fault) == (InboundCall.Status.READ, "")
    assert [report.sender for report in call.reports.all()] == [caller.name] * call.reports.count()
    assert call.reports.exists()


@EVERY
def test_both_secrets_are_good_while_one_is_changed_for_the_other(caller: Caller, db):
    for secret in caller.secrets:
        assert post(caller.name, caller.sign(caller.example, timezone.now(), secret)).status_code == 200
    assert InboundCall.objects.count() >= 1


@EVERY
def test_a_wrong_secret_or_none_at_all_leaves_nothing_behind(caller: Caller, db):
    now = timezone.now()
    assert post(caller.name, caller.sign(caller.example, now, caller.stranger)).status_code == 401
    unsigned = json.dumps(caller.example).encode()
    assert post(caller.name, Signed(unsigned, {"content-type": "application/json"})).status_code == 401
    assert nothing_is_kept()


@SIGNING
def test_a_truncated_or_changed_body_is_not_believed(caller: Caller, db):
    signed = caller.good(timezone.now())
    for body in (signed.body[:-9], signed.body[:-3] + b"x" + signed.body[-3:], b""):
        changed = Signed(body.replace(b"+15557654321", b"+15557654322"), signed.headers, signed.query)
        assert post(caller.name, changed).status_code == 401
    assert nothing_is_kept()


@pytest.mark.parametrize("name", ["sendgrid", "generic"])
def test_a_body_that_was_read_and_written_again_is_not_believed(name, db):
    """These sign the bytes; what SNS, Mailgun and Twilio sign is the same however the JSON or form is written."""
    caller = next(each for each in CALLERS if each.name == name)
    signed = caller.good(timezone.now())
    again = json.dumps(json.loads(signed.body), indent=1).encode()
    assert post(name, Signed(again, signed.headers)).status_code == 401
    assert nothing_is_kept()


@TIMED
def test_five_minutes_early_or_late_are_believed_and_a_second_more_is_not(caller: Caller, now):
    sender, second = senders()[caller.name], timedelta(seconds=1)
    for signed_at in (now - TOLERANCE, now + TOLERANCE):
        sender.verify(caller.good(signed_at).as_call(caller.name, now), caller.secrets)
    for signed_at in (now - TOLERANCE - second, now + TOLERANCE + second):
        with pytest.raises(Forged):
            sender.verify(caller.good(signed_at).as_call(caller.name, now), caller.secrets)


@TIMED
def test_a_call_from_yesterday_or_tomorrow_is_refused_at_the_door(caller: Caller, db):
    for away in (timedelta(seconds=-400), timedelta(seconds=400)):
        assert post(caller.name, caller.good(timezone.now() + away)).status_code == 401
    assert nothing_is_kept()


@EVERY
def test_the_same_call_again_is_answered_and_changes_nothing(caller: Caller, db):
    signed = caller.good(timezone.now())
    assert [post(caller.name, signed).status_code for _ in range(3)] == [200] * 3
    read()
    told = ProviderReport.objects.count()
    assert InboundCall.objects.count() == 1
    assert post(caller.name, signed).status_code == 200
    read()
    assert (InboundCall.objects.count(), ProviderReport.objects.count()) == (1, told)


def test_a_token_of_mailgun_is_believed_once_whatever_comes_with_it(db):
    signed = CALLERS[0].good(timezone.now())
    other = json.loads(signed.body)
    other["event-data"] = {"event": "unsubscribed", "id": "invented", "recipient": "bob@example.com"}
    assert post("mailgun", signed).status_code == 200
    assert post("mailgun", Signed(json.dumps(other).encode(), signed.headers)).status_code == 200
    read()
    assert not ProviderReport.objects.filter(address="bob@example.com").exists()


def test_a_subaccount_of_mailgun_is_known_by_the_key_of_its_parent(db):
    signed = json.loads(CALLERS[0].good(timezone.now()).body)
    signed["signature"]["parent-signature"] = signed["signature"]["signature"]
    signed["signature"]["signature"] = "0" * 64
    assert post("mailgun", Signed(json.dumps(signed).encode(), {})).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_fifty_replays_at_the_same_moment_are_one_call():
    signed = next(each for each in CALLERS if each.name == "generic").good(timezone.now())

    def replay(_: int) -> int:
        try:
            return post("generic", signed).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(25) as pool:
        assert list(pool.map(replay, range(50))) == [200] * 50
    read()
    assert (InboundCall.objects.count(), ProviderReport.objects.count()) == (1, 1)


def test_an_unknown_sender_is_not_found_and_one_without_a_secret_says_so_in_the_log(settings, caplog, db):
    assert post("carrier-pigeon", Signed(b"{}", {})).status_code == 404
    assert Client().get("/hooks/generic/").status_code == 405
    settings.INBOUND_SECRETS = {}
    with caplog.at_level(logging.WARNING):
        assert post("mailgun", CALLERS[0].good(timezone.now())).status_code == 403
    assert "MAILGUN_SIGNING_KEYS is not set" in caplog.text
    assert nothing_is_kept()


def test_a_call_of_more_than_a_megabyte_is_refused_and_one_of_just_that_is_kept(db):
    caller = next(each for each in CALLERS if each.name == "postmark")
    headers = caller.good(timezone.now()).headers
    assert post("postmark", Signed(b"x" * (2**20 + 1), headers)).status_code == 413
    assert nothing_is_kept()
    assert post("postmark", Signed(b"x" * 2**20, headers)).status_code == 200


# --- Amazon -------------------------------------------------------------------------------------------------------

CONFIRM = "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=arn:aws:sns:x&Token=2336412f37"


@pytest.fixture
def amazon(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What stands at Amazon's addresses, and which of them were asked."""
    stands: dict[str, Any] = {"asked": []}

    def send(_session: requests.Session, request: requests.PreparedRequest, **_: Any) -> requests.Response:
        stands["asked"].append(request.url)
        answer = requests.Response()
        answer.status_code, answer._content = stands.get(request.url, (404, b""))
        return answer

    monkeypatch.setattr(requests.Session, "send", send)
    return stands


def test_a_subscription_to_our_topic_is_confirmed_at_amazon(amazon, db):
    amazon[CONFIRM] = (200, b"<ConfirmSubscriptionResponse/>")
    assert post("ses", callers.subscription(TOPIC, CONFIRM)).status_code == 200
    assert amazon["asked"] == [CONFIRM]
    read()
    assert InboundCall.objects.get().status == InboundCall.Status.READ
    assert not ProviderReport.objects.exists()


def test_amazon_asks_again_when_its_confirmation_did_not_work(amazon, db):
    signed = callers.subscription(TOPIC, CONFIRM)
    assert post("ses", signed).status_code == 503
    assert nothing_is_kept()
    amazon[CONFIRM] = (200, b"")
    assert post("ses", signed).status_code == 200


@pytest.mark.parametrize(
    "address",
    [
        "https://sns.us-east-1.amazonaws.com.evil.example/?Action=ConfirmSubscription&Token=1",
        "http://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&Token=1",
        "https://user@127.0.0.1/?Action=ConfirmSubscription&Token=1",
        "https://sns.us-east-1.amazonaws.com/?Action=DeleteTopic&Token=1",
    ],
)
def test_no_other_address_is_asked_to_confirm(address, amazon, db):
    assert post("ses", callers.subscription(TOPIC, address)).status_code == 401
    assert post("ses", callers.subscription(f"{TOPIC}-stranger", CONFIRM)).status_code == 401
    assert amazon["asked"] == []
    assert nothing_is_kept()


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem",
        "https://sns.us-east-1.amazonaws.com@evil.example/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem",
        "https://sns.us-east-1.amazonaws.com/mine/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem",
        "https://s3.us-east-1.amazonaws.com/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem",
        "file:///etc/passwd",
    ],
)
def test_a_certificate_is_fetched_from_amazons_own_host_only(address, amazon, db):
    message = json.loads(callers.ses({}, timezone.now(), TOPIC).body) | {"SigningCertURL": address}
    assert post("ses", Signed(json.dumps(message).encode(), {})).status_code == 401
    assert amazon["asked"] == []


def test_a_certificate_is_fetched_once_and_without_it_amazon_calls_again(amazon, monkeypatch, db):
    monkeypatch.setattr(sns, "CERTIFICATES", {})
    signed = callers.ses({"eventType": "Send"}, timezone.now(), TOPIC)
    assert post("ses", signed).status_code == 503
    amazon[CERTIFICATE] = (200, callers.certificate())
    assert [post("ses", signed).status_code for _ in range(2)] == [200, 200]
    assert amazon["asked"] == [CERTIFICATE] * 2


# --- What people write --------------------------------------------------------------------------------------------


def text(body: str, **more: str) -> Signed:
    """A text of its own: Twilio gives each a number."""
    content = callers.payloads("twilio")["talk"]["call"] | {"Body": body, "MessageSid": f"SM{uuid4().hex}"} | more
    return twilio(content, timezone.now(), "token-one")


def said(answer: Any) -> str:
    """The words of a TwiML answer; there is at most one message in it."""
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/xml")
    messages = ElementTree.fromstring(answer.content).findall("Message")
    assert len(messages) <= 1
    return messages[0].text if messages else ""


def test_who_writes_stop_has_left_at_once_and_is_told_so_once(db):
    stop = text("Please stop texting me")
    assert "unsubscribed" in said(post("twilio", stop))
    report = ProviderReport.objects.get()
    assert (report.kind, report.channel, report.address) == (Kind.UNSUBSCRIBED, "sms", "+15557654321")
    assert said(post("twilio", stop)) == "", "Twilio asked again"
    assert said(post("twilio", text("STOP I SAID"))) == ""
    assert said(post("twilio", text("STOP"))) == ""
    assert said(post("twilio", text("start"))) == ""
    assert "unsubscribed" in said(post("twilio", text("Quit")))
    assert InboundCall.objects.filter(status=InboundCall.Status.READ).count() == InboundCall.objects.count()


@pytest.mark.django_db(transaction=True)
def test_two_stops_at_the_same_moment_are_confirmed_once():
    def write(_: int) -> str:
        try:
            return said(post("twilio", text("STOP")))
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        assert sorted(pool.map(write, range(10)))[:-1] == [""] * 9
    assert ProviderReport.objects.filter(kind=Kind.UNSUBSCRIBED).count() == 10


@pytest.mark.parametrize(
    ("choice", "kind"), [("STOP", Kind.UNSUBSCRIBED), ("START", Kind.SUBSCRIBED), ("HELP", Kind.ASKED_HELP)]
)
def test_what_twilio_understood_counts_and_twilio_has_answered(choice, kind, db):
    assert said(post("twilio", text("Where is the bus stop?", OptOutType=choice))) == ""
    assert ProviderReport.objects.get().kind == kind


def test_help_names_the_shop_and_how_to_leave_in_the_words_of_who_asks(db):
    assert re.fullmatch(rf"{brand().name}: .*Reply STOP.*", said(post("twilio", text("HELP"))))
    assert "Responde STOP" in said(post("twilio", text("ayuda")))
    assert said(post("twilio", text("Where is the bus stop?"))) == ""


def test_the_same_status_asked_again_with_its_token_is_one_report(db):
    content = callers.payloads("twilio")["delivered"]["call"]
    for _ in range(2):
        signed = twilio(content, timezone.now(), "token-one", query="message=m-1@shop.example", token="t-1")
        assert post("twilio", signed).status_code == 200
    read()
    assert ProviderReport.objects.get().message_id == "m-1@shop.example"


def test_the_address_is_part_of_what_twilio_signs(db):
    signed = twilio(callers.payloads("twilio")["delivered"]["call"], timezone.now(), "token-one", query="message=m-1")
    assert post("twilio", Signed(signed.body, signed.headers, "message=m-2")).status_code == 401


# --- Reading ------------------------------------------------------------------------------------------------------


def test_what_cannot_be_read_is_kept_with_its_fault_and_read_again_when_it_can(db, now):
    caller = next(each for each in CALLERS if each.name == "postmark")
    headers = caller.good(timezone.now()).headers
    assert post("postmark", Signed(b'{"RecordType": "Delivery", ada@example.com', headers)).status_code == 200
    read()
    call = InboundCall.objects.get()
    assert call.status == InboundCall.Status.UNREADABLE
    assert "not JSON" in call.fault
    calls.read_again(call=call, now=now)
    call.refresh_from_db()
    assert call.status == InboundCall.Status.UNREADABLE
    InboundCall.objects.update(body=json.dumps(caller.example).encode())  # as if the translation had been mended
    calls.read_again(call=call, now=now)
    call.refresh_from_db()
    assert (call.status, call.fault, call.reports.count()) == (InboundCall.Status.READ, "", 1)
    with pytest.raises(calls.AlreadyRead):
        calls.read_again(call=call, now=now)


def test_the_same_news_in_two_calls_is_one_report(db):
    caller = next(each for each in CALLERS if each.name == "sendgrid")
    event = caller.example[0]
    for content in ([event], [event, event], [event, event | {"sg_event_id": "another"}]):
        assert post("sendgrid", caller.sign(content, timezone.now(), caller.secrets[0])).status_code == 200
    read()
    assert sorted(ProviderReport.objects.values_list("key", flat=True)) == ["another", event["sg_event_id"]]


def test_what_no_column_can_hold_is_cut_and_keys_stay_different(db):
    caller = next(each for each in CALLERS if each.name == "sendgrid")
    long = caller.example[0] | {"reason": "a\x00b" * 400, "email": "x" * 400, "message_id": "m" * 400}
    events = [long | {"sg_event_id": "k" * 300 + end} for end in "ab"]
    assert post("sendgrid", caller.sign(events, timezone.now(), caller.secrets[0])).status_code == 200
    read()
    assert ProviderReport.objects.count() == 2
    assert InboundCall.objects.get().status == InboundCall.Status.READ


def test_calls_are_forgotten_after_their_time_and_what_they_said_is_not(db, settings, now):
    settings.INBOUND_RETENTION_DAYS = 90
    caller = CALLERS[0]
    for _ in range(2):
        post(caller.name, caller.good(timezone.now()))
    read()
    newer = InboundCall.objects.latest("pk")
    InboundCall.objects.exclude(pk=newer.pk).update(received_at=now - timedelta(days=91))
    InboundCall.objects.filter(pk=newer.pk).update(received_at=now - timedelta(days=89))
    assert calls.forget_old_calls(now=now) == 1
    assert InboundCall.objects.get() == newer
    assert ProviderReport.objects.count() == 1
    assert ProviderReport.objects.get().call is None


@pytest.mark.parametrize("name", [caller.name for caller in CALLERS])
@hypothesis(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.binary(max_size=300),
    header=st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=80),
    number=st.text("0123456789x", max_size=14),
)
def test_no_bytes_from_anybody_are_an_error_of_ours(name, body, header, number, db):
    proofs = {
        "authorization": f"Basic {header}",
        "x-twilio-signature": header,
        "x-twilio-email-event-webhook-signature": header,
        "x-twilio-email-event-webhook-timestamp": number,
        "webhook-id": header,
        "webhook-timestamp": number,
        "webhook-signature": f"v1,{header}",
    }
    assert post(name, Signed(body, proofs)).status_code == 401


@pytest.mark.parametrize("name", ["postmark", "twilio", "ses", "generic"])
@hypothesis(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=300))
def test_any_bytes_with_a_good_proof_are_kept_and_read_or_called_unreadable(name, body, db):
    signed = {
        "postmark": lambda: Signed(body, callers.basic({}, timezone.now(), "regulars:one").headers),
        "twilio": lambda: twilio({"Body": body.decode("latin-1"), "From": "+1555"}, timezone.now(), "token-one"),
        "ses": lambda: callers.ses(body.decode("latin-1"), timezone.now(), TOPIC),
        "generic": lambda: callers.generic(body, timezone.now(), CALLERS[-1].secrets[0]),
    }[name]()
    assert post(name, signed).status_code == 200
    read()
    assert not InboundCall.objects.filter(status=InboundCall.Status.NEW).exists()
