"""The read side over REST: the same answers as the pages, and nobody else's."""

import pytest
from django.test import Client
from django.urls import reverse

from tests.tracking.reading.conftest import HOUR
from tests.tracking.received import a_system, receive, said
from tracking.actions import counted, partners, replays, structures
from tracking.models import CountedProperty, TrackedEvent

pytestmark = pytest.mark.django_db
V1 = "/api/tracking/v1"
STEPS = [{"names": ["Viewed"]}, {"names": ["Sold"]}]


@pytest.fixture
def key(acme):
    pair = partners.add_pair(system=acme, by=None)
    return f"{pair.key.prefix}:{pair.shown}"


def ask(key: str, url: str, **asked):
    return Client().get(url, asked, headers={"X-Write-Key": key})


def test_a_system_reads_its_events_page_by_page(acme, key):
    url, seen, cursor = f"/api/events/partner-system/{acme.public_id}", [], ""
    while cursor is not None:
        answer = ask(key, url, limit=4, cursor=cursor).json()
        seen += [event["id"] for event in answer["events"]]
        cursor = answer["next"]
    assert sorted(seen) == sorted(map(str, TrackedEvent.objects.filter(system_id=acme.pk).values_list("pk", flat=True)))
    narrowed = ask(key, url, name=["Sold", "Viewed"], valid="false", error="required_missing", pointer="/sku").json()
    assert [event["name"] for event in narrowed["events"]] == ["Sold"]
    assert len(ask(key, url, property="plan=gold").json()["events"]) == 1
    refused = ask(key, url, cursor="elsewhere")
    assert (refused.status_code, refused.json()["code"]) == (409, "bad_cursor")


def test_a_write_key_from_a_web_page_reads_nothing(acme):
    """Whoever looks at the page's source has it."""
    copied = partners.add_write_key(system=acme, by=None).shown
    for address in (
        f"/api/events/partner-system/{acme.public_id}",
        *(f"{V1}/{name}/" for name in ("events", "people/ada/timeline", "errors", "values", "sessions", "retention")),
        *(f"{V1}/{name}/" for name in ("systems", "structures", "partners", "replays", "merges", "keys")),
    ):
        refused = ask(copied, address)
        assert refused.status_code == 403, address
        assert "id and secret" in refused.json()["detail"]
    funnel = Client().post(f"{V1}/funnels/", {"steps": STEPS}, "application/json", headers={"X-Write-Key": copied})
    assert funnel.status_code == 403
    assert ask(copied, "/api/events/statistics", partner_system=str(acme.public_id)).status_code == 200


def test_a_key_reads_no_other_system(acme, rival, key):
    assert ask(key, f"/api/events/partner-system/{rival.public_id}").status_code == 404
    for name in ("events", "errors", "sessions", "retention"):
        assert ask(key, f"{V1}/{name}/", system=str(rival.public_id)).status_code == 404
        assert "zoe" not in ask(key, f"{V1}/{name}/").content.decode(), name
    assert ask(key, f"{V1}/people/zoe/timeline/").json()["events"] == []
    assert ask(key, f"{V1}/people/zoe/timeline/", partner=str(rival.partner.public_id)).status_code == 404
    question = {"steps": STEPS, "systems": [str(rival.public_id)]}
    answer = Client().post(f"{V1}/funnels/", question, "application/json", headers={"X-Write-Key": key})
    assert answer.json() == [{"group": "", "people": [0, 0]}]


@pytest.mark.parametrize("asked", ["a/b", "a%2Fb"])
def test_a_person_is_found_by_any_id_also_one_with_a_slash(asked, follow_events, now):
    system = a_system("Bevco", "Till")
    receive(system, said("Sold", "a/b"), at=now)
    follow_events()
    pair = partners.add_pair(system=system, by=None)
    key = f"{pair.key.prefix}:{pair.shown}"
    answer = ask(key, f"{V1}/people/{asked}/timeline/").json()
    assert [event["user_id"] for event in answer["events"]] == ["a/b"]


