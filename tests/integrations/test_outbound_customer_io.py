"""Events out to Customer.io, against a server that keeps to its documented contract, and one that does not."""

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import transaction

from integrations.models import DeliveryAttempt, Destination, OutboundDelivery
from integrations.outbound import managing, queries
from integrations.outbound.kinds import kinds
from loyalty.actions import profiles
from loyalty.events import OrderPaid
from tests.customer_io import EVERYBODY, CustomerIoServer, open_customer_io
from tests.integrations.outbound import JOINED, LEFT, PAID, House, Status, a_house, statuses
from tests.providers import Reply
from tracking.actions import record

pytestmark = pytest.mark.django_db


@pytest.fixture
def house(follow_events: Callable[[], None], now: dt.datetime) -> House:
    return a_house(follow_events, now)


@pytest.fixture
def server(settings: Any) -> Iterator[CustomerIoServer]:
    with open_customer_io(settings) as server:
        yield server


@pytest.fixture
def customer_io(house: House, server: CustomerIoServer) -> Destination:
    return connected(house, server)


def connected(house: House, server: CustomerIoServer, **more: Any) -> Destination:
    options = {"region": "eu", "site_id": server.site_id}
    return house.destination("customerio", options, **({"secret": server.api_key} | more))


def test_events_stand_beside_the_people_they_are_about_at_the_time_they_happened(
    house: House, server: CustomerIoServer, customer_io: Destination, now: dt.datetime
) -> None:
    ada = house.join(email="ada@example.com")
    house.pay(ada, 1)
    assert house.deliver() == 2
    assert len(server.calls) == 1  # both in one batch
    paid = next(event for event in server.events.values() if event["name"] == PAID)
    assert paid["identifiers"] == {"id": str(ada.public_id)}
    assert paid["timestamp"] == int(now.timestamp())
    assert paid["attributes"] == {"order": "A-1", "store": "Harbor", "total": "64.50", "currency": "USD"}
    assert server.people == {str(ada.public_id): {}}
    assert "ada@example.com" not in str([call.body for call in server.calls])


def test_people_have_their_contacts_there_where_somebody_asked_for_it(house: House, server: CustomerIoServer) -> None:
    connected(house, server, tells_people=True)
    ada = house.join(email="ada@example.com")
    house.deliver()
    assert server.people == {str(ada.public_id): {"name": "Ada", "email": "ada@example.com"}}


def test_who_wants_to_be_forgotten_is_forgotten_there_too(
    house: House, server: CustomerIoServer, customer_io: Destination, now: dt.datetime
) -> None:
    ada = house.join(email="ada@example.com")
    house.deliver()
    assert server.people
    profiles.forget(ada, now=now)
    house.deliver(minutes=1)
    assert server.people == {}


def test_whoever_left_is_not_brought_back_by_what_is_told_later(
    house: House, server: CustomerIoServer, customer_io: Destination, now: dt.datetime
) -> None:
    """An event of before that is tried again, and one that is recorded afterwards."""
    server.answers[EVERYBODY] = Reply(500)
    ada, bob = house.join(email="ada@example.com"), house.join("Bob")
    house.deliver()
    server.answers.clear()
    profiles.forget(ada, now=now)
    house.pay(ada, 1)
    house.deliver(minutes=10)
    assert set(server.people) == {str(bob.public_id)}
    told = dict(OutboundDelivery.objects.filter(event__subject=ada.public_id).values_list("event_name", "status"))
    assert told == {JOINED: Status.FAILED, PAID: Status.FAILED, LEFT: Status.DELIVERED}
    refused = OutboundDelivery.objects.select_related("event", "destination").get(event_name=PAID)
    assert "asked to be forgotten" in refused.error
    assert refused.error == queries.told_with(refused, may_see_people=True, now=house.began).refusal


@pytest.mark.parametrize("words", ["half of \\ud83d", "\\u0000", "9"])
def test_an_answer_that_is_no_text_costs_nobody_anything(
    words: str, house: House, server: CustomerIoServer, customer_io: Destination
) -> None:
    server.answers[EVERYBODY] = Reply(207, b'{"errors": [{"batch_index": 1, "message": "%s"}]}' % words.encode())
    house.join()
    house.join("Bob")
    assert house.deliver() == 1
    failed = OutboundDelivery.objects.get(status=Status.FAILED)
    assert failed.error.startswith("Customer.io refused it.")
    assert failed.attempts == 1


@pytest.mark.parametrize("body", [b'{"errors": [{"batch_index": 1e999}]}', b"[" * 60_000, b"null", b'{"errors": 1}'])
def test_an_answer_that_makes_no_sense_is_an_attempt_that_failed(
    body: bytes, house: House, server: CustomerIoServer, customer_io: Destination
) -> None:
    server.answers[EVERYBODY] = Reply(207, body)
    house.join()
    assert house.deliver() == 0
    assert OutboundDelivery.objects.get().error == "It answered 207 and did not say what it refused."


