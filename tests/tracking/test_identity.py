"""One person under several ids: why they belong together, and two users merged by somebody who knows."""

import datetime as dt

import pytest

from tests.tracking.received import a_system, receive, said
from tests.tracking.test_read_model import NAME, follow, signed_in, state
from tracking.actions import identity, rebuild
from tracking.models import PersonActivity, TrackedEvent, UserMerge
from tracking.queries import people
from tracking.queries.tracked import timeline

HOUR = dt.timedelta(hours=1)


@pytest.fixture
def system(db, now):
    """Ada with her telephone, and Ada under her address with a tablet."""
    system, at = a_system(), now - dt.timedelta(days=2)
    receive(system, said("Viewed", "", anonymous_id="phone"), signed_in("ada", "phone"), at=at)
    receive(system, said("Sold", "ada@example.com"), signed_in("ada@example.com", "tablet"), at=at + HOUR)
    receive(system, said("Viewed", "", anonymous_id="tablet"), said("Viewed", "bob"), at=at + 2 * HOUR)
    return system


def names(partner_id: int, person: str) -> list[str]:
    return [event.name for event in timeline(partner_id, person)]


def merge(system, now, gone="ada@example.com", into="ada") -> UserMerge:
    return identity.merge(partner=system.partner, user_id=gone, into=into, by=None, now=now)


def test_somebody_is_found_by_any_id_and_told_why_these_belong_together(system, now, follow_events):
    follow_events()
    merge(system, now)
    for name in ("ada", "phone", "ada@example.com", "tablet"):
        assert people.person_called(system.partner_id, name) == "ada"
    ids = people.ids_of(system.partner_id, "ada")
    assert [(each.id, each.is_user) for each in ids] == [
        ("ada", True), ("ada@example.com", True), ("tablet", False), ("phone", False),
    ]  # fmt: skip
    assert ids[2].why == "Became ada@example.com by an identify or alias"
    assert people.person_called(system.partner_id, "stranger") == "stranger"


def test_a_merge_gives_one_person_all_that_both_did(system, now, follow_events):
    follow_events()
    preview = people.merge_preview(system.partner_id, "ada@example.com", "ada")
    assert (preview.moving.events, preview.staying.events, preview.anonymous_ids) == (3, 2, 1)
    merge(system, now)
    assert len(names(system.partner_id, "ada")) == 5
    assert set(PersonActivity.objects.values_list("person", flat=True)) == {"ada", "bob"}


def test_undoing_gives_each_back_what_is_theirs(system, now, follow_events):
    follow_events()
    before = state()
    merged = merge(system, now)
    identity.undo(merged, by=None, now=now)
    assert state() == before
    with pytest.raises(identity.MergeUndone):
        identity.undo(merged, by=None, now=now)


@pytest.mark.parametrize(
    ("gone", "into", "because"),
    [
        ("ada", "ada", "one user already"),
        ("bob", "ada@example.com", "was merged into ada already"),
        ("ada", "bob", "Others were merged into ada"),
        ("ada@example.com", "bob", "was merged into ada already"),
        ("nobody", "bob", "known as “nobody”"),
        ("bob", "cookie", "known as “cookie”"),
    ],
)
def test_chains_strangers_and_oneself_are_refused(system, now, follow_events, gone, into, because):
    receive(system, said("Viewed", "", anonymous_id="cookie"), at=now)
    follow_events()
    merge(system, now)
    with pytest.raises(identity.CannotMerge, match=because):
        merge(system, now, gone, into)


def test_another_partners_users_of_the_same_names_are_left_alone(system, now, follow_events):
    rival = a_system("Rival", "Website")
    receive(rival, said("Sold", "ada@example.com"), said("Sold", "ada"), at=now)
    follow_events()
    merge(system, now)
    assert set(TrackedEvent.objects.filter(system_id=rival.pk).values_list("person", flat=True)) == {
        "ada@example.com", "ada",
    }  # fmt: skip
    assert people.person_called(rival.partner_id, "ada@example.com") == "ada@example.com"


@pytest.mark.alone
@pytest.mark.django_db(transaction=True)
def test_what_comes_after_a_merge_follows_it_a_rebuild_keeps_it_and_undoing_divides_that_too(now):
    system, at = a_system(), now - dt.timedelta(days=2)
    receive(system, said("Viewed", "", anonymous_id="phone"), signed_in("ada", "phone"), said("Sold", "bob"), at=at)
    follow(now)
    merged = merge(system, now, "ada", "bob")
    receive(system, said("Sold", "ada"), said("Viewed", "", anonymous_id="phone"), said("Sold", "bob"), at=now)
    follow(now)
    assert len(names(system.partner_id, "ada")) == len(names(system.partner_id, "bob")) == 6
    after = state()
    rebuild(NAME, now=now)
    assert state() == after
    identity.undo(merged, by=None, now=now)
    assert [len(names(system.partner_id, person)) for person in ("ada", "bob")] == [4, 2]
    after = state()
    rebuild(NAME, now=now)
    assert state() == after