def test_questions_have_the_answers_of_the_pages(acme, key):
    assert len(ask(key, f"{V1}/people/ada-phone/timeline/").json()["events"]) == 4
    assert [(row["name"], row["type"], row["events"]) for row in ask(key, f"{V1}/errors/").json()] == [
        ("Sold", "required_missing", 1),
        ("Viewed", "bad_timestamp", 1),
    ]
    assert ask(key, f"{V1}/sessions/").json()["sums"]["visitors"] == 1
    assert sum(row["people"] for row in ask(key, f"{V1}/retention/").json()) == 2
    answer = Client().post(f"{V1}/funnels/", {"steps": STEPS}, "application/json", headers={"X-Write-Key": key})
    assert answer.json() == [{"group": "", "people": [2, 1]}]
    wrong = Client().post(f"{V1}/funnels/", {"steps": []}, "application/json", headers={"X-Write-Key": key})
    assert (wrong.status_code, list(wrong.json()["errors"])) == (400, ["funnel"])


def test_replays_and_merges_are_begun_by_people_who_may(acme, key, desk, outsider, now):
    structures.retire(acme.structures.get(), now=now)
    asked = {"system": str(acme.public_id)}
    merge = {"partner": str(acme.partner.public_id), "user_id": "ada-2", "into_user_id": "ada"}
    for url, body in ((f"{V1}/replays/", asked), (f"{V1}/replays/preview/", asked), (f"{V1}/merges/", merge)):
        assert Client().post(url, body, "application/json", headers={"X-Write-Key": key}).status_code == 403
        assert outsider.post(url, body, "application/json").status_code == 403
    preview = desk.post(f"{V1}/replays/preview/", asked, "application/json").json()
    assert (preview["total"], preview["mended"]) == (2, 1)
    begun = desk.post(f"{V1}/replays/", asked, "application/json")
    assert begun.status_code == 202
    replays.run(acme.replays.get().pk, clock=lambda: now)
    assert ask(key, f"{V1}/replays/{begun.json()['id']}/").json()["status"] == "DONE"
    made = desk.post(f"{V1}/merges/", merge, "application/json")
    assert made.status_code == 201
    again = desk.post(f"{V1}/merges/", merge, "application/json")
    assert (again.status_code, again.json()["code"]) == (409, "cannot_merge")
    undone = desk.post(f"{V1}/merges/{made.json()['id']}/undo/").json()
    assert undone["undone_at"]


def test_a_viewer_reads_no_address_over_rest_either(acme, client_of, viewer):
    text = client_of(viewer).get(f"{V1}/events/").content.decode()
    assert "ada@example.com" not in text
    assert client_of(viewer).get(f"{V1}/merges/").status_code == 403


@pytest.fixture
def told(now, follow_events):
    """A system to which people told of themselves, in every way there is."""
    properties = {
        "plan": "gold",
        "first_name": "Ada",
        "customer": {"name": "Ada Lovelace"},
        "contact": "+12025550123",
        "email": "ada@example.com",
    }
    named = said("Signed up", kind="identify", properties={"title": "Ada Lovelace"})
    usual = said("identify", kind="identify", properties={"title": "Ada Lovelace"})
    system, at = a_system(), now - HOUR
    receive(system, *[said("Viewed", properties=properties)] * 20, *[named] * 20, usual, at=at)
    follow_events()
    return system


@pytest.fixture
def told_key(told):
    pair = partners.add_pair(system=told, by=None)
    return f"{pair.key.prefix}:{pair.shown}"


PERSONAL = ["email"], ["first_name"], ["customer", "name"], ["Postal-Code"]


@pytest.mark.parametrize("path", PERSONAL, ids=".".join)
def test_a_viewer_asks_for_nothing_that_says_who_people_are(told_key, client_of, viewer, path):
    """How many have this address is an answer too."""
    client, written = client_of(viewer), ".".join(path)
    first = STEPS[0] | {"properties": [{"path": path, "values": ["Ada"]}]}
    for question in ({"steps": STEPS, "breakdown": path}, {"steps": [first, STEPS[1]]}):
        assert client.post(f"{V1}/funnels/", question, "application/json").status_code == 403
        own = Client().post(f"{V1}/funnels/", question, "application/json", headers={"X-Write-Key": told_key})
        assert own.status_code == 200
    for url, asked in (
        (f"{V1}/values/", {"name": "Viewed", "path": written}),
        (f"{V1}/events/", {"property": written}),
    ):
        assert client.get(url, asked).status_code == 403
        assert ask(told_key, url, **asked).status_code == 200


