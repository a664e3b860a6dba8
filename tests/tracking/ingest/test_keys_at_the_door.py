"""A key that is taken away opens nothing any more, and structures hold from the moment they are published."""

import datetime as dt

from django.utils import timezone

from loyalty.actions import tokens
from loyalty.models import User
from tests.copies import wait_for
from tests.tracking.ingest.door import Door, Sender
from tracking.actions import partners, structures
from tracking.models import EventStructure, PartnerSystem

AT_ONCE = 2.0
EVENT = {"type": "track", "event": "Sold", "userId": "ada", "properties": {"amount": "three"}}


def opens(door: Door, key: str) -> bool:
    return door.post("/v1/batch", {"batch": []}, key=key).status_code == 200


def test_a_key_opens_from_its_first_moment(door, sender):
    for number in range(5):
        assert opens(door, Sender("Acme", f"App {number}").key), "no news of it need arrive first"


def test_a_revoked_key_stops_at_once(door, sender):
    assert opens(door, sender.key)
    partners.revoke(sender.write_key, now=timezone.now())
    wait_for(lambda: not opens(door, sender.key), seconds=AT_ONCE)
    assert opens(door, f"{sender.id}:{sender.secret}"), "its other key still does"


def test_a_rotated_key_works_as_long_as_it_was_given_and_the_new_one_at_once(door, sender):
    now = timezone.now()
    fresh = partners.rotate(sender.write_key, overlap=dt.timedelta(days=1), by=None, now=now)
    wait_for(lambda: opens(door, fresh.shown), seconds=AT_ONCE)
    assert opens(door, sender.key)
    newest = partners.rotate(fresh.key, overlap=dt.timedelta(0), by=None, now=now)
    wait_for(lambda: opens(door, newest.shown), seconds=AT_ONCE)
    assert not opens(door, fresh.shown)


def test_an_inactive_system_is_not_heard_until_it_is_active_again(door, sender):
    PartnerSystem.objects.filter(pk=sender.system.pk).update(is_active=False)
    wait_for(lambda: not opens(door, sender.key), seconds=AT_ONCE)
    PartnerSystem.objects.filter(pk=sender.system.pk).update(is_active=True)
    wait_for(lambda: opens(door, sender.key), seconds=AT_ONCE)


def test_one_partners_key_never_writes_to_anothers_log(door, sender):
    other = Sender("Bevco", "Website")
    wait_for(lambda: opens(door, other.key), seconds=AT_ONCE)
    door.post("/v1/track", EVENT | {"writeKey": sender.key, "system_id": sender.system.pk}, key=other.key)
    assert (len(sender.stored()), len(other.stored())) == (0, 1)


def test_a_persons_token_opens_no_way_in(door, sender):
    owner = User.objects.create_superuser("ada@shop.example")
    made = tokens.make_token(user=owner, name="Script", scope="change", days=None, now=timezone.now())
    event = {"name": "Sold", "type": "track", "event": "Sold", "userId": "1"}
    for path in ("/api/events/ingest", "/v1/track"):
        assert door.post(path, event, headers={"authorization": f"Bearer {made.shown}"}).status_code == 401
        assert door.post(path, event, key=made.shown).status_code == 401
    assert sender.stored() == []


def test_a_published_structure_is_asked_about_the_properties_and_only_about_its_own_event(door, sender):
    schema = {
        "type": "object",
        "required": ["amount", "sku"],
        "properties": {"amount": {"type": "number"}, "sku": {"type": "string"}},
        "additionalProperties": False,
    }
    structure = EventStructure.objects.create(
        system=sender.system, event_name="Sold", version=1, status="PUBLISHED", schema=schema
    )
    wait_for(lambda: door.app.catalogue.snapshot.structures, seconds=AT_ONCE)
    odd = EVENT | {"properties": {"amount": "three", "colour/red": 1}, "context": {"anything": "goes"}}
    door.post("/v1/batch", {"batch": [odd, EVENT | {"event": "Seen"}]}, key=sender.key)
    sold, seen = sender.stored()
    assert sorted((error["type"], error["pointer"]) for error in sold.errors) == [
        ("additional_property", "/colour~1red"),
        ("required_missing", "/sku"),
        ("wrong_type", "/amount"),
    ]
    assert sold.structure_id == structure.pk
    assert (seen.errors, seen.structure_id) == ([], None)


def test_the_browser_sdks_settings_are_not_for_strangers(door, sender):
    known = door.send("GET", f"/v1/projects/{sender.key}/settings")
    assert known.json()["integrations"]["Segment.io"]["apiKey"] == sender.key
    assert door.send("GET", "/v1/projects/wk_unknown/settings").status_code == 404


def test_a_structure_is_in_force_from_the_moment_it_is_published_until_it_is_retired(door, sender):
    schema = {"type": "object", "properties": {"amount": {"type": "number"}}}
    draft = structures.draft(system=sender.system, event_name="Sold", schema=schema, by=None)

    def flags() -> bool:
        door.post("/v1/track", EVENT, key=sender.key)
        return bool(sender.stored()[-1].errors)

    assert not flags(), "a draft changes nothing"
    structures.publish(draft, now=timezone.now())
    wait_for(flags, seconds=AT_ONCE)
    structures.retire(draft, now=timezone.now())
    wait_for(lambda: not flags(), seconds=AT_ONCE)
