"""Who switches the shop's own events on, where, and who sees them then."""

import datetime as dt
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from loyalty.actions import members, people
from loyalty.models import Invitation, OwnEvents, User
from tests.tracking.received import a_system
from tracking.actions import partners
from tracking.models import Partner, PartnerSystem, TrackedEvent

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def now() -> dt.datetime:
    """Pages look at the clock."""
    return timezone.now()


@pytest.fixture
def shop() -> Partner:
    return a_system("Harbor Wines", "Website").partner


@pytest.fixture
def desk(manager: User, client_of: Any) -> Client:
    return client_of(manager)


@pytest.fixture
def gil(shop: Partner) -> User:
    """One of the partner's own people."""
    guest = User.objects.create_user("gil@harbor.example", name="Gil Guest")
    partners.give_access(user=guest, partner=shop)
    return guest


def at(partner: Partner, verb: str = "") -> str:
    return reverse(f"loyalty:own-events{verb}", args=[partner.public_id])


def text(answer: Any) -> str:
    return answer.content.decode()


def switch_on(desk: Client, partner: Partner, named_by: str = "CUSTOMER_NUMBER", **more: str) -> Any:
    page = reverse("tracking:partner", args=[partner.public_id])
    body, where = {"named_by": named_by} | more, {"referer": f"http://testserver{page}"}
    return desk.post(at(partner, "-on"), body, follow=True, headers=where)


def test_a_manager_switches_them_on_changes_the_names_and_switches_them_off(desk, shop):
    assert "Tell the shop" in text(desk.get(at(shop)))
    switch_on(desk, shop)
    told = text(desk.get(at(shop)))
    assert "analytics.identify(customer.number)" in told
    assert "or by the member id where they have none" in told
    switch_on(desk, shop, "EMAIL")
    assert "customer.email.toLowerCase()" in text(desk.get(at(shop)))
    desk.post(at(shop, "-off"))
    assert "Switch on again" in text(desk.get(at(shop)))
    assert not OwnEvents.objects.get().system.is_active


def test_they_stand_with_one_partner_and_can_be_moved(desk, shop):
    other = a_system("Harbor Online", "Shop").partner
    switch_on(desk, shop)
    assert "Move them here" in text(desk.get(at(other)))
    assert "Harbor Wines" in text(desk.get(at(other)))
    assert desk.post(at(other, "-off")).status_code == desk.post(at(other, "-again")).status_code == 404
    switch_on(desk, other)
    assert OwnEvents.objects.get().system.partner == other


def test_whoever_would_let_a_partners_people_see_the_orders_is_asked_first(desk, shop, gil):
    assert "1 person with a login or an invitation" in text(desk.get(at(shop)))
    refused = text(switch_on(desk, shop))
    assert "who would see every member" in refused
    assert not OwnEvents.objects.exists()
    switch_on(desk, shop, may_be_seen="on")
    assert "People of this partner see all of it" in text(desk.get(at(shop)))


def test_somebody_invited_counts_as_one_who_will_see(desk, shop, admin):
    people.invite_for_partner(email="new@harbor.example", partner=shop, by=admin, now=timezone.now())
    switch_on(desk, shop)
    assert not OwnEvents.objects.exists()
    Invitation.objects.update(expires_at=timezone.now() - dt.timedelta(days=1))
    switch_on(desk, shop)
    assert OwnEvents.objects.exists()


def test_whoever_is_invited_once_they_are_told_is_let_in_knowingly(desk, shop):
    people_of, invite = (
        reverse(f"loyalty:partner-{name}", args=[shop.public_id]) for name in ("people", "person-invite")
    )
    assert "may_be_seen" not in text(desk.get(people_of))
    switch_on(desk, shop)
    assert "sees every member" in text(desk.get(people_of))
    where = {"referer": f"http://testserver{reverse('tracking:partner', args=[shop.public_id])}"}
    refused = desk.post(invite, {"email": "new@harbor.example"}, follow=True, headers=where)
    assert "who would see every member" in text(refused)
    assert not Invitation.objects.exists()
    desk.post(at(shop, "-off"))
    desk.post(invite, {"email": "new@harbor.example"}, headers=where)
    assert not Invitation.objects.exists()
    desk.post(invite, {"email": "new@harbor.example", "may_be_seen": "on"})
    assert Invitation.objects.get().partner == shop


