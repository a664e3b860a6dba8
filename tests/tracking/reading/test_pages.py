"""The pages about events: what they show, to whom, and what may be taken away."""

import csv
import io
import json
import uuid
from html import unescape
from urllib.parse import quote

import pyarrow.parquet as pq
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.tracking.received import a_system, receive, said
from tracking.actions import counted, funnels, identity, replays, structures
from tracking.models import CountedProperty, PartnerSystem, Replay, SavedFunnel, TrackedEvent, UserMerge

pytestmark = pytest.mark.django_db


def text(answer) -> str:
    assert answer.status_code == 200, answer.status_code
    return unescape(answer.content.decode())


def taken(answer) -> bytes:
    assert answer.status_code == 200
    return b"".join(answer.streaming_content)


def question(*steps: str, **more: str) -> str:
    asked = [("event", step) for step in steps] + list(more.items())
    return "?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in asked)


def test_events_are_narrowed_by_everything_the_page_offers(acme, desk):
    url = reverse("tracking:tracked")

    def count(**asked: str) -> int:
        return text(desk.get(url, asked)).count("<tr><td>") or text(desk.get(url, asked)).count("/tracking/events/0")

    system = str(acme.public_id)
    assert count() == 12
    assert count(system=system) == 6
    assert count(system=system, name="Sold") == 2
    assert count(system=system, validity="invalid") == 2
    assert count(system=system, error="required_missing", pointer="/sku") == 1
    assert count(system=system, error="required_missing", pointer="/other") == 0
    assert count(person="ada") == 4
    assert count(property="plan=gold|silver") == 2
    assert count(property="plan") == 2
    assert count(first="2001-01-01", last="2001-01-02") == 0
    assert desk.get(url, {"system": str(uuid.uuid4())}).status_code == 404


def test_one_event_tells_how_it_came_and_what_is_wrong_with_it(acme, desk):
    event = TrackedEvent.objects.get(system_id=acme.pk, name="Sold", is_valid=False)
    shown = text(desk.get(reverse("tracking:tracked-event", args=[event.pk])))
    for told in ("Required property missing", "/sku", "Correlation id", "test", "10.0.0.1", "Rome", "Version 1"):
        assert told in shown


def test_a_viewer_reads_no_address_of_anybody(acme, client_of, viewer):
    client = client_of(viewer)
    event = TrackedEvent.objects.get(system_id=acme.pk, anonymous_id="ada-phone", name="Viewed")
    one = reverse("tracking:tracked-event", args=[event.pk])
    wrong = TrackedEvent.objects.get(system_id=acme.pk, name="Sold", is_valid=False)
    other = text(client.get(reverse("tracking:tracked-event", args=[wrong.pk])))
    assert "ada@example.com" not in text(client.get(one))
    assert "Rome" not in other
    assert "10.0.0.1" not in other
    assert b"ada@example.com" not in taken(client.get(reverse("tracking:tracked"), {"format": "csv"}))


def test_a_viewer_asks_no_page_who_people_are(acme, desk, client_of, viewer):
    client, refusal = client_of(viewer), "Who people are is for those who may see it"
    funnel, values, events = (reverse(f"tracking:{name}") for name in ("funnel", "values", "tracked"))
    asked = (
        funnel + question("Viewed", "Sold", breakdown="email"),
        f"{funnel}?event=Viewed&where=email%3Dada@example.com&event=Sold",
        f"{values}?name=identify&path=title",
        f"{values}?name=Viewed&path=email",
        f"{events}?property=email%3Dada@example.com",
        f"{events}?property=plan%3Dada@example.com",
    )
    for url in asked:
        assert refusal in text(client.get(url)), url
        assert refusal not in text(desk.get(url)), url
    assert "ada@example.com" in text(desk.get(asked[0]))
    people = reverse("tracking:funnel-people") + question("Viewed", "Sold", breakdown="email", step="1")
    assert client.get(people).status_code == 403
    assert client.get(asked[-1] + "&format=csv").status_code == 403


def test_a_viewer_reads_no_fault_that_quotes_somebody(now, client_of, viewer, follow_events):
    system = a_system()
    told = structures.draft(
        system=system, event_name="Told", schema={"properties": {"first_name": {"type": "number"}}}, by=None
    )
    structures.publish(told, now=now)
    receive(system, said("Told", properties={"first_name": "Grace"}), at=now, structures=[told])
    follow_events()
    client, event = client_of(viewer), TrackedEvent.objects.get(name="Told")
    assert "Grace" in str(event.errors)
    asked = {"system": str(system.public_id)}
    pages = [reverse(f"tracking:{name}") for name in ("quality", "live")]
    for url in (
        *pages,
        reverse("tracking:tracked-event", args=[event.pk]),
        "/api/tracking/v1/errors/",
        "/api/tracking/v1/events/",
    ):
        assert "Grace" not in text(client.get(url, asked)), url
    for url in (pages[0], reverse("tracking:tracked")):
        answer = client.get(url, {"format": "csv"})
        assert "Grace" not in (b"".join(answer.streaming_content) if answer.streaming else answer.content).decode(), url


