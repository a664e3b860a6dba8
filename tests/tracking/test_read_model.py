"""The read side: every event once, whoever tells it how often, and the same after a rebuild."""

import datetime as dt
import random
from collections import defaultdict
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.db import connection
from django.db.models import Sum

from tests.tracking.received import a_system, receive, said
from tracking.actions import advance, partitions, rebuild
from tracking.models import HourCount, IdentityLink, PersonActivity, ReceivedEvent, TrackedEvent
from tracking.queries import follower_states

NAME = "tracking.read_model"


def follow(now) -> int:
    passed = 0
    while step := advance(NAME, now=now):
        passed += step
    return passed


def sums() -> dict[str, int]:
    return HourCount.objects.aggregate(valid=Sum("valid"), invalid=Sum("invalid"), duplicates=Sum("duplicates"))


@pytest.mark.django_db
def test_an_event_carries_the_names_people_know(follow_events, now):
    receive(a_system("Acme", "Website"), said("Product Viewed", properties={"sku": "A1"}), at=now)
    follow_events()
    event = TrackedEvent.objects.get()
    assert (event.partner_name, event.system_name, event.name) == ("Acme", "Website", "Product Viewed")
    assert (event.person, event.properties, event.is_valid) == ("ada", {"sku": "A1"}, True)


@pytest.mark.django_db
def test_a_message_told_three_times_counts_once_and_its_repetitions_are_counted(follow_events, now):
    system = a_system()
    for _ in range(3):
        receive(system, said("Order Completed", message_id="m1"), at=now)
    follow_events()
    assert TrackedEvent.objects.count() == 1
    assert sums() == {"valid": 1, "invalid": 0, "duplicates": 2}


@pytest.mark.django_db
def test_two_systems_may_use_the_same_message_id(follow_events, now):
    for system in (a_system("Acme", "Website"), a_system("Acme", "App"), a_system("Rival", "Website")):
        receive(system, said("Order Completed", message_id="1"), at=now)
    follow_events()
    assert sums() == {"valid": 3, "invalid": 0, "duplicates": 0}


@pytest.mark.django_db
def test_another_event_under_a_known_message_id_is_kept_and_flagged(follow_events, now):
    system = a_system()
    receive(system, said("Order Completed", "ada", message_id="1"), at=now)
    receive(system, said("Order Completed", "bob", message_id="1"), at=now)
    follow_events()
    kept = TrackedEvent.objects.get(person="bob")
    assert not kept.is_valid
    assert [error["type"] for error in kept.errors] == ["id_collision"]
    assert sums() == {"valid": 1, "invalid": 1, "duplicates": 0}


@pytest.mark.django_db
def test_received_is_always_valid_and_invalid_and_repeated(follow_events, now):
    chance, systems = random.Random(7), [a_system("Acme", name) for name in ("Website", "App")]
    for _ in range(60):
        events = [
            said(chance.choice(["A", "B", ""]), chance.choice("xyz"), message_id=str(chance.randrange(80)))
            for _ in range(chance.randrange(1, 9))
        ]
        receive(chance.choice(systems), *events, at=now - dt.timedelta(hours=chance.randrange(50)))
    follow_events()
    found = sums()
    assert sum(found.values()) == ReceivedEvent.objects.count()
    assert TrackedEvent.objects.count() == found["valid"] + found["invalid"]
    assert min(found.values()) > 0


@pytest.mark.django_db
def test_what_a_visitor_did_before_signing_in_becomes_the_members_doing(follow_events, now):
    system = a_system()
    receive(system, said("Product Viewed", "", anonymous_id="cookie-1"), at=now)
    receive(system, signed_in("ada", "cookie-1"), at=now)
    receive(system, said("Product Viewed", "", anonymous_id="cookie-1"), at=now)
    follow_events()
    assert set(TrackedEvent.objects.values_list("person", flat=True)) == {"ada"}


def signed_in(user: str, anonymous: str):
    return said("identify", user, kind="identify", anonymous_id=anonymous)


@pytest.mark.alone
@pytest.mark.django_db(transaction=True)
def test_a_visitor_is_linked_once_across_steps_and_a_second_user_does_not_take_him_over(now):
    website, app = a_system("Acme", "Website"), a_system("Acme", "App")
    other = a_system("Rival", "Website")
    for system in (website, app, other):
        receive(system, said("Product Viewed", "", anonymous_id="tablet"), at=now)
    follow(now)
    assert set(PersonActivity.objects.values_list("person", flat=True)) == {"tablet"}
    receive(website, signed_in("ada", "tablet"), at=now)
    follow(now)
    receive(website, signed_in("bob", "tablet"), said("Searched", "", anonymous_id="tablet"), at=now)
    follow(now)
    assert list(IdentityLink.objects.values_list("anonymous_id", "user_id")) == [("tablet", "ada")]
    people = TrackedEvent.objects.exclude(kind="identify").values_list("partner_name", "system_name", "person")
    assert sorted(people) == [
        ("Acme", "App", "ada"),
        ("Acme", "Website", "ada"),
        ("Acme", "Website", "ada"),
        ("Rival", "Website", "tablet"),
    ], "a link holds for all systems of the partner, and for no other partner"
    known = set(PersonActivity.objects.values_list("system_id", "person"))
    assert known == {(website.pk, "ada"), (app.pk, "ada"), (website.pk, "bob"), (other.pk, "tablet")}


