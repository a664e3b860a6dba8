"""Who may know what about whom, and the pages that show it."""

import csv
import datetime as dt

import pytest
from django.urls import reverse

from loyalty.actions import members
from loyalty.models import Consent, Member, PointsAccount, Score
from loyalty.rules.scores import VALUE, group_of, value_of
from tracking.models import Event

BORN = dt.date(1990, 5, 17)


@pytest.fixture
def ada(db, now) -> Member:
    return members.join(
        name="Ada Lovelace", email="Ada@Example.com", phone="(212) 555-0123", birth_date=BORN, external_id="C1",
        source="till", now=now,
    )  # fmt: skip


def page_of(client, name, *arguments, **query):
    return client.get(reverse(f"loyalty:{name}", args=arguments), query)


def test_joining_gives_an_account_and_one_way_to_write_contacts(ada):
    assert (ada.email, ada.phone) == ("ada@example.com", "+12125550123")
    assert PointsAccount.objects.get(member=ada).balance == 0
    assert Event.objects.get(name="member.joined").subject == str(ada.public_id)


@pytest.mark.parametrize(
    "double", [{"email": " ADA@example.com "}, {"phone": "+1 212 555 0123"}, {"external_id": "C1"}]
)
def test_nobody_joins_twice_and_the_refusal_says_who_to_look_up(double, ada, now):
    with pytest.raises(members.AlreadyAMember, match=f"#{ada.pk}"):
        members.join(**double, source="till", now=now)


@pytest.mark.parametrize("wrong", [{"email": "ada"}, {"phone": "12"}])
def test_a_contact_that_cannot_be_one_is_refused(wrong, db, now):
    with pytest.raises(members.BadContact):
        members.join(**wrong, source="till", now=now)


def test_a_consent_keeps_its_evidence_and_every_change_of_it(ada, now):
    said = {"member": ada, "channel": "email", "wording": "Yes please", "source": "till"}
    assert members.set_consent(**said, is_granted=True, now=now)
    assert not members.set_consent(**said, is_granted=True, now=now)
    assert members.set_consent(**said, is_granted=False, now=now + dt.timedelta(days=1))
    assert Consent.objects.get(member=ada).is_granted is False
    told = Event.objects.filter(name="consent.changed").order_by("pk")
    assert [event.properties["is_granted"] for event in told] == [True, False]


def test_an_import_never_undoes_an_opt_out(ada, now):
    said = {"member": ada, "channel": "email", "wording": "…"}
    members.set_consent(**said, is_granted=False, source="unsubscribe link", now=now)
    with pytest.raises(members.OptedOut):
        members.set_consent(**said, is_granted=True, source=members.IMPORT, now=now)
    assert Consent.objects.get(member=ada).is_granted is False


def test_a_viewer_sees_masked_contacts_and_an_age_everywhere(ada, viewer, client_of):
    client = client_of(viewer)
    answers = [page_of(client, "members"), page_of(client, "member", ada.public_id), page_of(client, "search", q="Ada")]
    texts = [answer.content.decode() for answer in answers]
    texts.append(b"".join(page_of(client, "members", format="csv").streaming_content).decode())
    for text in texts:
        assert "Lovelace" in text
        assert "ada@example.com" not in text
        assert "2125550123" not in text
        assert "May 17" not in text
        assert "1990-05-17" not in text
    assert "a•••@e•••" in texts[0]


def test_a_marketer_sees_contacts(ada, marketer, client_of):
    text = page_of(client_of(marketer), "member", ada.public_id).content.decode()
    assert "ada@example.com" in text
    assert "May 17, 1990" in text


@pytest.mark.parametrize("contact", ["ada@example.com", "+12125550123", "(212) 555-0123"])
def test_a_viewer_cannot_find_out_whose_contact_it_is(contact, ada, viewer, marketer, client_of):
    for name in ("members", "search"):
        assert "Lovelace" not in page_of(client_of(viewer), name, q=contact).content.decode()
        assert "Lovelace" in page_of(client_of(marketer), name, q=contact).content.decode()


