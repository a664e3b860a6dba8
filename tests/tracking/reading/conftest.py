"""Two partners whose people did the same things, a desk of ours, and somebody of one partner's."""

import datetime as dt

import pytest
from django.utils import timezone

from loyalty.models import User
from tests.tracking.received import a_system, receive, said
from tests.tracking.test_read_model import signed_in
from tracking.actions import partners, structures
from tracking.models import PartnerSystem

HOUR = dt.timedelta(hours=1)
SOLD = {"type": "object", "required": ["sku"]}


@pytest.fixture
def now():
    """Pages look at the clock."""
    return timezone.now()


def fill(system: PartnerSystem, who: str, now: dt.datetime) -> None:
    sold = structures.draft(system=system, event_name="Sold", schema=SOLD, by=None)
    structures.publish(sold, now=now)
    at = now - 30 * HOUR
    receive(
        system,
        said("Viewed", "", anonymous_id=f"{who}-phone", properties={"plan": "gold", "email": f"{who}@example.com"}),
        signed_in(who, f"{who}-phone"),
        at=at,
    )
    receive(system, said("Sold", who, properties={"sku": "=1+1"}), said("Viewed", f"{who}-2"), at=at + HOUR)
    wrong = said("Sold", f"{who}-2", context={"ip": "10.0.0.1"}, properties={"city": "Rome"})
    receive(system, wrong, at=at + 2 * HOUR, structures=[sold])
    receive(system, said("Viewed", who, timestamp="soon"), at=at + 3 * HOUR)


@pytest.fixture
def acme(now, follow_events) -> PartnerSystem:
    acme, rival = a_system("Acme", "Website"), a_system("Rival", "Shop")
    fill(acme, "ada", now)
    fill(rival, "zoe", now)
    follow_events()
    return acme


@pytest.fixture
def rival(acme) -> PartnerSystem:
    return PartnerSystem.objects.get(partner__name="Rival")


@pytest.fixture
def outsider(acme, client_of):
    """Somebody of Acme's, with a login."""
    user = User.objects.create_user("somebody@acme.example", name="Somebody")
    partners.give_access(user=user, partner=acme.partner)
    return client_of(user)


@pytest.fixture
def desk(manager, client_of):
    return client_of(manager)