def test_the_csv_holds_what_is_filtered_and_no_formula_runs(acme, desk):
    url = reverse("tracking:tracked")
    rows = list(csv.DictReader(taken(desk.get(url, {"format": "csv", "person": "ada"})).decode().splitlines()))
    assert len(rows) == 4
    assert {row["partner"] for row in rows} == {"Acme"}
    assert json.loads(next(row for row in rows if row["name"] == "Sold")["properties"]) == {"sku": "=1+1"}


def test_the_parquet_file_has_the_same_rows_with_types(acme, desk):
    table = pq.read_table(io.BytesIO(taken(desk.get(reverse("tracking:tracked"), {"format": "parquet"}))))
    assert table.num_rows == 12
    assert str(table.schema.field("occurred_at").type) == "timestamp[us, tz=UTC]"
    assert sorted(table["is_valid"].to_pylist()).count(False) == 4


def test_each_number_of_a_fault_leads_to_as_many_events(acme, desk):
    shown = desk.get(reverse("tracking:quality"), {"system": str(acme.public_id)})
    faults = shown.context["faults"]
    assert [(fault["name"], fault["kind"], fault["events"]) for fault in faults] == [
        ("Sold", "Required property missing", 1),
        ("Viewed", "No readable time", 1),
    ]
    for fault in faults:
        assert len(desk.get(fault["url"]).context["rows"]) == fault["events"]


def test_a_person_is_found_by_any_id_and_shown_by_day_and_session(acme, desk):
    for name in ("ada", "ada-phone"):
        shown = text(desk.get(reverse("tracking:people"), {"q": name}))
        assert shown.count('class="timeline-session"') == 3
        assert "Became ada by an identify or alias" in shown
    assert "Nobody by this id" in text(desk.get(reverse("tracking:people"), {"q": "nobody"}))


def test_merging_shows_what_changes_first_and_can_be_undone(acme, desk):
    asked = {"partner": str(acme.partner.public_id), "user_id": "ada-2", "into": "ada"}
    url = reverse("tracking:merge") + "?" + "&".join(f"{name}={value}" for name, value in asked.items())
    assert "Merge ada-2 into ada" in text(desk.get(url))
    assert not UserMerge.objects.exists()
    desk.post(url)
    assert TrackedEvent.objects.filter(person="ada").count() == 6
    shown = text(desk.get(reverse("tracking:people"), {"q": "ada-2"}))
    assert "Merged by manager@shop.example" in shown
    assert "already" in text(desk.get(url))
    desk.post(reverse("tracking:merge-undo", args=[UserMerge.objects.get().pk]))
    assert TrackedEvent.objects.filter(person="ada").count() == 4


def test_a_funnel_is_asked_by_its_address_and_lists_who_was_lost(acme, desk):
    asked = question("Viewed", "Sold", system=str(acme.public_id))
    shown = desk.get(reverse("tracking:funnel") + asked)
    assert [step["people"] for step in shown.context["groups"][0]["steps"]] == [2, 1]
    lost = shown.context["lost"][0]["url"]
    assert shown.context["lost"][0]["people"] == 1
    assert "ada-2" in text(desk.get(lost))
    assert taken(desk.get(lost + "&format=csv")).decode().split() == ["person", "ada-2"]
    assert text(desk.get(reverse("tracking:funnel") + question("Viewed"))).count("A funnel has 2 to 10 steps") == 1


def test_a_saved_funnel_comes_back_as_it_was_asked(acme, desk):
    asked = question("Viewed | Seen", "Sold", where="plan=gold|silver", window="3", unit="hours", days="90")
    definition = desk.get(reverse("tracking:funnel") + asked).context["definition"]
    desk.post(reverse("tracking:funnel-save"), {"name": "Gold", "definition": definition})
    saved = SavedFunnel.objects.get()
    shown = desk.get(reverse("tracking:funnel"), {"funnel": str(saved.public_id)})
    assert shown.context["definition"] == definition
    assert f"{saved.public_id}:1" in unescape(shown.context["lost"][0]["segment"].replace("%3A", ":"))
    desk.post(reverse("tracking:funnel-put-aside", args=[saved.public_id]))
    assert desk.get(reverse("tracking:funnel"), {"funnel": str(saved.public_id)}).status_code == 404


