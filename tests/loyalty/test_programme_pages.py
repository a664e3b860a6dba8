"""The pages of the programme: rules, tiers, terms, and the books."""

import csv
import datetime as dt
import io
import uuid
from decimal import Decimal

import pytest
from django.db import connection
from django.forms import IntegerField
from django.urls import reverse
from django.utils import timezone

from loyalty.actions import members, points, programme, tiers
from loyalty.models import (
    EarnRule,
    Member,
    PointsAccount,
    PointsEntry,
    Programme,
    ReferralMilestone,
    Store,
    Tier,
    TierStanding,
)
from loyalty.queries.earning import rule_of
from loyalty.queries.liability import liability
from loyalty.rules.earning_words import words_of

RULE = {"name": "Happy hour", "trigger": "order", "effect": "multiplier", "multiplier": "2", "cap_period": "month",
        "cap_points": "100", "priority": "50", "is_active": "on", "weekdays": ["4"], "from_time": "17:00",
        "to_time": "19:00", "skus": "GIN, RUM"}  # fmt: skip
TIER = {"name": "Gold", "threshold": "500", "colour": "#a16207", "perks": "Tastings"}


@pytest.fixture
def ada(db, now) -> Member:
    return members.join(name="Ada", external_id="A1", email="ada@example.com", now=now, source="test")


def give(member: Member, amount: int, now: dt.datetime) -> None:
    points.correct(member=member, points=amount, note="why", reference=str(uuid.uuid4()), now=now)


class TestRules:
    def test_a_manager_makes_a_rule_and_reads_it_in_words(self, manager, client_of):
        client = client_of(manager)
        assert client.post(reverse("loyalty:earn-rule-new"), RULE).status_code == 302
        rule = EarnRule.objects.get(name="Happy hour")
        assert rule.conditions == {
            "weekdays": [4], "skus": ["GIN", "RUM"], "from_time": "17:00", "to_time": "19:00",
        }  # fmt: skip
        assert words_of(rule_of(rule)) == (
            "2× points, on GIN or RUM, on Fridays, from 17:00 to 19:00; at most 100 points a month"
        )
        assert "2× points, on GIN or RUM" in client.get(reverse("loyalty:earn-rules")).content.decode()

    def test_the_editor_shows_a_rule_as_it_was_written(self, manager, client_of):
        client = client_of(manager)
        client.post(reverse("loyalty:earn-rule-new"), RULE)
        shown = client.get(reverse("loyalty:earn-rule", args=[EarnRule.objects.get(name="Happy hour").pk]))
        assert b"GIN, RUM" in shown.content
        assert b'value="17:00"' in shown.content

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"effect": "bracket", "brackets_text": "fifty"}, "is no bracket"),
            ({"effect": "fixed", "points": ""}, "Say how many points"),
            ({"effect": "multiplier", "multiplier": "1"}, "more than 1"),
            ({"trigger": "scan"}, "Only an order has a total"),
            ({"trigger": "event", "effect": "fixed", "points": "5"}, "Name the event"),
            ({"to_time": ""}, "both hours"),
        ],
    )
    def test_a_rule_that_cannot_be_meant_is_refused_in_words(self, manager, client_of, change, words):
        answer = client_of(manager).post(reverse("loyalty:earn-rule-new"), RULE | change)
        assert answer.status_code == 422
        assert words in answer.content.decode()
        assert not EarnRule.objects.filter(name="Happy hour").exists()

    def test_a_draft_is_tried_on_a_basket_before_it_is_saved(self, manager, client_of, ada):
        draft = RULE | {"effect": "fixed", "points": "70", "weekdays": [], "from_time": "", "to_time": "", "skus": ""}
        asked = draft | {"try_amount": "40", "try_member": "A1"}
        answer = client_of(manager).post(reverse("loyalty:earn-rule-try-new"), asked).content.decode()
        assert "<strong>70</strong>" in answer
        assert not EarnRule.objects.filter(name="Happy hour").exists()
        assert not PointsEntry.objects.exists()
        lost = client_of(manager).post(reverse("loyalty:earn-rule-try-new"), asked | {"try_member": "Z9"})
        assert "Nobody here is “Z9”" in lost.content.decode()

    def test_a_draft_for_some_hours_is_tried_in_them_by_the_clock_of_the_store(self, manager, client_of):
        Store.objects.create(code="W", name="West", time_zone="America/Los_Angeles")
        hours = {"from_time": "16:00", "to_time": "18:00", "weekdays": [], "skus": "", "stores": []}
        asked = RULE | hours | {"effect": "fixed", "points": "70", "minimum_total": "", "try_amount": "40"}
        client, path = client_of(manager), reverse("loyalty:earn-rule-try-new")
        within = client.post(path, asked | {"try_at": "2026-03-04T17:30"}).content.decode()
        assert "<strong>70</strong>" in within
        after = client.post(path, asked | {"try_at": "2026-03-04T18:30"}).content.decode()
        assert "<strong>40</strong>" in after
        assert "“Happy hour” gives nothing here" in after


