"""The trail of changes: everything, with who did it; never a secret."""

import csv
from collections.abc import Callable
from typing import Any

import pytest
from auditlog.models import LogEntry
from auditlog.registry import auditlog
from django.apps import apps
from django.conf import settings
from django.test import Client
from django.urls import reverse

from campaigns.models import Campaign
from loyalty.actions import points
from loyalty.models import Invitation, Member, Segment, User
from tests.world import World

URL = "/staff/settings/changes/"


@pytest.fixture
def desk(manager: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(manager)


def rows_of(answer: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(b"".join(answer.streaming_content).decode().splitlines()))


def test_everything_named_in_the_settings_is_watched():
    for wanted in settings.AUDITLOG_INCLUDE_TRACKING_MODELS:
        name = wanted if isinstance(wanted, str) else wanted["model"]
        assert auditlog.contains(apps.get_model(name)), name


def test_a_change_tells_who_what_old_and_new(world: World, manager: User, desk: Client):
    desk.post(reverse("loyalty:member-edit", args=[world.ada.public_id]), {"name": "Ada King"})
    told = LogEntry.objects.get_for_object(world.ada).latest("pk")
    assert (told.actor, told.changes["name"]) == (manager, ["Ada", "Ada King"])
    text = desk.get(URL, {"q": "Ada King"}).content.decode()
    assert manager.email in text
    assert "name: Ada → Ada King" in text


def test_a_state_moved_by_a_conditional_update_is_in_it_too(world: World, admin: User, client_of):
    campaign = world.draft
    client_of(admin).post(reverse("campaigns:plan-approve", args=[world.plan.public_id]))
    client_of(admin).post(reverse("campaigns:move", args=[campaign.public_id, "start"]))
    plan, moved = (LogEntry.objects.get_for_object(row).latest("pk") for row in (world.plan, campaign))
    assert (plan.changes, plan.actor) == ({"status": ["READY", "APPROVED"]}, admin)
    assert (moved.changes, moved.actor) == ({"status": ["DRAFT", "RUNNING"]}, admin)


def test_a_changed_role_reads_in_words(viewer: User, admin: User, client_of, desk: Client):
    client_of(admin).post(reverse("loyalty:person-change", args=[viewer.pk]), {"role": "Marketer"})
    rows = rows_of(desk.get(URL, {"format": "csv", "q": viewer.email}))
    assert {"groups: delete Viewer", "groups: add Marketer"} <= {row["values"] for row in rows}
    assert {row["who"] for row in rows if row["values"] == "groups: add Marketer"} == {admin.email}


def test_what_was_made_is_told_without_ids_and_empty_fields(world: World, desk: Client):
    User.objects.create_user("grace@shop.example", name="Grace")
    (made,) = rows_of(desk.get(URL, {"format": "csv", "model": "user", "q": "grace@"}))
    assert "name: Grace" in made["values"]
    assert "email: grace@shop.example" in made["values"]
    for internal in ("None", "id:", "→", "notices", "api_tokens"):
        assert internal not in made["values"]


def test_the_csv_is_the_page(world: World, desk: Client):
    for query in ({}, {"q": "Spring"}, {"model": "consent"}):
        shown = desk.get(URL, query).context["entries"].paginator.count
        rows = rows_of(desk.get(URL, query | {"format": "csv"}))
        assert len(rows) == shown > 0
    page = desk.get(URL, {"model": "consent"}).context["changes"]
    assert [row["values"].lstrip("'") for row in rows] == [change.values for change in page]


def test_search_looks_at_people_things_and_values(world: World, desk: Client, admin: User):
    points.correct(member=world.ada, points=9, note="Sorry for the wait", reference="sorry", now=world.ada.joined_at)
    for text in ("Sorry for the wait", "Spring", "ada.lovelace@"):
        assert desk.get(URL, {"q": text}).context["entries"].paginator.count, text
    assert desk.get(URL, {"q": "nothing like it"}).context["entries"].paginator.count == 0
    assert "No change fits" in desk.get(URL, {"q": "nothing like it"}).content.decode()


def test_no_password_and_no_token_is_ever_in_it(world: World):
    user = User.objects.create_user("new@shop.example", "a quite long sentence")
    user.set_password("another long sentence")
    user.save()
    kept = str(list(LogEntry.objects.values_list("changes", "object_repr", "additional_data")))
    assert user.password not in kept
    hashes = [invitation.token_hash for invitation in Invitation.objects.exclude(token_hash=None)]
    assert hashes
    assert not [token_hash for token_hash in hashes if token_hash in kept]
    assert '"password"' not in kept


def test_an_import_writes_no_line_per_member_or_order(world: World):
    """It is set-based, and its own row says who did it."""
    for model in ("order", "orderline", "product", "memberstats", "score", "event"):
        assert not LogEntry.objects.filter(content_type__model=model).exists(), model
    taken_in = Member.objects.filter(email=None, merged_into=None).values_list("pk", flat=True)
    assert not LogEntry.objects.filter(content_type__model="member", object_id__in=taken_in).exists()
    assert LogEntry.objects.get_for_object(world.purchase_import).exists()


def test_counting_a_segment_again_is_no_change_of_it(world: World):
    before = LogEntry.objects.filter(content_type__model="segment").count()
    Segment.objects.get(pk=world.segment.pk).save(update_fields=["member_count", "counted_at"])
    assert LogEntry.objects.filter(content_type__model="segment").count() == before


def test_only_managers_and_admins_read_it(viewer, marketer, manager, admin, client_of):
    answers = [client_of(user).get(URL).status_code for user in (viewer, marketer, manager, admin)]
    assert answers == [403, 403, 200, 200]


def test_two_people_are_needed_when_the_business_says_so(world: World, marketer, manager, admin, client_of):
    url = reverse("campaigns:plan-approve", args=[world.plan.public_id])
    hours = {"send_from": 8, "send_until": 20, "messages_per_day": 1}
    failures = {"hard_bounces": 1, "soft_bounces": 0, "complaints": 1, "max_retries": 3, "retry_minutes": 5}
    rule = {"needs_second_person": "on", "result_days": 14, "holdout_percent": 0, **hours, **failures}
    rule |= {"plan_tokens": 200_000, "plan_cost": "2", "plan_pictures": 20}
    assert client_of(marketer).post("/staff/settings/campaigns/", rule).status_code == 403
    assert client_of(manager).post("/staff/settings/campaigns/", rule).status_code == 302
    page = client_of(marketer).get(reverse("campaigns:campaign", args=[world.draft.public_id])).content.decode()
    assert "omebody else" in page
    client_of(marketer).post(url, headers={"referer": "http://testserver/staff/"})
    assert Campaign.objects.get(pk=world.draft.pk).sends.count() == 0
    client_of(manager).post(url)
    assert Campaign.objects.get(pk=world.draft.pk).sends.count() > 0