def test_why_it_refused_is_not_kept_where_it_may_repeat_who_somebody_is(house: House, server: CustomerIoServer) -> None:
    connected(house, server, tells_people=True)
    refusal = rb'{"errors": [{"batch_index": 0, "field": "email", "message": "no mail for Zo&euml;"}]}'
    server.answers[EVERYBODY] = Reply(207, refusal)
    house.join("Zoë", email="zoe@example.com")
    assert house.deliver() == 0
    assert OutboundDelivery.objects.get().error == "Customer.io refused it."
    assert DeliveryAttempt.objects.get().answer == ""


def test_a_batch_that_was_taken_before_the_line_broke_is_counted_once(
    house: House, server: CustomerIoServer, customer_io: Destination
) -> None:
    server.silent_after.add(EVERYBODY)
    house.pay(house.join(), *range(9))
    assert house.deliver() == 0
    server.silent_after.clear()
    assert house.deliver(seconds=6) == 10
    assert len(server.events) == 10
    assert server.repeated == 10


def test_thirty_percent_of_errors_lose_and_double_nothing(
    house: House, server: CustomerIoServer, customer_io: Destination
) -> None:
    server.fails = 0.3
    house.pay(house.join(), *range(199))
    for minutes in (0, 1, 2, 10, 11, 60, 61, 240, 241, 600, 601):
        house.deliver(minutes=minutes)
        house.deliver(minutes=minutes + 0.5)
    assert set(statuses()) == {Status.DELIVERED}
    assert len(server.events) == 200


def test_one_person_it_never_takes_costs_nobody_else_anything(
    house: House, server: CustomerIoServer, customer_io: Destination
) -> None:
    ada, bob = house.join(), house.join("Bob")
    server.refused.add(str(bob.public_id))
    house.pay(ada, 1, 2, 3)
    assert house.deliver() == 4
    (failed,) = OutboundDelivery.objects.filter(status=Status.FAILED)
    assert "suppressed" in failed.error
    assert failed.attempts == 1  # said for good
    assert Destination.objects.get().failing_since is None


def test_what_spoils_a_whole_batch_is_found_by_telling_each_alone(
    house: House, server: CustomerIoServer, customer_io: Destination
) -> None:
    bob = house.join("Bob")
    server.choked.add(str(bob.public_id))
    house.pay(house.join(), *range(9))
    assert house.deliver() == 10
    assert statuses().count(Status.FAILED) == 1
    assert len(server.calls) == 1 + 11


def test_429_is_a_pause_for_everything_that_waits(
    house: House, server: CustomerIoServer, customer_io: Destination
) -> None:
    server.limit = 0
    house.join()
    assert house.deliver() == 0
    server.limit = None
    house.join("Bob")
    assert house.deliver(seconds=39) == 0
    assert len(server.calls) == 1
    assert house.deliver(seconds=41) == 2


def test_a_wrong_key_says_so_and_the_right_one_catches_up(house: House, server: CustomerIoServer) -> None:
    made = connected(house, server, secret="wrong")
    house.join()
    assert house.deliver() == 0
    assert "does not know this site id and API key" in OutboundDelivery.objects.get().error
    kept = {"name": made.name, "options": made.options, "events": made.events, "tells_people": False}
    managing.change(destination=made, secret=server.api_key, may_see_people=True, **kept)
    assert house.deliver(seconds=6) == 1


def test_what_is_larger_than_it_takes_is_not_sent(
    house: House, server: CustomerIoServer, customer_io: Destination, now: dt.datetime
) -> None:
    ada = house.join()
    huge = OrderPaid(subject=str(ada.public_id), order="A-1", store="x" * 33_000, total="1.00", currency="USD")
    with transaction.atomic():
        record(huge, key="huge", at=now)
    assert house.deliver() == 1
    failed = OutboundDelivery.objects.get(status=Status.FAILED)
    assert "32 kB" in failed.error
    assert DeliveryAttempt.objects.get(delivery=failed).status is None


def test_a_hundred_events_leave_in_batches_that_fit(
    house: House, server: CustomerIoServer, customer_io: Destination
) -> None:
    house.pay(house.join(), *range(99))
    assert house.deliver() == 100
    assert len(server.calls) == 7
    assert max(len(call.body) for call in server.calls) < 500_000


@pytest.mark.parametrize(("region", "host"), [("us", "track.customer.io"), ("eu", "track-eu.customer.io")])
def test_each_region_has_its_own_host(region: str, host: str, settings: Any, now: dt.datetime) -> None:
    assert settings.CUSTOMERIO_URLS[region] == f"https://{host}"
    kind = kinds()["customerio"]({"region": region, "site_id": "5ite"}, ["s3cret"])
    assert kind.call([], now=now).url == f"https://{host}/api/v2/batch"


def test_the_key_they_gave_is_asked_for_and_not_made(house: House) -> None:
    with pytest.raises(managing.SecretMissing, match="API key"):
        house.destination("customerio", {"region": "us", "site_id": "5ite"})
