"""The Twilio adapter over real HTTP: what is certain, and what nobody can know."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection

from integrations.channels.base import DeliveryFailed, Message, OutcomeUnknown, channel
from tests.providers import Reply, Twilio, open_twilio

ADA, BOB = "+12125550123", "+12125550124"


def text_to(number: str = ADA, **wishes: Any) -> Message:
    usual = {"id": f"{number[1:]}@shop.example", "to": number, "subject": "", "text": "Come by."}
    return Message(**(usual | wishes))


def send(*messages: Message) -> list[str | Exception]:
    """What became of each, over one connection."""
    outcomes: list[str | Exception] = []
    with channel("sms") as outlet:
        for each in messages:
            try:
                outcomes.append(outlet.send(each))
            except (DeliveryFailed, OutcomeUnknown) as error:
                outcomes.append(error)
    return outcomes


def test_a_text_that_was_taken_gives_twilios_id(twilio: Twilio) -> None:
    [sid] = send(text_to(text="Grüße, 50 % off 🍷 & more"))
    assert str(sid).startswith("SM")
    assert twilio.taken == [{"To": ADA, "From": "+15550006666", "Body": "Grüße, 50 % off 🍷 & more"}]


def test_a_batch_goes_over_one_connection(twilio: Twilio) -> None:
    assert all(isinstance(sid, str) for sid in send(*(text_to(f"+1212555{n:04}") for n in range(20))))
    assert (twilio.connections, len(twilio.taken)) == (1, 20)


def test_a_messaging_service_is_asked_to_choose_the_number(settings: Any) -> None:
    with open_twilio(settings, sender="MG" + "a" * 32) as twilio:
        send(text_to())
    assert twilio.taken == [{"To": ADA, "MessagingServiceSid": "MG" + "a" * 32, "Body": "Come by."}]


def test_twilio_is_told_where_to_report_and_of_which_message(twilio: Twilio, settings: Any) -> None:
    settings.PUBLIC_URL = "https://shop.example"
    send(text_to(id="a+b@shop.example"))
    where = urlsplit(twilio.taken[0]["StatusCallback"])
    assert (where.netloc, where.path) == ("shop.example", "/hooks/twilio/")
    assert parse_qs(where.query) == {"message": ["a+b@shop.example"]}


def test_a_refusal_stays_one_when_that_the_number_has_left_cannot_be_kept(
    twilio: Twilio, db: None, caplog: pytest.LogCaptureFixture
) -> None:
    twilio.answers[ADA] = Twilio.error(400, 21610, "Attempt to send to unsubscribed recipient")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE integrations_providerreport RENAME TO somewhere_else")
    refused, taken = send(text_to(), text_to(BOB))
    assert isinstance(refused, DeliveryFailed)
    assert refused.permanent
    assert isinstance(taken, str)
    assert "could not be kept" in caplog.text


@pytest.mark.django_db
@pytest.mark.parametrize("code", [21610, 21211, 21614, 21612])
def test_a_number_that_will_never_do_is_refused_for_good_and_blocks_nobody(twilio: Twilio, code: int) -> None:
    twilio.answers[ADA] = Twilio.error(400, code, "Not this one")
    refused, taken = send(text_to(), text_to(BOB))
    assert isinstance(refused, DeliveryFailed)
    assert refused.permanent
    assert str(code) in str(refused)
    assert isinstance(taken, str)
    assert (twilio.recipients, twilio.connections) == ([BOB], 1)


def test_a_text_that_nobody_can_send_is_refused_for_good(twilio: Twilio) -> None:
    outcomes = send(text_to(text="x" * 1_601), text_to(text=""), text_to("2125550123"))
    assert [getattr(outcome, "permanent", None) for outcome in outcomes] == [True, True, True]
    assert twilio.taken == []


def test_a_wrong_token_blames_no_number(twilio: Twilio) -> None:
    twilio.token = "another"
    [outcome] = send(text_to())
    assert isinstance(outcome, DeliveryFailed)
    assert not outcome.permanent
    assert "secret" not in str(outcome)


@pytest.mark.parametrize(("header", "wait"), [("7", timedelta(seconds=7)), ("", None), ("soon", None)])
def test_too_many_calls_says_how_long_to_wait(twilio: Twilio, header: str, wait: timedelta | None) -> None:
    twilio.answers[ADA] = Twilio.error(429, 20429, "Too Many Requests", Retry_After=header)
    [outcome] = send(text_to())
    assert isinstance(outcome, DeliveryFailed)
    assert (outcome.permanent, outcome.retry_after) == (False, wait)
    assert len(twilio.calls) == 1


@pytest.mark.parametrize("how", ["hangs_up_before", "hangs_up_after", "silent_after"])
def test_silence_is_not_knowing_and_nothing_is_sent_twice(twilio: Twilio, settings: Any, how: str) -> None:
    settings.OUTGOING_TIMEOUT = 0.3
    getattr(twilio, how).add(ADA)
    silence, taken = send(text_to(), text_to(BOB))
    assert isinstance(silence, OutcomeUnknown)
    assert isinstance(taken, str)
    assert [call.body.count(b"2125550123") for call in twilio.calls] == [1, 0]


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_fault_of_twilios_own_is_not_knowing(twilio: Twilio, status: int) -> None:
    twilio.answers[ADA] = Twilio.error(status, 20500, "An internal server error has occurred")
    [outcome] = send(text_to())
    assert isinstance(outcome, OutcomeUnknown)
    assert len(twilio.calls) == 1


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b"{}", b'{"sid": null}'])
def test_an_answer_that_is_none_is_not_knowing(twilio: Twilio, body: bytes) -> None:
    twilio.answers[ADA] = Reply(201, body)
    [outcome] = send(text_to())
    assert isinstance(outcome, OutcomeUnknown)


def test_a_redirect_takes_the_text_nowhere_else(twilio: Twilio) -> None:
    twilio.answers[ADA] = Reply(307, headers={"Location": f"{twilio.address}/elsewhere"})
    [outcome] = send(text_to())
    assert isinstance(outcome, DeliveryFailed)
    assert len(twilio.calls) == 1


def test_a_twilio_that_cannot_be_reached_is_asked_again_later(twilio: Twilio, settings: Any) -> None:
    settings.TWILIO_API_URL = "http://127.0.0.1:9"
    [outcome] = send(text_to())
    assert isinstance(outcome, DeliveryFailed)
    assert not outcome.permanent


def test_of_a_hundred_texts_in_bad_weather_none_is_called_failed_that_arrived(twilio: Twilio) -> None:
    """Three in ten calls end in a 5xx, and half of those texts leave all the same."""
    twilio.fails = 0.3
    numbers = [f"+1212555{n:04}" for n in range(100)]
    outcomes = dict(zip(numbers, send(*map(text_to, numbers)), strict=True))
    sent = {number for number, outcome in outcomes.items() if isinstance(outcome, str)}
    unknown = {number for number, outcome in outcomes.items() if isinstance(outcome, OutcomeUnknown)}
    assert len(sent) + len(unknown) == 100
    assert 15 < len(unknown) < 45
    assert sent < set(twilio.recipients) < sent | unknown
    assert len(twilio.recipients) == len(set(twilio.recipients))
