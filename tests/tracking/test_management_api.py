"""Partners, systems, keys and structures over REST: what the pages do, for programs."""

import datetime as dt

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from tests.tracking.received import a_system, receive, said
from tracking.actions import partners, structures
from tracking.models import SystemKey
from tracking.queries import scope

pytestmark = pytest.mark.django_db
V1 = "/api/tracking/v1"
SCHEMA = {"type": "object", "required": ["total"], "properties": {"total": {"type": "number"}}}


class Api:
    """A client that speaks JSON."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def __getattr__(self, verb):
        def send(path, body=None, **headers):
            how = {"content_type": "application/json", "headers": headers}
            if verb == "get":
                return self.client.get(f"{V1}/{path}", body, headers=headers)
            return getattr(self.client, verb)(f"{V1}/{path}", body if body is not None else {}, **how)

        return send


@pytest.fixture
def api(manager, client_of):
    return Api(client_of(manager))


@pytest.fixture
def system():
    return a_system("Acme", "Website")


def test_a_program_goes_from_nothing_to_a_structure_in_force(api):
    partner = api.post("partners/", {"name": "Acme"}).json()
    system = api.post("systems/", {"partner": partner["id"], "name": "Till", "kind": "POINT_OF_SALE"}).json()
    made = api.post("keys/", {"system": system["id"]})
    assert (made.status_code, made["Cache-Control"]) == (201, "no-store")
    key = made.json()["write_key"]
    assert scope.working_key(key, now=timezone.now()).system.name == "Till"
    draft = api.post("structures/", {"system": system["id"], "event_name": "Sold", "schema": SCHEMA})
    assert (draft.status_code, draft.json()["status"], draft.json()["version"]) == (201, "DRAFT", 1)
    published = api.post(f"structures/{draft.json()['id']}/publish/").json()
    assert published["status"] == "PUBLISHED"
    assert key not in str(api.get("keys/").json())
    assert api.get("keys/").json()["results"][0]["prefix"] == key[:10]


def test_a_pair_is_shown_once_in_the_words_of_the_command(api, system):
    made = api.post("keys/", {"system": str(system.public_id), "kind": "PAIR"}).json()
    assert scope.working_key(f"{made['id']}:{made['secret']}", now=timezone.now())
    assert "write_key" not in made
    assert made["secret"] not in str(api.get("keys/").json())


def test_a_key_is_rotated_with_an_overlap_and_revoked(api, system):
    old = partners.add_write_key(system=system, by=None)
    fresh = api.post(f"keys/{old.key.pk}/rotate/", {"overlap_hours": 2}).json()["write_key"]
    now = timezone.now()
    assert scope.working_key(old.shown, now=now + dt.timedelta(hours=1))
    assert not scope.working_key(old.shown, now=now + dt.timedelta(hours=3))
    newest = scope.working_key(fresh, now=now)
    assert api.post(f"keys/{newest.pk}/revoke/").json()["revoked_at"]
    assert api.post(f"keys/{newest.pk}/revoke/").json()["code"] == "key_gone"
    assert api.post(f"keys/{old.key.pk}/rotate/", {"overlap_hours": 24 * 91}).json()["errors"].keys() == {
        "overlap_hours"
    }


def test_part_of_something_is_changed_and_the_rest_stays(api, system):
    partners.change_system(system, name="Website", kind="IOS", events_per_second=7, is_active=True)
    changed = api.patch(f"systems/{system.public_id}/", {"is_active": False}).json()
    told = {name: changed[name] for name in ("name", "kind", "events_per_second", "is_active")}
    assert told == {"name": "Website", "kind": "IOS", "events_per_second": 7, "is_active": False}
    assert api.patch(f"partners/{system.partner.public_id}/", {"name": "Acme Ltd"}).json()["is_active"] is True


def test_refusals_are_problems_that_name_what_to_change(api, system):
    taken = api.post("partners/", {"name": "Acme"})
    assert (taken.status_code, taken["Content-Type"]) == (409, "application/problem+json")
    assert taken.json()["code"] == "name_taken"
    body = {"system": str(system.public_id), "event_name": "Sold", "schema": {"$ref": "https://elsewhere.example/a"}}
    assert api.post("structures/", body).json()["code"] == "bad_schema"
    assert set(api.post("structures/", {"schema": {}}).json()["errors"]) == {"system", "event_name"}
    nobody = {"partner": "00000000-0000-4000-8000-000000000000", "name": "X"}
    assert api.post("systems/", nobody).json()["errors"] == {"partner": ["There is no such partner."]}
    assert api.client.post(f"{V1}/structures/", "[" * 100_000, content_type="application/json").status_code == 400
    assert api.get("structures/", {"cursor": "nonsense"}).status_code == 404
    assert api.client.options(f"{V1}/partners/").status_code == 405


def test_a_draft_is_compared_tried_and_dropped(api, system, follow_events):
    receive(system, said("Sold", properties={"total": 1}), said("Sold"), said("Seen"), at=timezone.now())
    follow_events()
    first = structures.draft(system=system, event_name="Sold", schema={"type": "object"}, by=None)
    structures.publish(first, now=timezone.now())
    draft = structures.draft(system=system, event_name="Sold", schema=SCHEMA, by=None)
    compared = api.get(f"structures/{draft.public_id}/differences/").json()
    assert compared["before"] == 1
    assert compared["differences"] == [{"path": "total", "what": "is new and required (number)", "is_stricter": True}]
    trial = api.get(f"structures/{draft.public_id}/trial/", {"last": 50}).json()
    assert (trial["looked_at"], trial["failing"], trial["kinds"][0]["pointer"]) == (2, 1, "/total")
    newest = api.get(f"structures/{draft.public_id}/trial/", {"last": 1}).json()
    assert (newest["looked_at"], newest["there_are"]) == (1, 2), "nobody takes it for all of them"
    assert api.get(f"systems/{system.public_id}/unplanned/").json() == [{"event_name": "Seen", "events": 1}]
    inferred = api.get(f"systems/{system.public_id}/inferred/", {"event_name": "Sold"}).json()
    assert inferred["schema"]["properties"] == {"total": {"type": "integer"}}
    assert (inferred["drafted_from"], inferred["looked_at"], inferred["there_are"]) == (2, 2, 2)
    assert api.get(f"systems/{system.public_id}/inferred/", {"event_name": "Never"}).json()["schema"] is None
    assert api.delete(f"structures/{draft.public_id}/").status_code == 204
    assert api.delete(f"structures/{first.public_id}/").json()["code"] == "wrong_state"
    assert api.post(f"structures/{first.public_id}/retire/").json()["status"] == "RETIRED"


def test_a_list_that_grows_meanwhile_shows_nothing_twice(api):
    made = [partners.add_partner(name=f"Partner {number}") for number in range(5)]
    page = api.get("partners/", {"limit": 2}).json()
    names = [row["name"] for row in page["results"]]
    partners.add_partner(name="Late")
    while page["next"]:
        page = api.client.get(page["next"]).json()
        names += [row["name"] for row in page["results"]]
    assert names == [partner.name for partner in reversed(made)]


def test_lists_can_be_narrowed(api, system):
    other = a_system("Bevco", "Till")
    for each in (system, other):
        partners.add_write_key(system=each, by=None)
        structures.draft(system=each, event_name="Sold", schema=SCHEMA, by=None)
    assert [
        row["name"] for row in api.get("systems/", {"partner": str(other.partner.public_id)}).json()["results"]
    ] == ["Till"]
    of_other = {"system": str(other.public_id)}
    assert [row["system"] for row in api.get("keys/", of_other).json()["results"]] == [str(other.public_id)]
    assert len(api.get("structures/", of_other | {"status": "DRAFT", "event_name": "Sold"}).json()["results"]) == 1
    assert api.get("structures/", of_other | {"status": "RETIRED"}).json()["results"] == []


def test_viewers_and_marketers_read_and_change_nothing(system, viewer, marketer, client_of):
    draft = structures.draft(system=system, event_name="Sold", schema=SCHEMA, by=None)
    key = partners.add_write_key(system=system, by=None).key
    for user in (viewer, marketer):
        api = Api(client_of(user))
        for path in ("partners/", "systems/", "keys/", "structures/", f"structures/{draft.public_id}/trial/"):
            assert api.get(path).status_code == 200, path
        refused = [
            api.post("partners/", {"name": "X"}),
            api.post("systems/", {"partner": str(system.partner.public_id), "name": "X"}),
            api.post("keys/", {"system": str(system.public_id)}),
            api.post(f"keys/{key.pk}/rotate/"),
            api.post(f"keys/{key.pk}/revoke/"),
            api.post("structures/", {"system": str(system.public_id), "event_name": "X", "schema": {}}),
            api.post(f"structures/{draft.public_id}/publish/"),
            api.delete(f"structures/{draft.public_id}/"),
            api.patch(f"partners/{system.partner.public_id}/", {"name": "X"}),
        ]
        assert [answer.status_code for answer in refused] == [403] * len(refused)
    assert SystemKey.objects.count() == 1


def test_a_system_reads_its_own_structures_by_its_secret_and_no_keys(system):
    pair = partners.add_pair(system=system, by=None)
    key = f"{pair.key.prefix}:{pair.shown}"
    structures.draft(system=system, event_name="Sold", schema=SCHEMA, by=None)
    structures.draft(system=a_system("Acme", "App"), event_name="Other", schema=SCHEMA, by=None)
    api = Api(Client())
    assert [row["event_name"] for row in api.get("structures/", **{"X-Write-Key": key}).json()["results"]] == ["Sold"]
    assert api.get("keys/", **{"X-Write-Key": key}).json()["results"] == []
    assert api.post("keys/", {"system": str(system.public_id)}, **{"X-Write-Key": key}).status_code == 403
    assert api.get("structures/").status_code == 401


def test_asking_by_a_key_is_a_use_of_it(system):
    made = partners.add_pair(system=system, by=None)
    key = f"{made.key.prefix}:{made.shown}"
    Api(Client()).get("systems/", **{"X-Write-Key": key})
    made.key.refresh_from_db()
    first = made.key.last_used_at
    assert first
    Api(Client()).get("systems/", **{"X-Write-Key": key})
    made.key.refresh_from_db()
    assert made.key.last_used_at == first, "once a minute is enough"


def test_a_change_from_another_site_is_refused(manager):
    client = Client(enforce_csrf_checks=True)
    client.force_login(manager, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert Api(client).post("partners/", {"name": "Acme"}).status_code == 403


def test_the_description_of_the_api_is_whole(tmp_path):
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "schema.yml"))
