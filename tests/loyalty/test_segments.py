"""Segments: what a rule may say, how it is written on a page, and who may see and change it."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from loyalty.actions import segments
from loyalty.actions.members import join
from loyalty.models import Segment
from loyalty.queries.segments import facts_of, members_matching
from loyalty.rules.segments import drafts, faults_of, matches
from loyalty.rules.segments.words import in_words
from tracking.actions import funnels
from tracking.models import Event

NEW = "loyalty:segment-new"
WITH_EMAIL = {"field": "member.has_email", "is": "exactly", "value": True}
AT_LEAST_TWICE = {"field": "stats.orders", "is": "at_least", "value": 2}


@pytest.fixture
def ada(db, now):
    return join(name="Ada Lovelace", email="ada@example.com", source="test", now=now)


@pytest.fixture
def bob(db, now):
    return join(name="Bob Boole", phone="+12125550123", source="test", now=now)


@pytest.fixture
def reachable(ada, bob, now):
    return segments.create_segment(name="Has email", description="", rule=WITH_EMAIL, by=None, now=now)


# --- The rule -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "where"),
    [
        (None, "rule: Write a rule"),
        ({}, "rule: Write exactly one"),
        ({"all": [], "any": []}, "rule: Write exactly one"),
        ({"all": {}}, "rule.all: Write a list"),
        ({"all": [WITH_EMAIL, {"not": 1}]}, "rule.all[1].not: Write a rule"),
        ({"field": "member.password", "is": "exactly", "value": 1}, "rule.field: Choose what to ask about"),
        ({"field": [], "is": "exactly", "value": 1}, "rule.field: Choose what to ask about"),
        ({"field": "stats.orders", "is": "like", "value": 1}, "rule.is: Choose one of: at_least, at_most, exactly"),
        ({"field": "stats.orders", "is": ["at_least"], "value": 1}, "rule.is: Choose one of"),
        ({"field": "stats.orders", "is": "at_least", "value": True}, "rule.value: Write a whole number"),
        ({"field": "stats.orders", "is": "at_least", "value": -1}, "rule.value: Write a whole number from 0"),
        ({"field": "score.recency", "is": "at_least", "value": 6}, "rule.value: Write a whole number from 1 to 5"),
        ({"field": "stats.spent", "is": "at_least", "value": 1.5}, "rule.value: Write an amount"),
        ({"field": "score.group", "is": "one_of", "value": []}, "rule.value: Choose 1 to 100"),
        ({"field": "score.group", "is": "one_of", "value": "lost"}, "rule.value: Choose 1 to 100"),
        ({"field": "orders.any", "is": "at_least", "value": {"times": 1}}, "rule.value: Say days, times"),
        ({"field": "stats.orders", "is": "at_least"}, "rule: A condition has exactly"),
    ],
)
def test_a_rule_that_cannot_be_read_is_refused_with_the_place_and_the_cure(rule, where):
    assert str(faults_of(rule)[0]).startswith(where)


def test_a_rule_has_a_depth_and_a_size(now):
    deep = WITH_EMAIL
    for _ in range(8):
        deep = {"not": deep}
    assert "at most 8 levels" in str(faults_of(deep)[0])
    assert not faults_of(deep["not"])
    assert "at most 100 conditions; this has 101" in str(faults_of({"all": [WITH_EMAIL] * 101})[0])
    assert not faults_of({"all": [WITH_EMAIL] * 100})


def test_all_of_nothing_is_everybody_and_any_of_nothing_is_nobody(ada, bob, now):
    assert members_matching({"all": []}, now=now).count() == 2
    assert members_matching({"any": []}, now=now).count() == 0
    assert members_matching({"not": {"any": []}}, now=now).count() == 2


def test_what_is_unknown_about_a_member_matches_nothing_and_its_opposite(ada, now):
    grown_up = {"field": "member.age", "is": "at_least", "value": 21}
    for rule, is_meant in ((grown_up, False), ({"not": grown_up}, True)):
        assert matches(rule, facts_of(ada, now=now)) is is_meant
        assert members_matching(rule, now=now).exists() is is_meant


def test_events_are_counted_for_the_member_they_are_about(ada, bob, now):
    for number in range(3):
        Event.objects.create(name="page.viewed", subject=str(ada.public_id), key=str(number), occurred_at=now)
    value = {"of": "page.viewed", "times": 3, "days": 7}
    rule = {"field": "events.happened", "is": "at_least", "value": value}
    assert list(members_matching(rule, now=now)) == [ada]
    assert list(members_matching(rule | {"is": "at_most", "value": value | {"times": 2}}, now=now)) == [bob]


def test_a_rule_reads_as_plain_english():
    bought = {"field": "orders.category", "is": "at_least", "value": {"of": "Wine", "times": 2, "days": 60}}
    lost = {"field": "score.group", "is": "one_of", "value": ["lost", "new"]}
    words = in_words({"all": [bought, {"not": lost}]}, {"score.group": {"lost": "Lost", "new": "New"}}, "USD")
    assert words.text == "All of these:"
    assert words.under[0].text == "Bought category Wine at least 2 times in the last 60 days"
    assert (words.under[1].text, words.under[1].under[0].text) == ("None of these:", "Group is Lost or New")


@pytest.mark.parametrize(
    "rule",
    [
        {"all": [WITH_EMAIL, {"any": [AT_LEAST_TWICE, {"not": WITH_EMAIL}]}]},
        {"not": {"any": [WITH_EMAIL, AT_LEAST_TWICE]}},
        {"all": [{"field": "stats.spent", "is": "at_most", "value": "12.50"}]},
        {"any": [{"field": "orders.any", "is": "at_most", "value": {"times": 0, "days": 9}}]},
        {"all": [{"field": "score.group", "is": "one_of", "value": ["lost", "new"]}]},
    ],
)
def test_the_editor_gives_back_the_rule_it_was_opened_with(rule):
    assert drafts.rule_of(drafts.draft_of(rule)) == rule


# --- What is kept -------------------------------------------------------------------------------------------------


def test_a_segment_is_counted_when_made_changed_and_every_hour(ada, bob, reachable, now):
    assert reachable.member_count == 1
    everybody = segments.change_segment(segment=reachable, name="All", description="", rule={"all": []}, now=now)
    assert everybody.member_count == 2
    join(name="Cy", source="test", now=now)
    segments.recount_segments(now=now)
    everybody.refresh_from_db()
    assert everybody.member_count == 3


def test_a_rule_with_a_fault_is_never_kept(reachable, now):
    with pytest.raises(segments.BadRule, match="Write a list"):
        segments.change_segment(segment=reachable, name="X", description="", rule={"all": 1}, now=now)
    reachable.refresh_from_db()
    assert reachable.rule == WITH_EMAIL


def test_two_segments_cannot_share_a_name(reachable, now):
    with pytest.raises(segments.NameTaken, match="Choose another name"):
        segments.create_segment(name="Has email", description="", rule=WITH_EMAIL, by=None, now=now)


def test_a_copy_starts_with_a_segment_for_each_group_and_never_gets_them_twice(db, now):
    Segment.objects.all().delete()
    segments.ship_segments(now=now)
    shipped = list(Segment.objects.filter(is_shipped=True))
    assert {"Champions", "Lost", "Everybody who may get email"} <= {segment.name for segment in shipped}
    assert not any(faults_of(segment.rule) for segment in shipped)
    segments.archive_segment(segment=shipped[0], now=now)
    segments.ship_segments(now=now)
    assert Segment.objects.count() == len(shipped)


# --- The pages ----------------------------------------------------------------------------------------------------


def test_a_marketer_writes_a_segment_and_sees_who_is_in_it(ada, bob, marketer, client_of):
    client = client_of(marketer)
    form = {
        "name": "Reachable",
        "r.kind": "all",
        "r-0.field": "member.has_email",
        "r-0.is": "exactly",
        "r-0.value": "yes",
    }
    saved = client.post(reverse(NEW), form)
    segment = Segment.objects.get(name="Reachable")
    assert (segment.rule, segment.created_by, segment.member_count) == ({"all": [WITH_EMAIL]}, marketer, 1)
    shown = client.get(saved.url).content.decode()
    assert "Ada Lovelace" in shown
    assert "ada@example.com" in shown
    assert "Bob Boole" not in shown
    assert "Has an email address" in shown


def test_a_wrong_value_is_told_beside_its_condition_and_nothing_typed_is_lost(marketer, client_of):
    form = {
        "name": "Big spenders",
        "description": "They buy a lot",
        "r.kind": "any",
        "r-0.field": "stats.spent",
        "r-0.is": "at_least",
        "r-0.value": "a lot",
        "r-1.kind": "none",
        "r-1-0.field": "orders.category",
        "r-1-0.is": "at_most",
        "r-1-0.of": "",
        "r-1-0.times": "3",
        "r-1-0.days": "14",
    }
    answer = client_of(marketer).post(reverse(NEW), form)
    html = answer.content.decode()
    assert answer.status_code == 422
    assert '<p id="r-0-error" class="field-error">Write an amount such as 12.50' in html
    assert '<p id="r-1-0-error" class="field-error">Category: Say which.' in html
    for typed in ('value="Big spenders"', 'value="They buy a lot"', 'value="a lot"', 'value="3"', 'value="14"'):
        assert typed in html
    assert not Segment.objects.filter(name="Big spenders").exists()


def test_conditions_and_groups_come_and_go_without_losing_the_others(marketer, client_of):
    client, form = (
        client_of(marketer),
        {"r.kind": "all", "r-0.field": "stats.orders", "r-0.is": "exactly", "r-0.value": "7"},
    )
    added = client.post(reverse(NEW), form | {"do": "add-group:r"}).content.decode()
    assert 'name="r-1.kind"' in added
    assert 'name="r-1-0.field"' in added
    assert 'value="7"' in added
    removed = client.post(reverse(NEW), form | {"r-1.kind": "any", "do": "remove:r-1"}).content.decode()
    assert 'name="r-1.kind"' not in removed
    assert 'value="7"' in removed


def test_another_field_forgets_the_value_of_the_one_before(marketer, client_of):
    form = {"r.kind": "all", "r-0.field": "score.group", "r-0.is": "at_least", "r-0.value": "30", "do": "field:r-0"}
    html = client_of(marketer).post(reverse(NEW), form).content.decode()
    assert 'value="champions"' in html
    assert 'value="30"' not in html


def test_what_no_button_of_ours_says_changes_nothing(marketer, client_of):
    client = client_of(marketer)
    for do in ("explode:r", "remove:r", "remove:r-9", "add-group:r-0-0-0", "remove:r-x", "field:r", "add-condition:"):
        answer = client.post(reverse(NEW), {"r.kind": "all", "r-0.field": "stats.orders", "r-0.value": "7", "do": do})
        assert answer.status_code == 200
        assert 'value="7"' in answer.content.decode()


def test_the_count_beside_the_editor_follows_what_is_typed(ada, bob, marketer, client_of):
    form = {"r.kind": "all", "r-0.field": "member.has_email", "r-0.is": "exactly", "r-0.value": "no"}
    headers = {"HX-Request": "true", "HX-Target": "matching"}
    html = client_of(marketer).post(reverse(NEW), form, headers=headers).content.decode()
    assert "Bob Boole" in html
    assert "Ada Lovelace" not in html
    assert "<html" not in html
    broken = client_of(marketer).post(
        reverse(NEW), form | {"r-0.field": "member.age", "r-0.value": "x"}, headers=headers
    )
    assert "Complete 1 condition" in broken.content.decode()


def test_a_viewer_sees_who_is_in_a_segment_masked_and_changes_nothing(reachable, viewer, client_of):
    client, path = client_of(viewer), reverse("loyalty:segment", args=[reachable.public_id])
    shown = client.get(path).content.decode()
    assert "Ada Lovelace" in shown
    assert "ada@example.com" not in shown
    exported = b"".join(client.get(path, {"format": "csv"})).decode()
    assert "Ada Lovelace" in exported
    assert "ada@example.com" not in exported
    assert client.get(reverse("loyalty:segment-edit", args=[reachable.public_id])).status_code == 403
    assert client.post(reverse(NEW), {"name": "X", "r.kind": "all"}).status_code == 403
    assert client.post(reverse("loyalty:segment-archive", args=[reachable.public_id])).status_code == 403


def test_a_segment_put_aside_leaves_the_list_and_stays_readable(reachable, marketer, client_of):
    client = client_of(marketer)
    client.post(reverse("loyalty:segment-archive", args=[reachable.public_id]))
    assert str(reachable.public_id) not in client.get(reverse("loyalty:segments")).content.decode()
    assert "Put aside" in client.get(reverse("loyalty:segment", args=[reachable.public_id])).content.decode()


def test_the_list_costs_the_same_for_one_segment_and_for_fifteen(marketer, client_of, now):
    client = client_of(marketer)
    Segment.objects.all().delete()

    def cost():
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert client.get(reverse("loyalty:segments")).status_code == 200
        return len(asked)

    segments.create_segment(name="S", description="", rule={"all": []}, by=marketer, now=now)
    cost()
    one = cost()
    for number in range(14):
        segments.create_segment(name=f"S{number}", description="", rule={"all": []}, by=marketer, now=now)
    assert cost() == one


def test_who_left_a_funnel_becomes_a_segment_from_its_page(ada, now, marketer, client_of):
    saved = funnels.save(
        name="Checkout", definition={"steps": [{"names": ["View"]}, {"names": ["Buy"]}]}, by=marketer, now=now
    )
    rule = {"field": "events.left_funnel", "is": "one_of", "value": [f"{saved.public_id}:1"]}
    page = client_of(marketer).get("/staff/segments/new/", {"rule": json.dumps(rule), "name": "Left checkout"})
    text = page.content.decode()
    assert "Checkout, after View" in text
    assert 'value="Left checkout"' in text
    assert client_of(marketer).get("/staff/segments/new/", {"rule": "[["}).status_code == 200
