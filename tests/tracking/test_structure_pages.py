"""A structure from the first event that came to the version in force, on the pages people use."""

import datetime as dt
import json
import re

import pytest
from auditlog.models import LogEntry
from django.urls import reverse
from django.utils import timezone

from tests.tracking.received import a_system, receive, said
from tracking.actions import structures
from tracking.ingest.arrivals import Published, arrivals
from tracking.ingest.neutral import Source
from tracking.models import EventStructure
from tracking.queries import trials
from tracking.rules.structures import Structure

pytestmark = pytest.mark.django_db
SOLD = {
    "type": "object",
    "required": ["total"],
    "properties": {"total": {"type": "number"}, "email": {"type": "string", "format": "email"}},
    "additionalProperties": False,
}


@pytest.fixture
def desk(manager, client_of):
    return client_of(manager)


@pytest.fixture
def system(follow_events):
    """Ninety good sales, ten of three wrong kinds, and a name nobody asks about."""
    system, at = a_system("Acme", "Till"), timezone.now() - dt.timedelta(hours=1)
    good = [said("Sold", properties={"total": number, "email": "ada@example.com"}) for number in range(90)]
    wrong = [
        *(said("Sold", properties={"total": "3,50"}) for _ in range(6)),
        *(said("Sold", properties={"total": 1, "email": "nobody"}) for _ in range(3)),
        said("Sold", properties={"tip/table": 1}),
    ]
    receive(system, *good, *wrong, said("Seen"), said("", timestamp="never"), at=at)
    follow_events()
    return system


def text(answer):
    return answer.content.decode()


def edit(desk, system, schema, name="Sold", **how):
    url = reverse("tracking:structure-edit", args=[system.public_id])
    body = {"event_name": name, "schema": schema if isinstance(schema, str) else json.dumps(schema)}
    return desk.post(url, body, **how)


def move(desk, structure, verb):
    url = reverse("tracking:structure-move", args=[structure.public_id, verb])
    return desk.post(url, follow=True, headers={"referer": f"http://testserver{address(structure)}"})


def address(structure):
    return reverse("tracking:structure", args=[structure.public_id])


def drafted(system, schema=SOLD):
    return structures.draft(system=system, event_name="Sold", schema=schema, by=None)


def test_an_unplanned_event_is_a_state_with_a_way_out(desk, system):
    page = desk.get(reverse("tracking:system", args=[system.public_id]))
    assert [(row["name"], row["received"]) for row in page.context["unplanned"]] == [("Sold", 100), ("Seen", 1)]
    (way,) = re.findall(r'href="(\S+structure/\?event=Sold[^"]*)"', text(page))
    editor = desk.get(way.replace("&amp;", "&"))
    assert "Inferred from all 100 events of this name" in text(editor)
    inferred = json.loads(editor.context["form"].initial["schema"])
    assert inferred["properties"]["total"] == {"type": ["integer", "string"]}
    assert "required" not in inferred
    assert edit(desk, system, inferred).status_code == 302
    page = desk.get(reverse("tracking:system", args=[system.public_id]))
    assert [row["name"] for row in page.context["unplanned"]] == ["Seen"]
    assert [(row.name, row.published, str(row.draft)) for row in page.context["planned"]] == [("Sold", None, "Sold v1")]


def test_what_publishing_would_flag_is_told_before_and_is_what_the_ingest_flags_after(desk, system):
    draft = drafted(system)
    trial = desk.get(reverse("tracking:structure-trial", args=[draft.public_id])).context["trial"]
    assert (trial.looked_at, trial.failing, trial.failing_anew) == (100, 10, 10)
    assert [(kind.type, kind.pointer, kind.events) for kind in trial.kinds] == [
        ("wrong_type", "/total", 6),
        ("format", "/email", 3),
        ("additional_property", "/tip~1table", 1),
        ("required_missing", "/total", 1),
    ]
    source = Source(system.pk, str(system.public_id), system.name, system.partner_id, system.partner.name)
    again = [said("Sold", properties=row) for row in sold_properties(system)]
    published = {(system.pk, "Sold"): Published(draft.pk, Structure(SOLD))}
    rows = arrivals(
        again, source=source, structures=published, dialect="native", sent_at=None,
        received_at=timezone.now(), correlation_id="", agent="",
    )  # fmt: skip
    assert sum(row.errors != b"[]" for row in rows) == trial.failing


def sold_properties(system):
    from tracking.models import TrackedEvent

    return TrackedEvent.objects.filter(system_id=system.pk, name="Sold").values_list("properties", flat=True)


