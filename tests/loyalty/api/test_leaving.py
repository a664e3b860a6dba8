"""A member takes along what is kept of them, and leaves: nothing personal stays, and the books still add up."""

import datetime as dt
import json
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from campaigns.models import Send
from loyalty.actions import members, merging, points, profiles
from loyalty.models import Consent, Device, Member, Order, PointsEntry
from loyalty.queries.liability import liability
from tests.loyalty.api.conftest import Phone, code_in_mail
from tests.loyalty.counter import Counted, assert_the_ledger_is_right, balance
from tests.world import BORN, EMAIL, PHONE, World
from tracking.models import Event

pytestmark = pytest.mark.django_db
ADDRESS, NAME = "203.0.113.77", "Ada Quillfeather"
OF_ADA = (EMAIL, PHONE.removeprefix("+"), NAME, ADDRESS)
# Letters on a developer's machine, and what is in a file somebody uploaded: both go with their own rows.
NOT_OURS_TO_CHANGE = {"integrations_mailboxmessage"}


@pytest.fixture
def adas_phone(world: World, later: Any) -> Phone:
    later(minutes=1)
    phone = Phone(ADDRESS)
    assert phone.sign_in(EMAIL).status_code == 200
    phone.call("patch", "me", {"name": NAME})
    yes = {"channel": "push", "topic": "points", "is_granted": True, "wording": "Yes"}
    assert phone.call("put", "me/consents", yes).status_code == 200
    return phone


def found_anywhere(*words: str) -> list[tuple[str, str]]:
    """Every table whose rows, written as text, hold one of these words."""
    found = []
    with connection.cursor() as cursor:
        for table in sorted(connection.introspection.table_names()):
            if table in NOT_OURS_TO_CHANGE:
                continue
            cursor.execute(f"SELECT lower(to_jsonb(row)::text) FROM {connection.ops.quote_name(table)} row")
            text = "\n".join(row[0] for row in cursor.fetchall())
            found += [(table, word) for word in words if word.lower() in text]
    return found


def test_everything_kept_about_a_member_is_theirs_to_take_along(adas_phone: Phone, world: World):
    answer = adas_phone.get("me/export")
    assert answer["Content-Disposition"].startswith('attachment; filename="my-data-')
    kept = answer.json()
    assert (kept["profile"]["email"], kept["profile"]["birth_date"]) == (EMAIL, BORN.isoformat())
    assert [order["number"] for order in kept["orders"]] == ["O1"]
    assert kept["orders"][0]["lines"][0]["product"] == "Beer"
    assert sum(entry["points"] for entry in kept["points"]) == balance(world.ada)
    assert {device["name"] for device in kept["devices"]} == {"Ada's phone"}
    assert {consent["channel"]: consent["is_granted"] for consent in kept["consents"]} == {"email": True, "push": True}
    assert {"consent.changed", "member.joined", "order.paid"} <= {event["name"] for event in kept["events"]}
    assert EMAIL in {message["recipient"] for message in kept["messages"]}
    assert "grace" not in json.dumps(kept).lower(), "and nobody else"


def test_what_staff_write_for_staff_is_not_taken_along(signed_in: Phone, ada: Member, now: dt.datetime):
    points.correct(member=ada, points=30, note="She shouted at Bob.", reference="1", now=now)
    assert PointsEntry.objects.get().note == "She shouted at Bob."
    kept = signed_in.get("me/export")
    assert [(entry["points"], entry["note"]) for entry in kept.json()["points"]] == [(30, "")]
    assert b"shouted" not in kept.content


def test_what_stayed_with_merged_members_is_taken_along_too(
    signed_in: Phone, ada: Member, counted: Counted, admin: Any, now: dt.datetime
):
    double, older = counted.member("Lovelace", points=70), counted.member("Ada L", points=8)
    merging.merge(kept=double, merged=older, from_merged={}, by=admin, now=now)
    merging.merge(kept=ada, merged=double, from_merged={}, by=admin, now=now)
    kept = signed_in.get("me/export").json()
    assert {70, 8} <= {entry["points"] for entry in kept["points"]}
    assert sum(entry["points"] for entry in kept["points"]) == balance(ada) == 78
    assert [event["name"] for event in kept["events"]].count("member.joined") == 3


