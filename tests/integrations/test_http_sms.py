"""The adapter for a server of one's own, over real HTTP, by the promise that its first lines ask for."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from integrations.channels.base import DeliveryFailed, Message, OutcomeUnknown, channel
from tests.providers import Reply, SmsServer, opened, told

ADA = "+12125550123"
TEXT = Message(id="7@shop.example", to=ADA, subject="", text="Grüße 🍷")


@pytest.fixture
def server(settings: Any) -> Iterator[SmsServer]:
    with opened(SmsServer()) as server:
        settings.SMS_URL = server.address.replace("://", "://shop:se%2Fcret@") + "/texts?region=us"
        settings.CHANNELS = settings.CHANNELS | {"sms": "integrations.channels.http_sms.HttpSmsChannel"}
        settings.OUTGOING_TIMEOUT = 0.5
        yield server


def send(message: Message = TEXT) -> str:
    with channel("sms") as outlet:
        return outlet.send(message)


def refusal() -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as refused:
        send()
    return refused.value


def test_a_text_that_was_taken_gives_the_servers_id(server: SmsServer) -> None:
    assert send() == "sms-0"
    assert server.taken == {"7@shop.example": {"id": "7@shop.example", "to": ADA, "text": "Grüße 🍷"}}
    assert server.calls[0].path == "/texts?region=us"


@pytest.mark.parametrize("how", ["hangs_up_before", "hangs_up_after", "silent_after"])
def test_after_silence_the_same_key_sends_nothing_twice(server: SmsServer, how: str) -> None:
    assert channel("sms").remembers_for
    getattr(server, how).add(ADA)
    with pytest.raises(OutcomeUnknown):
        send()
    getattr(server, how).clear()
    assert send() == "sms-0"
    assert len(server.taken) == 1


@pytest.mark.parametrize(("status", "permanent"), [(400, True), (422, True), (401, False), (404, False)])
def test_a_refusal_says_whether_it_may_be_tried_again(server: SmsServer, status: int, permanent: bool) -> None:
    server.answers[ADA] = Reply(status, b"No")
    refused = refusal()
    assert (refused.permanent, str(refused)) == (permanent, f"The SMS server answered {status} No")


def test_a_fault_of_the_servers_own_is_not_knowing(server: SmsServer) -> None:
    server.answers[ADA] = Reply(502)
    with pytest.raises(OutcomeUnknown):
        send()


def test_a_server_that_is_busy_says_how_long_to_wait(server: SmsServer) -> None:
    server.answers[ADA] = Reply(429, headers={"Retry-After": "30"})
    refused = refusal()
    assert (refused.permanent, refused.retry_after) == (False, timedelta(seconds=30))


@pytest.mark.parametrize("reply", [Reply(202), Reply(200, b"OK"), told(200, []), told(200, {"id": None})])
def test_a_server_that_gives_no_id_has_taken_it_under_ours(server: SmsServer, reply: Reply) -> None:
    server.answers[ADA] = reply
    assert send() == "7@shop.example"


def test_a_server_that_is_not_there_is_asked_again_later(server: SmsServer, settings: Any) -> None:
    settings.SMS_URL = "http://127.0.0.1:9/"
    assert not refusal().permanent