class TestTiersAndTerms:
    def test_a_manager_makes_tiers_and_removes_one(self, manager, client_of):
        client = client_of(manager)
        assert client.post(reverse("loyalty:tier-new"), TIER).status_code == 302
        gold = Tier.objects.get()
        assert "Gold" in client.get(reverse("loyalty:tiers")).content.decode()
        assert client.post(reverse("loyalty:tier-new"), TIER | {"name": "Platinum"}).status_code == 422
        assert client.post(reverse("loyalty:tier-remove", args=[gold.pk])).status_code == 302
        assert not Tier.objects.exists()

    def test_terms_and_milestones_are_changed_together_or_not_at_all(self, manager, client_of):
        client, path = client_of(manager), reverse("loyalty:terms")
        form = {name: value for name, value in Programme.objects.values().get().items() if value is not None}
        good = form | {"expiry": "rolling", "expiry_days": "180", "milestones": "3 = 100\n10 = 500"}
        assert client.post(path, good | {"pending": "event", "pending_event": "", "milestones": ""}).status_code == 422
        assert client.post(path, good).status_code == 302
        assert Programme.objects.get().expiry_days == 180
        assert dict(ReferralMilestone.objects.values_list("friends", "points")) == {3: 100, 10: 500}
        bad = client.post(path, good | {"expires_on": "31-12", "milestones": ""})
        assert bad.status_code == 422
        assert "Write month and day" in bad.content.decode()
        assert ReferralMilestone.objects.count() == 2

    @pytest.mark.parametrize("name", ["terms", "tier-new", "earn-rule-new", "reward-new", "code-batch-new"])
    def test_a_number_that_no_column_takes_is_refused_in_words(self, manager, client_of, name):
        """Whatever the field: more digits than the database has room for."""
        client, path = client_of(manager), reverse(f"loyalty:{name}")
        form = client.get(path).context["form"]
        typed = {field: form[field].value() for field in form.fields if form[field].value() is not None}
        numbers = [field for field, kind in form.fields.items() if isinstance(kind, IntegerField)]
        huge = typed | dict.fromkeys(numbers, "99999999999") | {"name": "Huge", "milestones": "3 = 99999999999"}
        answer = client.post(path, huge | {"event_name": "x", "threshold": "99999999999999"})
        assert answer.status_code == 422

    def test_a_viewer_looks_and_changes_nothing(self, viewer, client_of):
        client = client_of(viewer)
        for name in ("earn-rules", "tiers", "terms", "ledger"):
            assert client.get(reverse(f"loyalty:{name}")).status_code == 200
        assert client.post(reverse("loyalty:terms"), {}).status_code == 403
        assert client.post(reverse("loyalty:tier-new"), TIER).status_code == 403
        assert client.post(reverse("loyalty:ledger-check")).status_code == 403