def test_a_member_sees_the_offers_meant_for_them_and_what_was_written(adas_phone: Phone, world: World):
    offers = adas_phone.get("/api/campaigns/v1/me/offers").json()["results"]
    assert all(offer["wording"] and offer["name"] for offer in offers)
    messages = adas_phone.get("/api/campaigns/v1/me/messages").json()["results"]
    assert len(messages) == Send.objects.filter(member=world.ada, status__in=["SENT", "DELIVERED"]).count() > 0
    assert "Ada" in "".join(message["subject"] + message["text"] for message in messages)
    assert "{{" not in json.dumps(messages)
    assert adas_phone.client.get(messages[0]["url"].partition(settings.PUBLIC_URL)[2]).status_code == 302


def test_who_leaves_is_nowhere_any_more(adas_phone: Phone, world: World, deliver_events: Any):
    entries, orders = PointsEntry.objects.count(), Order.objects.count()
    assert found_anywhere(*OF_ADA)
    answer = adas_phone.call("delete", "me", {"confirm": "Somewhere else"})
    assert (answer.status_code, answer.json()["code"]) == (409, "not_confirmed")
    assert adas_phone.call("delete", "me", {"confirm": " regulars "}).status_code == 204
    deliver_events()
    cache.clear()
    assert found_anywhere(*OF_ADA) == []
    assert adas_phone.get("me").status_code == 401
    assert adas_phone.refresh().status_code == 401
    at_the_end = PointsEntry.objects.filter(reason__in=["HOLD_BACK", "EXPIRY"]).count()
    assert (PointsEntry.objects.count() - at_the_end, Order.objects.count()) == (entries, orders)
    assert_the_ledger_is_right()
    gone = Member.objects.get(pk=world.ada.pk)
    assert (gone.email, gone.phone, gone.birth_date, gone.name) == (None, None, None, "")
    assert not Consent.objects.filter(member=gone, is_granted=True).exists()
    assert not Device.objects.filter(member=gone, ended_at=None).exists()
    assert not Send.objects.filter(member=gone, status="PENDING").exists()
    told = Event.objects.filter(name="member.left", subject=str(gone.public_id))
    assert told.count() == 1
    profiles.forget(gone, now=timezone.now())
    assert told.count() == 1, "a second time changes nothing"


def test_who_left_may_join_again_as_somebody_new(adas_phone: Phone, world: World, later: Any):
    adas_phone.call("delete", "me", {"confirm": "Regulars"})
    adas_phone.access = ""
    later(minutes=5)
    asked_id = adas_phone.post("sign-in/codes", {"email": EMAIL}).json()["id"]
    join = {"name": "Ada", "birth_date": BORN.isoformat()}
    answer = adas_phone.show(asked_id, code_in_mail(EMAIL), join=join)
    assert (answer.status_code, answer.json()["is_new"]) == (200, True)
    assert adas_phone.get("me").json()["points"]["balance"] == 0


def test_leaving_gives_back_what_is_held(signed_in: Phone, ada: Member, counted: Any):
    counted.give(ada, 100)
    reward = counted.reward(stock=1)
    signed_in.post("me/redemptions", {"reward": str(reward.public_id)}, idempotency_key="1")
    signed_in.call("delete", "me", {"confirm": "Regulars"})
    reward.refresh_from_db()
    assert (ada.redemptions.get().status, reward.stock) == ("released", 1)
    assert_the_ledger_is_right()


def test_points_that_nobody_can_use_any_more_are_not_owed(ada: Member, counted: Counted, now: dt.datetime):
    counted.give(ada, 120)
    counted.member("Bob", points=30)
    owed = liability(now=now).owed
    for _ in range(2):
        profiles.forget(ada, now=now)
    assert liability(now=now).owed == owed - 120 == 30
    expired = PointsEntry.objects.get(member=ada, reason=PointsEntry.Reason.EXPIRY)
    assert (expired.points, expired.note) == (-120, profiles.LEFT)
    assert_the_ledger_is_right()


def test_who_was_merged_into_a_member_is_forgotten_with_them(ada: Member, now: dt.datetime):
    other = members.join(name="Ada L.", email="ada.l@example.com", source="till", now=now)
    Member.objects.filter(pk=other.pk).update(merged_into=ada)
    profiles.forget(ada, now=now)
    assert found_anywhere("ada.l@example.com", "ada@example.com") == []