def test_only_as_many_of_the_last_events_are_tried_as_were_asked_for(desk, system):
    draft = drafted(system)
    url = reverse("tracking:structure-trial", args=[draft.public_id])
    tried = trials.trial(system, "Sold", SOLD, may_see=True, last=40)
    assert (tried.looked_at, tried.there_are) == (40, 100)
    for asked in ("100", "7", "nonsense", "99999999999"):
        assert desk.get(url, {"last": asked}).context["trial"].looked_at == 100
    assert "No event of this name came yet" in text(desk.get(reverse("tracking:structure-trial", args=[
        structures.draft(system=system, event_name="Never", schema=SOLD, by=None).public_id
    ])))  # fmt: skip


def test_a_page_that_reads_only_the_newest_events_says_of_how_many(desk, follow_events):
    system = a_system("Acme", "Till")
    receive(system, *(said("Sold", properties={"total": number}) for number in range(105)), at=timezone.now())
    follow_events()
    trial = reverse("tracking:structure-trial", args=[drafted(system).public_id])
    assert "of all 105 events of this name would fail" in text(desk.get(trial))
    assert "of the newest 100 of 105 events of this name would fail" in text(desk.get(trial, {"last": 100}))
    editor = reverse("tracking:structure-edit", args=[system.public_id])
    inferred = text(desk.get(editor, {"event": "Sold", "infer": "1", "last": 100}))
    assert "Inferred from the newest 100 of 105 events of this name" in inferred
    assert "older ones were not looked at" in inferred


def test_a_draft_is_published_replaced_and_retired(desk, system, manager):
    first = drafted(system)
    assert "is in force" in text(move(desk, first, "publish"))
    edit(desk, system, SOLD | {"required": []})
    second = EventStructure.objects.get(status="DRAFT")
    shown = text(desk.get(address(second)))
    assert "Changes since version 1" in shown
    assert "is optional now" in shown
    move(desk, second, "publish")
    assert list(EventStructure.objects.order_by("version").values_list("version", "status")) == [
        (1, "RETIRED"),
        (2, "PUBLISHED"),
    ]
    assert "Only a draft can be published" in text(move(desk, second, "publish"))
    assert "unplanned again" in text(move(desk, second, "retire"))
    told = [entry.changes["status"] for entry in LogEntry.objects.get_for_object(second).order_by("pk")[1:]]
    assert told == [["DRAFT", "PUBLISHED"], ["PUBLISHED", "RETIRED"]]
    assert {entry.actor for entry in LogEntry.objects.get_for_object(second)} == {manager}


def test_a_draft_may_be_changed_and_dropped_and_the_trail_says_how(desk, system):
    edit(desk, system, SOLD)
    edit(desk, system, SOLD | {"required": ["total", "email"]})
    draft = EventStructure.objects.get()
    assert (draft.version, draft.schema["required"]) == (1, ["total", "email"])
    told = LogEntry.objects.get_for_object(draft).latest("pk").changes
    assert told == {"schema": ["", "email: is required now"]}
    assert move(desk, draft, "discard").redirect_chain
    assert not EventStructure.objects.exists()


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ('{\n  "type": "object"\n  "required": []\n}', "Line 3"),
        ({"properties": {"total": {"type": "numeral"}}}, "Line 4"),
        ({"properties": {"a": {"$ref": "https://elsewhere.example/a.json"}}}, "points outside this schema"),
        ("[]", "is a JSON object"),
        ('{"minimum": Infinity}', "no number in JSON"),
        ('{"title": "\\u0000"}', "NUL"),
        ("", "required"),
    ],
)
def test_what_cannot_be_used_is_said_beside_the_editor_with_its_line(desk, system, schema, told):
    answer = edit(desk, system, schema)
    assert answer.status_code == 422
    assert told in text(answer)
    assert not EventStructure.objects.exists()


def test_marketers_and_viewers_read_structures_and_change_none(system, marketer, viewer, client_of):
    draft = drafted(system)
    for user in (marketer, viewer):
        client = client_of(user)
        shown = text(client.get(address(draft)))
        assert "additionalProperties" in shown
        assert "Publish" not in shown
        assert client.get(reverse("tracking:structure-trial", args=[draft.public_id])).status_code == 200
        assert edit(client, system, SOLD).status_code == 403
        assert client.post(reverse("tracking:structure-move", args=[draft.public_id, "publish"])).status_code == 403


def test_no_other_verb_moves_a_structure(desk, system):
    assert desk.post(reverse("tracking:structure-move", args=[drafted(system).public_id, "burn"])).status_code == 404