def test_a_funnel_that_says_no_more_than_its_steps_is_asked_as_usual(acme, desk, now):
    definition = {"steps": [{"names": ["Viewed"]}, {"names": ["Sold"]}]}
    saved = funnels.save(name="Short", definition=definition, by=None, now=now)
    shown = desk.get(reverse("tracking:funnel"), {"funnel": str(saved.public_id)})
    assert [step["people"] for step in shown.context["groups"][0]["steps"]] == [4, 2]


def test_retention_and_sessions_show_what_the_queries_say(acme, desk):
    shown = desk.get(reverse("tracking:retention"), {"system": str(acme.public_id)})
    assert shown.context["total"]["people"] == 2
    sessions = desk.get(reverse("tracking:sessions"), {"system": str(acme.public_id)})
    assert sessions.context["sums"]["sessions"] == 1


def test_the_tail_begins_with_the_last_events_and_goes_on_with_new_ones(acme, desk):
    url = reverse("tracking:live")
    shown = desk.get(url, {"system": str(acme.public_id)})
    assert shown.context["rows"][0]["event"].name == "Viewed"
    assert len(shown.context["rows"]) == 6
    again = desk.get(
        url,
        {"system": str(acme.public_id), "after": shown.context["after"]},
        headers={"hx-request": "true", "hx-target": "tail"},
    )
    assert text(again).count("<tr") == 1, "nothing but the place to go on from"
    assert "<html" not in text(again)


def test_a_replay_is_previewed_started_and_watched(acme, desk, now):
    structures.retire(acme.structures.get(), now=now)
    url = reverse("tracking:replay-new") + f"?system={acme.public_id}"
    shown = desk.get(url)
    assert (shown.context["preview"].total, shown.context["preview"].mended) == (2, 1)
    assert desk.get(url + "&first=2001-01-01&last=2001-01-02").context["preview"].total == 0
    assert desk.get(url + "&error=bad_timestamp&first=&last=").context["preview"].total == 1
    answer = desk.post(url)
    replay = Replay.objects.get()
    assert answer["Location"] == reverse("tracking:replay", args=[replay.public_id])
    assert "Waiting for a worker" in text(desk.get(answer["Location"]))
    replays.run(replay.pk, clock=lambda: now)
    assert "Done" in text(desk.get(answer["Location"]))
    desk.post(reverse("tracking:replay-cancel", args=[replay.public_id]))
    replay.refresh_from_db()
    assert replay.status == Replay.Status.DONE


def pages(system: PartnerSystem, now) -> list[str]:
    """Every page of the read side, aimed at one system."""
    at = f"?system={system.public_id}"
    event = TrackedEvent.objects.filter(system_id=system.pk, is_valid=False).first()
    replay = Replay.objects.filter(system=system).first() or replays.start(system=system, by=None, now=now)
    user = "ada" if system.partner.name == "Acme" else "zoe"
    return [
        *(reverse(f"tracking:{name}") + at for name in ("tracked", "quality", "retention", "sessions", "live")),
        *(reverse("tracking:tracked") + f"{at}&format={kind}" for kind in ("csv", "parquet")),
        reverse("tracking:tracked-event", args=[event.pk]),
        reverse("tracking:people") + f"?partner={system.partner.public_id}&q={user}",
        reverse("tracking:funnel") + question("Viewed", "Sold", system=str(system.public_id)),
        reverse("tracking:funnel-people") + question("Viewed", "Sold", system=str(system.public_id), step="1"),
        reverse("tracking:replay", args=[replay.public_id]),
        reverse("tracking:replays") + at,
        reverse("tracking:live-stream", args=[system.public_id]),
        reverse("tracking:replay-stream", args=[replay.public_id]),
    ]


def test_a_partners_own_people_see_that_partner_and_nobody_else(acme, rival, outsider, now):
    for url in pages(acme, now):
        assert outsider.get(url).status_code in (200, 204), url  # the live ones open under ASGI
    for url in pages(rival, now):
        answer = outsider.get(url)
        if answer.status_code == 200:
            assert "/funnels/" in url, url
            assert not any(group["steps"][0]["people"] for group in answer.context.get("groups") or ())
        else:
            assert answer.status_code == 404, url
    for name in ("tracked", "quality", "people", "funnel", "retention", "sessions", "live", "replays"):
        shown = text(outsider.get(reverse(f"tracking:{name}")))
        assert "Rival" not in shown, name
        assert "zoe" not in shown, name
    assert "Nobody by this id" in text(outsider.get(reverse("tracking:people"), {"q": "zoe"}))