def test_a_viewer_finds_nobody_by_what_they_told_of_themselves(told_key, client_of, viewer):
    client, values, events = client_of(viewer), f"{V1}/values/", f"{V1}/events/"
    by_contact = STEPS[0] | {"properties": [{"path": ["contact"], "values": ["+12025550123"]}]}
    asked = client.post(f"{V1}/funnels/", {"steps": [by_contact, STEPS[1]]}, "application/json")
    assert asked.status_code == 403
    assert client.get(values, {"name": "identify", "path": "title"}).status_code == 403
    assert client.get(events, {"name": "identify", "property": "title=Ada Lovelace"}).status_code == 403
    # A name may hide what kind of event it is.
    assert len(ask(told_key, values, name="Signed up", path="title").json()) == 1
    assert client.get(values, {"name": "Signed up", "path": "title"}).json() == []
    assert len(ask(told_key, events, property="title=Ada Lovelace").json()["events"]) == 21
    assert client.get(events, {"property": "title=Ada Lovelace"}).json()["events"] == []
    by_title = {"names": ["Signed up"], "properties": [{"path": ["title"], "values": ["Ada Lovelace"]}]}
    found = client.post(f"{V1}/funnels/", {"steps": [by_title, STEPS[1]]}, "application/json")
    assert found.json() == [{"group": "", "people": [0, 0]}]
    signed_up = {"steps": [{"names": ["Signed up"]}, STEPS[1]], "breakdown": ["title"]}
    assert client.post(f"{V1}/funnels/", signed_up, "application/json").json()[0]["group"] == ""
    assert client.get(values, {"name": "Viewed", "path": "customer"}).json()[0]["value"] == "(several values)"
    assert client.get(values, {"name": "Viewed", "path": "plan"}).json()[0]["value"] == "gold"


def test_a_trial_and_a_draft_quote_nobody_to_a_viewer(told, told_key, client_of, viewer):
    narrow = {
        "type": "object",
        "properties": {name: {"enum": ["x"]} for name in ("first_name", "contact", "customer", "plan")},
    }
    client = client_of(viewer)
    for name, schema in (("Viewed", narrow), ("Signed up", {"properties": {"title": {"type": "number"}}})):
        draft = structures.draft(system=told, event_name=name, schema=schema, by=None)
        for url in (
            f"{V1}/structures/{draft.public_id}/trial/",
            reverse("tracking:structure-trial", args=[draft.public_id]),
        ):
            text = client.get(url).content.decode()
            assert "Ada" not in text
            assert "+12025550123" not in text
        assert "Ada" in ask(told_key, f"{V1}/structures/{draft.public_id}/trial/").content.decode()
    for name in ("Viewed", "Signed up"):
        drafted = client.get(f"{V1}/systems/{told.public_id}/inferred/", {"event_name": name})
        assert drafted.status_code == 200
        assert "Ada" not in drafted.content.decode()


def test_a_property_is_declared_watched_and_stopped_by_people_who_may(acme, rival, key, desk, outsider, now):
    url = f"{V1}/values/counted/"
    wanted = {"system": str(acme.public_id), "event_name": "Viewed", "path": "plan"}
    assert Client().post(url, wanted, "application/json", headers={"X-Write-Key": key}).status_code == 403
    assert outsider.post(url, wanted, "application/json").status_code == 403
    begun = desk.post(url, wanted, "application/json")
    assert (begun.status_code, begun.json()["status"]) == (202, "FILLING")
    again = desk.post(url, wanted, "application/json")
    assert (again.status_code, again.json()["code"]) == (409, "cannot_count")
    counted.work(clock=lambda: now)
    one = f"{url}{begun.json()['id']}/"
    told = ask(key, one).json()
    assert (told["status"], told["seen"], told["total"]) == ("COUNTED", 3, 3)
    assert ask(key, f"{V1}/values/", name="Viewed", path="plan").json() == [{"value": "gold", "events": 1}]
    desk.post(url, wanted | {"system": str(rival.public_id)}, "application/json")
    assert [row["id"] for row in ask(key, url).json()["results"]] == [begun.json()["id"]]
    assert outsider.get(url).json()["results"] == ask(key, url).json()["results"]
    assert ask(key, f"{url}{CountedProperty.objects.get(system=rival).public_id}/").status_code == 404
    assert Client().delete(one, headers={"X-Write-Key": key}).status_code == 403
    assert desk.delete(one).status_code == 204
    assert desk.get(one).status_code == 404
