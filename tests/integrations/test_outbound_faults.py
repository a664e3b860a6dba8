"""Workers that are killed while they tell: whatever they held arrives under the same id, and nothing is lost."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from integrations.models import Destination, OutboundDelivery
from integrations.outbound import managing, parcels
from loyalty.actions import members
from loyalty.events import OrderPaid
from tests.campaigns.machinery import Machinery, machinery
from tests.copies import wait_for
from tests.integrations.outbound import PAID, secret_of
from tests.providers import opened
from tests.webhook_receiver import EVERYBODY, Receiver
from tracking.actions import Occurrence
from tracking.actions.record import record_all

pytestmark = [pytest.mark.fault, pytest.mark.timeout(300), pytest.mark.django_db(transaction=True)]
EVENTS, KILLS = 600, 5
Status = OutboundDelivery.Status


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with opened(Receiver()) as receiver:
        yield receiver


@pytest.fixture
def warehouse(receiver: Receiver) -> Destination:
    made = managing.create(
        kind="webhook", name="Warehouse", options={"url": receiver.address}, events=[PAID], tells_people=False,
        secret="", by_id=None, now=timezone.now() - timedelta(hours=1),
    )  # fmt: skip
    receiver.secrets.append(secret_of(made.destination))
    return made.destination


@pytest.fixture
def teller(tmp_path: Path) -> Iterator[Machinery]:
    with machinery(tmp_path, SECRET_KEY=settings.SECRET_KEY, ALLOW_PRIVATE_ADDRESSES="true") as running:
        yield running


def pay(count: int) -> None:
    now, ada = timezone.now(), members.join(name="Ada", source="till", now=timezone.now())
    events = [
        OrderPaid(subject=str(ada.public_id), order=f"A-{number}", store="Harbor", total="9.00", currency="USD")
        for number in range(count)
    ]
    with transaction.atomic():
        record_all([Occurrence(event, event.order, now) for event in events])


def leases_lapse() -> None:
    held = OutboundDelivery.objects.filter(claimed_until__isnull=False)
    held.update(claimed_until=F("claimed_until") - parcels.LEASE - timedelta(seconds=1))


def told(status: str) -> int:
    return OutboundDelivery.objects.filter(status=status).count()


def test_a_worker_killed_between_an_attempt_and_its_record_tells_it_again_under_the_same_id(
    teller: Machinery, receiver: Receiver, warehouse: Destination
) -> None:
    receiver.silent_after.add(EVERYBODY)
    pay(1)
    teller.start("beat")
    worker = teller.start("worker", WORKERS="1")
    wait_for(lambda: receiver.taken)
    teller.kill(worker)
    assert told(Status.WAITING) == 1
    receiver.silent_after.clear()
    leases_lapse()
    teller.start("worker", WORKERS="1")
    wait_for(lambda: told(Status.DELIVERED) == 1)
    assert (len(receiver.taken), len(receiver.told)) == (2, 1)


def test_five_killed_workers_lose_nothing_of_six_hundred_events(
    teller: Machinery, receiver: Receiver, warehouse: Destination
) -> None:
    pay(EVENTS)
    teller.start("beat")
    for kill in range(1, KILLS + 1):
        worker = teller.start("worker", WORKERS="2")
        wait_for(lambda enough=kill * EVENTS // (KILLS + 2): len(receiver.told) >= enough)
        teller.kill(worker)
        leases_lapse()
    teller.flush_redis()
    teller.start("worker", WORKERS="2")
    wait_for(lambda: told(Status.DELIVERED) == EVENTS, seconds=120)
    assert len(receiver.told) == EVENTS
    repeated = len(receiver.taken) - EVENTS
    print(f"{repeated} of {EVENTS} events came twice after {KILLS} kills")  # noqa: T201
    assert repeated <= KILLS * parcels.CALLS_AT_ONCE * parcels.SMALL_CALLS