def test_a_partners_own_people_change_nothing(acme, rival, outsider, now):
    funnels.save(name="Ours", definition={"steps": [{"names": ["A"]}, {"names": ["B"]}]}, by=None, now=now)
    merged = identity.merge(partner=acme.partner, user_id="ada-2", into="ada", by=None, now=now)
    replay = replays.start(system=acme, by=None, now=now)
    for url in (
        reverse("tracking:replay-new") + f"?system={acme.public_id}",
        reverse("tracking:replay-cancel", args=[replay.public_id]),
        reverse("tracking:merge") + f"?partner={acme.partner.public_id}&user_id=ada&into=ada-2",
        reverse("tracking:merge-undo", args=[merged.pk]),
        reverse("tracking:funnel-save"),
        reverse("tracking:funnel-put-aside", args=[SavedFunnel.objects.get().public_id]),
    ):
        assert outsider.post(url).status_code == 403, url
    assert "Ours" not in text(outsider.get(reverse("tracking:funnel")))


def test_lists_cost_the_same_for_a_few_rows_and_for_many(acme, desk, now, follow_events):
    urls = [url for url in pages(acme, now) if "stream" not in url and "format" not in url]
    urls.append(reverse("tracking:people"))

    def costs() -> list[int]:
        found = []
        for url in urls:
            desk.get(url)
            with CaptureQueriesContext(connection) as asked:
                desk.get(url)
            found.append(len(asked))
        return found

    once = costs()
    for event in TrackedEvent.objects.filter(system_id=acme.pk):
        for number in range(14):
            event.pk, event.person = uuid.uuid4(), f"more-{number}"
            event.save(force_insert=True)
    assert costs() == once
    assert max(once) < 25


def asked_of(system: PartnerSystem, **more: str) -> str:
    words = {"system": str(system.public_id), "name": "Viewed", "path": "plan"} | more
    return "?" + "&".join(f"{name}={value}" for name, value in words.items())


def test_values_are_asked_of_the_events_until_somebody_has_them_counted(acme, desk, now):
    url = reverse("tracking:values")
    shown = desk.get(url + asked_of(acme))
    assert [(row["value"], row["events"], row["share"]) for row in shown.context["rows"]] == [("gold", 1, 1.0)]
    assert shown.context["paths"] == ["email", "plan"]
    assert "Count this property as events arrive" in text(shown)
    assert "Choose one system" in text(desk.get(url, {"name": "Viewed", "path": "plan"}))
    answer = desk.post(reverse("tracking:value-count") + asked_of(acme))
    assert answer["Location"] == url + asked_of(acme)
    shown = text(desk.get(answer["Location"]))
    assert "Waiting for a worker" in shown
    assert "Count this property as events arrive" not in shown
    counted.work(clock=lambda: now)
    row = CountedProperty.objects.get()
    TrackedEvent.objects.all().delete()
    assert "gold" in text(desk.get(url + asked_of(acme)))
    stopped = text(desk.post(reverse("tracking:value-stop", args=[row.public_id]) + asked_of(acme), follow=True))
    assert "asked of the events again" in stopped
    assert "Count this property as events arrive" not in stopped, "there is no such event left to count"


def test_what_cannot_be_counted_is_refused_on_the_page_it_was_asked_on(acme, desk):
    here = "http://testserver" + reverse("tracking:values") + asked_of(acme)
    asked = reverse("tracking:value-count") + asked_of(acme, path="planet")
    refused = desk.post(asked, headers={"referer": here}, follow=True)
    assert "Check how it is written" in text(refused)
    assert not CountedProperty.objects.exists()
    assert desk.post(reverse("tracking:value-count")).status_code == 409


def test_values_hold_nothing_a_viewer_may_not_read(acme, client_of, viewer):
    client, url = client_of(viewer), reverse("tracking:values")
    assert "ada@example.com" not in text(client.get(url + asked_of(acme, path="email")))
    assert b"ada@example.com" not in taken(client.get(url + asked_of(acme, path="email", format="csv")))
    hidden = text(client.get(url + asked_of(acme, name="Sold", path="city")))
    assert "for those who may see it" in hidden
    assert "Rome" not in hidden
    assert client.post(reverse("tracking:value-count") + asked_of(acme)).status_code == 403


def test_only_the_shops_own_people_decide_what_is_counted(acme, rival, outsider, now):
    mine, theirs = (
        counted.declare(system=system, event_name="Viewed", path="plan", by=None, now=now) for system in (acme, rival)
    )
    shown = text(outsider.get(reverse("tracking:values")))
    assert "Acme: Website" in shown
    assert "Rival" not in shown
    for row in (mine, theirs):
        assert outsider.post(reverse("tracking:value-stop", args=[row.public_id])).status_code == 403
    assert outsider.get(reverse("tracking:value-stream", args=[rival.public_id])).status_code == 404
    assert outsider.get(reverse("tracking:values") + asked_of(rival)).status_code == 404