@pytest.mark.alone
@pytest.mark.django_db(transaction=True)
def test_a_rebuild_gives_what_following_step_by_step_gave(now):
    chance, systems = random.Random(3), [a_system("Acme", "Website"), a_system("Rival", "App")]
    for _ in range(12):
        for _ in range(5):
            at = now - dt.timedelta(days=chance.randrange(140), hours=chance.randrange(24))
            person, cookie = chance.choice(["", "ada", "bob"]), chance.choice(["c1", "c2", "c3"])
            event = said(chance.choice("AB"), person, anonymous_id=cookie, message_id=str(chance.randrange(70)))
            link = signed_in(chance.choice(["ada", "bob"]), cookie)
            receive(chance.choice(systems), event, *([link] if chance.random() < 0.1 else []), at=at)
        follow(now)
    before = state()
    assert rebuild(NAME, now=now) == ReceivedEvent.objects.count()
    assert state() == before
    assert activity() == activity_by_hand()


def state() -> list[object]:
    events = TrackedEvent.objects.order_by("id").values_list("id", "person", "is_valid", "errors")
    counts = HourCount.objects.order_by("system_id", "hour", "name").values_list()
    return [list(events), list(counts), activity()]


def activity() -> dict[tuple[int, str], tuple[set[dt.date], set[dt.date]]]:
    return {
        (row.system_id, row.person): (
            {row.first_day + dt.timedelta(days=place) for place in range(63) if row.days >> place & 1},
            {row.first_week + dt.timedelta(weeks=place) for place in range(63) if row.weeks >> place & 1},
        )
        for row in PersonActivity.objects.all()
    }


def activity_by_hand():
    days = defaultdict(set)
    for event in TrackedEvent.objects.filter(is_valid=True).exclude(person=""):
        days[event.system_id, event.person].add(event.occurred_at.astimezone(ZoneInfo(settings.TIME_ZONE)).date())
    return {
        who: (
            {day for day in seen if (day - min(seen)).days < 63},
            {day - dt.timedelta(days=day.weekday()) for day in seen},
        )
        for who, seen in days.items()
    }


@pytest.mark.alone
@pytest.mark.django_db(transaction=True)
def test_the_read_model_says_how_far_it_is_behind(now):
    receive(a_system(), said("A"), at=dt.datetime.now(dt.UTC) - dt.timedelta(seconds=40))
    state = next(state for state in follower_states() if state.name == NAME)
    assert 39 < state.behind_seconds < 100
    follow(now)
    state = next(state for state in follower_states() if state.name == NAME)
    assert state.behind_seconds == 0


@pytest.mark.django_db
def test_events_of_any_month_find_a_table_of_that_month(follow_events, now):
    system = a_system()
    old = dt.datetime(2024, 7, 31, 23, 59, 59, tzinfo=dt.UTC)
    receive(system, said("A", timestamp=old.isoformat()), said("B", timestamp="2024-08-01T00:00:00Z"), at=now)
    follow_events()
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text, name FROM tracking_trackedevent ORDER BY name")
        assert cursor.fetchall() == [("tracking_trackedevent_2024_07", "A"), ("tracking_trackedevent_2024_08", "B")]


@pytest.mark.django_db
def test_months_are_made_once_and_what_came_too_early_moves_into_them(now):
    later = now.replace(year=2031)
    receive(a_system(), said("A"), at=later)
    made = partitions.make_months_ahead(now=later)
    assert "tracking_receivedevent_2031_03" in made
    assert len(made) == 6
    assert partitions.make_months_ahead(now=later) == []
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM tracking_receivedevent")
        assert cursor.fetchall() == [("tracking_receivedevent_2031_03",)]


@pytest.mark.django_db
def test_an_event_with_a_used_message_id_is_flagged_once_however_often_it_is_delivered(follow_events, now):
    system = a_system()
    receive(system, said("Viewed", message_id="1", properties={"sku": "A"}), at=now)
    for _ in range(3):
        receive(system, said("Viewed", message_id="1", properties={"sku": "B"}), at=now)
    follow_events()
    assert TrackedEvent.objects.count() == 2
    sums = HourCount.objects.get()
    assert (sums.valid, sums.invalid, sums.duplicates) == (1, 1, 2)