def test_the_export_is_the_page_and_leaves_a_trace(ada, manager, client_of, now):
    members.join(name="=HYPERLINK()", source="till", now=now)
    answer = page_of(client_of(manager), "members", format="csv")
    rows = list(csv.DictReader(b"".join(answer.streaming_content).decode().splitlines()))
    assert {row["name"] for row in rows} == {"Ada Lovelace", "'=HYPERLINK()"}
    exported = Event.objects.get(name="members.exported")
    assert exported.subject == str(manager.pk)
    assert exported.properties["is_masked"] is False


def test_a_list_costs_the_same_for_one_row_and_for_fifteen(
    ada, marketer, client_of, now, write, bring_in, follow_events, django_assert_num_queries
):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client = client_of(marketer)
    urls = [
        reverse("loyalty:members"),
        reverse("loyalty:search") + "?q=a",
        reverse("loyalty:member-orders", args=[ada.public_id]),
    ]

    def costs() -> list[int]:
        counts = []
        for url in urls:
            client.get(url)
            with CaptureQueriesContext(
                connection,
            ) as queries:
                assert client.get(url).status_code == 200
            counts.append(len(queries))
        return counts

    bring_in(write("O0,2026-03-01 18:30,BEER,Beer,Beer,2,19.98,C1,S1"))
    follow_events()
    once = costs()
    for number in range(14):
        members.join(name=f"Ada {number}", source="till", now=now)
    bring_in(write(*(f"O{n},2026-03-01 18:30,BEER,Beer,Beer,2,19.98,C1,S1" for n in range(1, 15)), name="more.csv"))
    follow_events()
    assert costs() == once


def test_filters_and_sorting_do_what_they_say(ada, marketer, client_of, now, write, bring_in, follow_events):
    members.set_consent(member=ada, channel="email", is_granted=True, wording="Yes", source="till", now=now)
    bring_in(write("O1,2026-03-01 18:30,BEER,,,1,5,C1,S1", "O2,2026-03-02 18:30,BEER,,,1,50,C2,S2"))
    follow_events()
    client = client_of(marketer)

    def found(**query: str) -> list[str]:
        return [row.name for row in page_of(client, "members", **query).context["shown"]]

    assert found(sort="spent") == ["Member C2", "Ada Lovelace"]
    assert found(consent="email") == ["Ada Lovelace"]
    assert found(consent="none") == ["Member C2"]
    assert found(q="lovel") == ["Ada Lovelace"]
    assert found(group="nonsense", store="'; drop", sort="x", q="\x00zzz") == []


def scored(name: str, recency: int, frequency: int, monetary: int, now: dt.datetime) -> Member:
    member = members.join(name=name, source="till", now=now)
    group = group_of(recency, frequency, monetary)
    Score.objects.create(
        member=member, recency=recency, frequency=frequency, monetary=monetary, group=group, is_night_buyer=False
    )
    return member


@pytest.fixture
def scored_members(db, now) -> None:
    members.join(name="Never bought", source="till", now=now)
    scored("Regular", 5, 5, 5, now)
    scored("Fading", 3, 3, 3, now)
    scored("Rare", 4, 1, 1, now)
    scored("Gone and dear", 1, 4, 5, now)
    scored("Gone and cheap", 2, 2, 1, now)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"seen": "high"}, {"Gone and dear", "Gone and cheap"}),
        ({"seen": "medium"}, {"Fading"}),
        ({"seen": "low"}, {"Regular", "Rare"}),
        ({"value": "high"}, {"Regular", "Gone and dear"}),
        ({"value": "medium"}, {"Fading"}),
        ({"value": "low"}, {"Rare", "Gone and cheap"}),
        ({"seen": "high", "value": "high"}, {"Gone and dear"}),
        (
            {"risk": "' or 1=1", "seen": "7", "value": "7"},
            {"Regular", "Fading", "Rare", "Gone and dear", "Gone and cheap", "Never bought"},
        ),
    ],
)
def test_members_are_found_by_how_likely_they_stay_away_and_what_they_are_worth(
    scored_members, marketer, client_of, asked, found
):
    answer = page_of(client_of(marketer), "members", **asked)
    assert {row.name for row in answer.context["shown"]} == found
    export = b"".join(page_of(client_of(marketer), "members", **asked, format="csv").streaming_content).decode()
    assert {row["name"] for row in csv.DictReader(export.splitlines())} == found