def test_only_who_may_change_partners_may_switch_them(shop, gil, viewer, marketer, client_of):
    for person, may_look in ((gil, False), (viewer, True), (marketer, True)):
        client = client_of(person)
        assert client.get(at(shop)).status_code == (200 if may_look else 403), person
        for verb in ("-on", "-again", "-off"):
            assert client.post(at(shop, verb), {"named_by": "EMAIL", "may_be_seen": "on"}).status_code == 403
    assert "Tell the shop" not in text(client_of(viewer).get(at(shop)))
    assert "own-events" not in text(client_of(gil).get(reverse("tracking:partner", args=[shop.public_id])))
    assert not OwnEvents.objects.exists()


def test_the_shops_system_is_shown_like_the_others_and_offers_no_key(desk, shop, now, follow_events):
    members.join(external_id="C1", source="till", now=now)
    switch_on(desk, shop)
    for _ in range(2):
        follow_events()
    own = PartnerSystem.objects.get(kind="REGULARS")
    page = text(desk.get(reverse("tracking:system", args=[own.public_id])))
    assert "it has no keys" in page
    assert "Make a write key" not in page
    assert reverse("tracking:system-change", args=[own.public_id]) not in page
    assert "member.joined" in text(desk.get(reverse("tracking:tracked"), {"system": own.public_id}))
    assert TrackedEvent.objects.get().person == "C1"


def test_a_program_can_neither_make_nor_change_nor_open_it(desk, shop):
    switch_on(desk, shop)
    own = PartnerSystem.objects.get(kind="REGULARS")
    api, said = "/api/tracking/v1", {"content_type": "application/json"}
    listed = desk.get(f"{api}/systems/", {"partner": str(shop.public_id)}).json()["results"]
    assert {system["kind"] for system in listed} == {"WEBSITE", "REGULARS"}
    body = {"partner": str(shop.public_id), "name": "Another", "kind": "REGULARS"}
    assert desk.post(f"{api}/systems/", body, **said).status_code == 400
    changed = desk.patch(f"{api}/systems/{own.public_id}/", {"is_active": False}, **said)
    assert (changed.status_code, changed.json()["code"]) == (409, "our_own")
    key = desk.post(f"{api}/keys/", {"system": str(own.public_id)}, **said)
    assert (key.status_code, key.json()["code"]) == (409, "our_own")
    draft = {"system": str(own.public_id), "event_name": "order.paid", "schema": {}}
    assert desk.post(f"{api}/structures/", draft, **said).json()["code"] == "nothing_to_check"
    with pytest.raises(CommandError, match="Nobody sends to it"):
        call_command("create_write_key", shop.name, own.name)


def test_another_partners_people_see_nothing_of_them(desk, shop, now, follow_events, client_of):
    rival = a_system("Rival", "Till")
    stranger = User.objects.create_user("zoe@rival.example", name="Zoe")
    partners.give_access(user=stranger, partner=rival.partner)
    members.join(external_id="C-secret", source="till", now=now)
    switch_on(desk, shop)
    for _ in range(2):
        follow_events()
    own, event = PartnerSystem.objects.get(kind="REGULARS"), TrackedEvent.objects.get()
    client = client_of(stranger)
    for page in ("tracked", "people", "funnel", "retention", "sessions", "live", "partners"):
        assert "C-secret" not in text(client.get(reverse(f"tracking:{page}"), follow=True)), page
    assert client.get(reverse("tracking:system", args=[own.public_id])).status_code == 404
    assert client.get(reverse("tracking:tracked-event", args=[event.pk])).status_code == 404
    assert client.get(f"/api/events/partner-system/{own.public_id}").status_code == 404
    assert "REGULARS" not in text(client.get("/api/tracking/v1/systems/"))
