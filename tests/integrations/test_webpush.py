"""The web push adapter over real HTTP, to a service that decrypts what it takes as the browser would."""

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from integrations.channels.base import DeliveryFailed, Message, OutcomeUnknown, PushDevice, channel
from integrations.channels.webpush import MOST_DEVICES
from tests.providers import PushService, Reply
from tracking.models import Event

pytestmark = pytest.mark.django_db


def notice(*devices: PushDevice, **wishes: Any) -> Message:
    usual = {"id": "7@shop.example", "to": "ada", "subject": "Hello", "text": "Come by 🍷", "link": "/c/abc"}
    return Message(devices=devices, **(usual | wishes))


def send(message: Message) -> str:
    with channel("push") as outlet:
        return outlet.send(message)


def refusal(message: Message) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as refused:
        send(message)
    return refused.value


def test_a_browser_reads_what_was_written_and_nobody_between(push_service: PushService) -> None:
    ada = push_service.subscribe("ada")
    assert send(notice(ada)) == "7@shop.example"
    [(reader, told)] = push_service.shown
    assert reader == "ada"
    assert (told["title"], told["body"], told["link"]) == ("Hello", "Come by 🍷", "/c/abc")
    assert b"Come by" not in push_service.calls[0].body


def test_a_notification_waits_four_hours_at_most_and_takes_the_place_of_itself(push_service: PushService) -> None:
    ada = push_service.subscribe("ada")
    send(notice(ada))
    send(notice(ada))
    send(notice(ada, id="8@shop.example"))
    headers = [call.headers for call in push_service.calls]
    assert {(each["TTL"], each["Urgency"]) for each in headers} == {("14400", "normal")}
    first, again, other = [each["Topic"] for each in headers]
    assert first == again != other
    assert [told["tag"] for _reader, told in push_service.shown] == [first, again, other]


def test_one_connection_serves_many(push_service: PushService) -> None:
    devices = [push_service.subscribe(f"device-{n}") for n in range(10)]
    send(notice(*devices))
    assert (push_service.connections, len(push_service.shown)) == (1, 10)


def test_one_device_that_takes_it_is_enough_and_one_that_is_gone_is_told_of(push_service: PushService) -> None:
    old, gone, new = (push_service.subscribe(name) for name in ("old", "gone", "new"))
    push_service.answers = {"old": Reply(404), "gone": Reply(410)}
    assert send(notice(old, gone, new))
    assert [reader for reader, _told in push_service.shown] == ["new"]
    digests = {hashlib.sha256(device.endpoint.encode()).hexdigest() for device in (old, gone)}
    told = Event.objects.filter(name="push_device.gone")
    assert set(told.values_list("subject", flat=True)) == digests
    assert not any(push_service.address in str(event.properties) for event in told)


def test_whoever_has_no_device_left_is_not_written_to_again(push_service: PushService) -> None:
    ada = push_service.subscribe("ada")
    push_service.answers["ada"] = Reply(410)
    assert refusal(notice(ada)).permanent
    assert refusal(notice()).permanent


def test_a_service_that_one_browser_named_pauses_nobody_elses(push_service: PushService) -> None:
    ada = push_service.subscribe("ada")
    push_service.answers["ada"] = Reply(429, headers={"Retry-After": "3600"})
    refused = refusal(notice(ada))
    assert (refused.permanent, refused.retry_after) == (False, None)


def test_a_message_goes_to_so_many_devices_and_no_more(push_service: PushService) -> None:
    devices = [push_service.subscribe(f"ada-{number}") for number in range(MOST_DEVICES + 5)]
    send(notice(*devices))
    assert len(push_service.calls) == MOST_DEVICES


@pytest.mark.parametrize("how", ["hangs_up_before", "hangs_up_after", "silent_after"])
def test_silence_is_not_knowing(push_service: PushService, settings: Any, how: str) -> None:
    settings.OUTGOING_TIMEOUT = 0.3
    ada = push_service.subscribe("ada")
    getattr(push_service, how).add("ada")
    with pytest.raises(OutcomeUnknown):
        send(notice(ada))
    assert len(push_service.calls) == 1


def test_a_fault_of_the_services_own_is_not_knowing(push_service: PushService) -> None:
    ada = push_service.subscribe("ada")
    push_service.answers["ada"] = Reply(500)
    with pytest.raises(OutcomeUnknown):
        send(notice(ada))


def test_another_key_than_the_one_they_subscribed_with_may_be_put_right(push_service: PushService) -> None:
    ada = push_service.subscribe("ada")
    push_service.shop_key = "another"
    refused = refusal(notice(ada))
    assert (refused.permanent, str(refused)) == (False, "The push service answered 403.")


def test_keys_that_are_none_are_refused_for_good(push_service: PushService) -> None:
    ada = push_service.subscribe("ada")
    assert refusal(notice(replace(ada, p256dh="BA" + "A" * 85))).permanent
    assert refusal(notice(replace(ada, p256dh="A"))).permanent
    assert push_service.calls == []


def test_a_long_text_is_cut_and_a_long_link_refused(push_service: PushService) -> None:
    ada = push_service.subscribe("ada")
    send(notice(ada, subject="🍷" * 500, text="🍷" * 5_000))
    assert len(push_service.shown[0][1]["body"]) == 400
    assert refusal(notice(ada, link="https://shop.example/" + "x" * 4_000)).permanent


def test_what_a_browser_calls_its_push_service_never_leads_inside(push_service: PushService, settings: Any) -> None:
    settings.ALLOW_PRIVATE_ADDRESSES = False
    ada = push_service.subscribe("ada")
    port = push_service.address.rpartition(":")[2]
    hosts = ("127.0.0.1", "localhost", "[::1]", "[::ffff:7f00:1]", "0x7f.1", "2130706433", "169.254.169.254")
    addresses = [push_service.address, *(f"https://{host}:{port}/push/ada" for host in hosts)]
    for endpoint in [*addresses, "file:///etc/passwd", "gopher://127.0.0.1/", "https://", "https://[", "nothing"]:
        refused = refusal(notice(replace(ada, endpoint=endpoint)))
        assert refused.permanent, (endpoint, refused)
        assert str(refused) != ""
    assert push_service.connections == 0


def test_a_push_service_that_is_not_there_is_asked_again_later(push_service: PushService) -> None:
    ada = push_service.subscribe("ada")
    assert not refusal(notice(replace(ada, endpoint="http://127.0.0.1:9/push/ada"))).permanent