def test_value_is_cut_where_the_groups_are_cut(marketer, client_of, now):
    levels = {quintile: level for level, (first, last) in VALUE.items() for quintile in range(first, last + 1)}
    expected: dict[str, set[str]] = {level: set() for level in VALUE}
    for frequency in range(1, 6):
        for monetary in range(1, 6):
            name = f"{frequency} and {monetary}"
            scored(name, 3, frequency, monetary, now)
            expected[levels[value_of(frequency, monetary)]].add(name)
    client = client_of(marketer)
    for level, names in expected.items():
        assert {row.name for row in page_of(client, "members", value=level).context["shown"]} == names


def test_points_go_to_those_the_score_filters_show_and_to_nobody_else(scored_members, manager, client_of):
    url = reverse("loyalty:bulk-points") + "?seen=high&value=high"
    form = {"points": "50", "note": "Come back", "reference": "0192f0a5-0000-7000-8000-000000000000", "do": "give"}
    form["previewed"] = form["points"]
    assert client_of(manager).post(url, form).status_code == 302
    assert [each.member.name for each in PointsAccount.objects.filter(balance=50)] == ["Gone and dear"]


def test_an_order_is_found_by_its_number(ada, viewer, client_of, write, bring_in):
    bring_in(write("R-77,2026-03-01 18:30,BEER,,,1,5,C1,S1"))
    assert "R-77" in page_of(client_of(viewer), "search", q="R-77").content.decode()


def test_a_member_page_shows_orders_points_and_consents(ada, marketer, client_of, write, bring_in, follow_events, now):
    members.set_consent(member=ada, channel="sms", is_granted=False, wording="STOP", source="sms", now=now)
    bring_in(write("R-77,2026-03-01 18:30,BEER,Copper Beer,Beer,1,5,C1,S1"))
    follow_events()
    client = client_of(marketer)
    assert "Opted out" in page_of(client, "member", ada.public_id).content.decode()
    assert "Copper Beer" in page_of(client, "member-orders", ada.public_id).content.decode()
    assert "R-77" in page_of(client, "member-ledger", ada.public_id).content.decode()


def test_an_empty_shop_is_told_what_to_do_next(marketer, client_of):
    text = page_of(client_of(marketer), "members").content.decode()
    assert reverse("loyalty:import-new") in text


def test_only_some_may_change_members_consents_and_points(ada, viewer, marketer, manager, client_of):
    forms = {
        "member-edit": {"name": "Ada King", "email": "ada@example.com"},
        "member-consent": {"channel": "email", "is_granted": "yes", "wording": "Yes"},
        "member-correction": {"points": "5", "note": "Gift", "reference": "0192f0a5-0000-7000-8000-000000000000"},
    }
    for name, values in forms.items():
        url = reverse(f"loyalty:{name}", args=[ada.public_id])
        assert client_of(viewer).post(url, values).status_code == 403
        assert client_of(marketer).post(url, values).status_code == 403
        assert client_of(manager).post(url, values).status_code == 302
    ada.refresh_from_db()
    assert ada.name == "Ada King"
    assert Consent.objects.get(member=ada).is_granted
    assert PointsAccount.objects.get(member=ada).balance == 5


def test_a_taken_email_is_refused_on_the_form_itself(ada, manager, client_of, now):
    other = members.join(name="Bob", source="till", now=now)
    url = reverse("loyalty:member-edit", args=[other.public_id])
    answer = client_of(manager).post(url, {"name": "Bob", "email": "ada@example.com"})
    assert answer.status_code == 422
    assert f"#{ada.pk}" in answer.content.decode()


def test_a_stranger_is_asked_to_sign_in(client, db):
    assert client.get(reverse("loyalty:members")).status_code == 302
