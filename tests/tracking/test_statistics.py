"""What a system may ask about itself, over the REST API."""

import base64
import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from tests.tracking.received import a_system, receive, said
from tracking.actions import partners
from tracking.queries import statistics

pytestmark = pytest.mark.django_db
URL = "/api/events/statistics"


def ask(key: str, system, **more):
    return Client().get(URL, {"partner_system": str(system.public_id)} | more, headers={"X-Write-Key": key})


@pytest.fixture
def system(follow_events, now):
    """Three page views, an invalid one and a repetition in the last hours."""
    system, hour = a_system("Acme", "Website"), dt.timedelta(hours=1)
    recently = dt.datetime.now(dt.UTC) - hour
    receive(system, said("Viewed", message_id="1"), said("Viewed"), said("Ordered"), at=recently)
    receive(system, said("Viewed", message_id="1"), said("Ordered", timestamp="tomorrow"), at=recently)
    other = a_system("Rival", "Website")
    receive(other, said("Viewed"), at=recently)
    follow_events()
    return system


@pytest.fixture
def key(system):
    return partners.add_write_key(system=system, by=None).shown


def test_a_system_learns_what_it_sent_by_name_and_over_time(system, key):
    found = ask(key, system).json()
    assert [found[name] for name in ("total", "valid", "invalid", "duplicates")] == [5, 3, 1, 1]
    assert found["by_name"] == [
        {"name": "Viewed", "valid": 2, "invalid": 0, "duplicates": 1},
        {"name": "Ordered", "valid": 1, "invalid": 1, "duplicates": 0},
    ]
    assert sum(each["valid"] for each in found["series"]) == 3
    assert ask(key, system, name="Ordered", interval="hour").json()["total"] == 2


@pytest.mark.parametrize("place", ["basic", "bearer", "header", "pair", "query"])
def test_the_key_is_found_where_it_is_on_ingest(system, key, place):
    pair = partners.add_pair(system=system, by=None)
    headers = {
        "basic": {"Authorization": f"Basic {base64.b64encode(f'{key}:'.encode()).decode()}"},
        "bearer": {"Authorization": f"Bearer {key}"},
        "header": {"X-API-Key": key},
        "pair": {"Authorization": f"Basic {base64.b64encode(f'{pair.key.prefix}:{pair.shown}'.encode()).decode()}"},
        "query": {},
    }[place]
    query = {"partner_system": str(system.public_id)} | ({"writeKey": key} if place == "query" else {})
    assert Client().get(URL, query, headers=headers).json()["total"] == 5


def test_a_system_need_not_say_which_one_it_is(system, key, client_of, viewer):
    assert Client().get(URL, headers={"X-Write-Key": key}).json()["total"] == 5
    asked_by_staff = client_of(viewer).get(URL)
    assert (asked_by_staff.status_code, set(asked_by_staff.json()["errors"])) == (400, {"partner_system"})


def test_another_partners_system_is_not_there(system, key):
    rival = a_system("Third", "Website")
    answer = ask(key, rival)
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("wrong", ["wk_nobody", ""])
def test_an_unknown_key_and_none_are_refused(system, wrong):
    answer = Client().get(URL, {"partner_system": str(system.public_id)}, headers={"X-Write-Key": wrong})
    assert answer.status_code == 401
    assert set(answer.json()) == {"type", "title", "status", "code", "detail"}


def test_a_revoked_key_and_one_whose_overlap_is_over_stop(system, key, now):
    made = partners.add_write_key(system=system, by=None)
    partners.revoke(made.key, now=now)
    assert ask(made.shown, system).status_code == 401
    old = partners.add_write_key(system=system, by=None)
    fresh = partners.rotate(old.key, overlap=dt.timedelta(0), by=None, now=dt.datetime.now(dt.UTC))
    assert ask(old.shown, system).status_code == 401
    assert ask(fresh.shown, system).status_code == 200


def test_staff_who_may_see_tracking_may_ask_and_a_stranger_may_not(system, client_of, viewer):
    asked = {"partner_system": str(system.public_id)}
    assert client_of(viewer).get(URL, asked).json()["total"] == 5
    viewer.groups.clear()
    assert client_of(viewer).get(URL, asked).status_code == 403
    assert Client().get(URL, asked).status_code == 401


def test_a_question_that_makes_no_sense_says_which_part(system, key):
    answer = ask(key, system, interval="decade", since="2026-03-02T00:00:00Z", until="2026-03-01T00:00:00Z")
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == {"interval"}
    assert set(ask(key, system, since="2999-01-01T00:00:00Z").json()["errors"]) == {"since"}


def test_answers_are_kept_for_five_minutes_unless_they_must_be_fresh(system, key, follow_events, monkeypatch):
    until = dt.datetime.now(dt.UTC).isoformat()
    assert ask(key, system, until=until).json()["total"] == 5
    from tracking.models import HourCount

    HourCount.objects.filter(name="Viewed").delete()
    assert ask(key, system, until=until).json()["total"] == 5
    assert ask(key, system, until=until, fresh=1).json()["total"] == 2


@pytest.mark.parametrize("path", ["/api/events/nothing", "/api/tracking/v1/partners/not-an-id/", "/api/a%00b"])
def test_an_address_of_the_api_that_leads_nowhere_answers_a_program(path):
    answer = Client().get(path)
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


def test_any_other_address_that_leads_nowhere_answers_a_person():
    answer = Client().get("/nothing/here")
    assert (answer.status_code, answer["Content-Type"]) == (404, "text/html; charset=utf-8")


def test_a_day_begins_at_midnight_also_where_that_is_half_past(settings, follow_events):
    settings.TIME_ZONE = "America/St_Johns"
    midnight = dt.datetime(2026, 3, 20, tzinfo=ZoneInfo("America/St_Johns"))
    day, system = dt.timedelta(days=1), a_system("Acme", "Website")
    receive(system, said("Viewed"), at=midnight + dt.timedelta(minutes=10))
    receive(system, said("Viewed"), said("Viewed"), at=midnight + day + dt.timedelta(minutes=10))
    follow_events()

    def total(of: int) -> int:
        return statistics([system.pk], since=midnight + of * day, until=midnight + (of + 1) * day, is_fresh=True).total

    assert [total(of) for of in (-1, 0, 1, 2)] == [0, 1, 2, 0]
    found = statistics([system.pk], since=midnight, until=midnight + 2 * day, interval="day", is_fresh=True)
    assert [(row.at[:10], row.valid) for row in found.series] == [("2026-03-20", 1), ("2026-03-21", 2)]