class TestBooks:
    def test_what_is_owed_is_told_by_age_and_expiry_and_the_csv_says_the_same(self, manager, client_of, ada, now):
        give(ada, 100, now)
        programme.change_terms(expiry="rolling", expiry_days=20)
        give(ada, 50, now)
        report = liability(now=now)
        assert (report.owed, report.value, report.holders) == (150, Decimal("1.50"), 1)
        assert sum(band.points for band in report.by_age) == sum(band.points for band in report.by_expiry) == 150
        assert {band.label: band.points for band in report.by_expiry if band.points} == {
            "within 30 days": 50, "never": 100,
        }  # fmt: skip
        answer = client_of(manager).get(reverse("loyalty:ledger"), {"format": "csv"})
        rows = list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode())))[1:]
        by_age = sum(int(row[3]) for row in rows if row[0] == "by age")
        assert by_age == 150
        assert [row[1] for row in rows if row[0] == "by month"] == [
            month.month for month in liability(now=timezone.now()).months
        ]

    def test_a_month_says_what_was_issued_and_what_expired(self, ada, now):
        from loyalty.actions import ledger

        programme.change_terms(expiry="rolling", expiry_days=1)
        give(ada, 100, now)
        ledger.expire(now=now + dt.timedelta(days=40))
        months = {month.month: month for month in liability(now=now + dt.timedelta(days=41)).months}
        assert (months["2026-03"].corrected, months["2026-05"].expired, months["2026-05"].net) == (100, 100, -100)

    def test_a_manager_checks_the_books_and_reads_what_does_not_agree(self, manager, client_of, ada, now):
        give(ada, 100, now)
        client = client_of(manager)
        client.post(reverse("loyalty:ledger-check"))
        assert "All agree" in client.get(reverse("loyalty:ledger")).content.decode()
        with connection.cursor() as cursor:
            cursor.execute("UPDATE loyalty_pointsaccount SET balance = 7")
        client.post(reverse("loyalty:ledger-check"))
        shown = client.get(reverse("loyalty:ledger")).content.decode()
        assert "The balance says 7, the entries 100" in shown
        assert str(ada.public_id) in shown


def test_removing_a_tier_from_the_page_places_its_members(manager, client_of, ada, now):
    gold = tiers.save_tier(tier=None, **(TIER | {"threshold": Decimal(0)}))
    tiers.count_tiers(None, now=now)
    client_of(manager).post(reverse("loyalty:tier-remove", args=[gold.pk]))
    assert TierStanding.objects.get(member=ada).tier is None


class TestBulk:
    @pytest.fixture
    def crowd(self, db, now) -> list[Member]:
        return [members.join(name=f"Ada {n}", now=now, source="test") for n in range(3)] + [
            members.join(name="Bob", now=now, source="test")
        ]

    def test_points_for_a_filtered_list_are_previewed_then_given_once(self, manager, client_of, crowd):
        client, path = client_of(manager), reverse("loyalty:bulk-points") + "?q=Ada"
        form = {"points": "50", "note": "Sorry for the queue", "reference": str(uuid.uuid4())}
        shown = client.post(path, form | {"do": "preview"}).content.decode()
        assert "<strong>150</strong> points in all" in shown
        assert not PointsEntry.objects.exists()
        other = client.post(path, form | {"do": "give", "points": "1000", "previewed": "50"}).content.decode()
        assert "<strong>3,000</strong> points in all" in other, "what nobody has looked at is shown first"
        assert not PointsEntry.objects.exists()
        form["previewed"] = "50"
        for _ in range(2):
            assert client.post(path, form | {"do": "give"})["Location"] == reverse("loyalty:members") + "?q=Ada"
        assert [account.balance for account in PointsAccount.objects.order_by("pk")] == [50, 50, 50, 0]
        assert set(PointsEntry.objects.values_list("by", flat=True)) == {manager.pk}

    @pytest.mark.parametrize(
        ("query", "change", "words"),
        [("Ada", {"note": ""}, "required"), ("Zoe", {}, "Nobody is chosen"), ("Ada", {"points": "0"}, "greater than")],
    )
    def test_what_cannot_be_given_is_refused_in_words(self, manager, client_of, crowd, query, change, words):
        asked = {"points": "50", "note": "Why", "reference": str(uuid.uuid4())} | change
        form = asked | {"do": "give", "previewed": asked["points"]}
        answer = client_of(manager).post(reverse("loyalty:bulk-points") + f"?q={query}", form)
        assert answer.status_code == 422
        assert words in answer.content.decode()
        assert not PointsEntry.objects.exists()
