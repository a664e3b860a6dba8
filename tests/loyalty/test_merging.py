"""Two members who are one person: nothing of either is lost, and a mistake can be taken back."""

import datetime as dt
import uuid
from decimal import Decimal

import pytest
from django.urls import reverse

from loyalty.actions import (
    ledger,
    members,
    merging,
    occasions,
    profiles,
    programme,
    purchases,
    redemptions,
    tiers,
    wishlist,
)
from loyalty.actions.merging import CannotMerge
from loyalty.models import (
    Consent,
    EarnRule,
    Member,
    MemberMerge,
    MemberStats,
    Order,
    PointsAccount,
    PointsLot,
    Product,
    Redemption,
    Reward,
    Store,
    TierStanding,
)
from loyalty.queries.members import consent_history
from loyalty.queries.points import differences


@pytest.fixture
def ada(db, now) -> Member:
    return members.join(name="Ada Lovelace", email="ada@example.com", now=now, source="test")


@pytest.fixture
def double(db, now) -> Member:
    return members.join(name="A. Lovelace", phone="+12125550123", birth_date=dt.date(1981, 12, 10), now=now,
                        source="import")  # fmt: skip


@pytest.fixture
def store(db) -> Store:
    return Store.objects.create(code="S1", name="Main Street")


def buys(member: Member, store: Store, amount: str, now: dt.datetime) -> Order:
    line = purchases.SoldLine(key="1", sku="GIN", quantity=Decimal(1), amount=Decimal(amount))
    return purchases.record_order(
        number=uuid.uuid4().hex, member=member, store=store, ordered_at=now, lines=[line], now=now
    )


def balance(member: Member) -> int:
    return PointsAccount.objects.get(member=member).balance


@pytest.fixture
def both(ada, double, store, now, follow_events) -> tuple[Member, Member]:
    buys(ada, store, "40.00", now)
    programme.change_terms(expiry="rolling", expiry_days=90)
    buys(double, store, "25.00", now)
    follow_events()
    return ada, double


def test_orders_points_and_contacts_of_both_are_one(both, admin, now):
    kept, merged = both
    merging.merge(kept=kept, merged=merged, from_merged={}, by=admin, now=now)
    kept.refresh_from_db()
    merged.refresh_from_db()
    assert (kept.name, kept.email, kept.phone, kept.birth_date) == (
        "Ada Lovelace", "ada@example.com", "+12125550123", dt.date(1981, 12, 10),
    )  # fmt: skip
    assert (merged.merged_into, merged.phone) == (kept, None)
    assert (balance(kept), balance(merged)) == (65, 0)
    assert list(
        PointsLot.objects.filter(member=kept, is_open=True).order_by("pk").values_list("remaining", flat=True)
    ) == [40, 25]
    assert PointsLot.objects.get(member=kept, remaining=25).expires_at is not None
    assert MemberStats.objects.get(member=kept).spent == Decimal(65)
    assert not list(differences())


def test_a_return_after_the_merge_takes_its_points_from_who_has_them_now(both, admin, now, follow_events):
    kept, merged = both
    order = Order.objects.get(member=merged)
    merging.merge(kept=kept, merged=merged, from_merged={}, by=admin, now=now)
    purchases.void(order=Order.objects.get(pk=order.pk), now=now)
    follow_events()
    assert balance(kept) == 40
    assert not list(differences())


def test_a_cap_counts_what_was_earned_under_the_account_that_is_gone(both, admin, store, now, follow_events):
    kept, merged = both
    EarnRule.objects.update(cap_points=70, cap_period="month")
    merging.merge(kept=kept, merged=merged, from_merged={}, by=admin, now=now)
    buys(kept, store, "30.00", now)
    follow_events()
    assert balance(kept) == 70, "40 and 25 of before, and 5 more"


def test_a_cap_that_both_together_are_over_takes_nothing_back_with_a_small_return(both, admin, now, follow_events):
    kept, merged = both
    EarnRule.objects.update(cap_points=45, cap_period="month")
    merging.merge(kept=kept, merged=merged, from_merged={}, by=admin, now=now)
    order = Order.objects.get(member=kept, total=40)
    back = purchases.ReturnedLine(sku="GIN", quantity=Decimal("0.025"), amount=Decimal(1))
    purchases.return_lines(order=order, lines=[back], key="r", now=now + dt.timedelta(minutes=1))
    follow_events()
    assert balance(kept) == 64, "40 and 25 stay, but for the point of what came back"
    assert not list(differences())


def test_a_cap_is_each_ones_own_again_once_the_merge_is_undone(both, admin, store, now, follow_events):
    kept, merged = both
    EarnRule.objects.update(cap_points=70, cap_period="month")
    row = merging.merge(kept=kept, merged=merged, from_merged={}, by=admin, now=now)
    merging.undo(row=row, now=now)
    buys(kept, store, "30.00", now)
    buys(merged, store, "60.00", now)
    follow_events()
    assert (balance(kept), balance(merged)) == (70, 70)


def test_what_one_of_them_owes_is_owed_by_both(both, admin, now):
    kept, merged = both
    owed = ledger.Debit(member_id=merged.pk, points=55, reason="CORRECTION", reference="x", occurred_at=now)
    ledger.debit([owed], now=now)
    merging.merge(kept=kept, merged=merged, from_merged={}, by=admin, now=now)
    assert (balance(kept), balance(merged)) == (10, 0)
    assert not list(differences())


def test_an_opt_out_of_either_stands(both, admin, now):
    kept, merged = both
    agreed = {"channel": "email", "is_granted": True, "wording": "Yes", "source": "till", "now": now}
    members.set_consent(member=kept, **agreed)
    members.set_consent(member=merged, **agreed | {"is_granted": False, "wording": "No"})
    members.set_consent(member=merged, **agreed | {"channel": "sms"})
    merging.merge(kept=kept, merged=merged, from_merged={}, by=admin, now=now + dt.timedelta(minutes=1))
    assert dict(Consent.objects.filter(member=kept).values_list("channel", "is_granted")) == {
        "email": False, "sms": True,
    }  # fmt: skip
    latest = consent_history(kept)[0].properties
    assert (latest["is_granted"], latest["wording"], latest["source"]) == (False, "No", "merge")


def test_a_merge_is_taken_back_and_what_was_spent_stays_spent(both, admin, now, follow_events):
    kept, merged = both
    product = Product.objects.get(sku="GIN")
    wishlist.add(member=merged, product=product, now=now)
    row = merging.merge(kept=kept, merged=merged, from_merged={"name": True}, by=admin, now=now)
    spent = ledger.Debit(member_id=kept.pk, points=50, reason="CORRECTION", reference="x", occurred_at=now)
    ledger.debit([spent], now=now)
    merging.undo(row=row, now=now)
    kept.refresh_from_db()
    merged.refresh_from_db()
    assert (kept.name, kept.phone, merged.name, merged.phone) == ("Ada Lovelace", None, "A. Lovelace", "+12125550123")
    assert merged.merged_into is None
    assert (balance(kept), balance(merged)) == (0, 15)
    assert (Order.objects.filter(member=kept).count(), Order.objects.filter(member=merged).count()) == (1, 1)
    assert merged.wishlist.count() == 1
    assert not list(differences())
    with pytest.raises(CannotMerge, match="undone already"):
        merging.undo(row=row, now=now)


def test_nobody_is_merged_with_themselves_or_twice(both, admin, now):
    kept, merged = both
    with pytest.raises(CannotMerge, match="same member"):
        merging.merge(kept=kept, merged=kept, from_merged={}, by=admin, now=now)
    merging.merge(kept=kept, merged=merged, from_merged={}, by=admin, now=now)
    with pytest.raises(CannotMerge, match="gone already"):
        merging.merge(kept=kept, merged=merged, from_merged={}, by=admin, now=now)


def test_the_usual_double_of_the_same_name_is_found_by_it(ada, manager, client_of, now):
    def asked(name: str) -> str:
        return client_of(manager).get(path, {"with": name}).content.decode()

    path = reverse("loyalty:member-merge", args=[ada.public_id])
    assert "This is the same member" in asked("Ada Lovelace")
    members.join(name="Ada Lovelace", phone="+12125550123", now=now, source="till")
    assert "+12125550123" in asked("Ada Lovelace")
    members.join(name="Ada Lovelace", phone="+12125550124", now=now, source="till")
    assert "is the name of several" in asked("Ada Lovelace")


def test_staff_see_field_by_field_what_a_merge_does_before_they_do_it(both, manager, client_of, now):
    kept, merged = both
    client, path = client_of(manager), reverse("loyalty:member-merge", args=[kept.public_id])
    assert "Nobody here is" in client.get(path, {"with": "nobody@example.com"}).content.decode()
    shown = client.get(path, {"with": "+12125550123"}).content.decode()
    assert "A. Lovelace" in shown
    assert not MemberMerge.objects.exists()
    answer = client.post(path, {"with": str(merged.public_id), "name": "merged"})
    assert answer.status_code == 302
    kept.refresh_from_db()
    assert kept.name == "A. Lovelace"
    assert "Merged with" in client.get(reverse("loyalty:member", args=[kept.public_id])).content.decode()
    undo = reverse("loyalty:member-unmerge", args=[kept.public_id, MemberMerge.objects.get().pk])
    assert client.post(undo).status_code == 302
    kept.refresh_from_db()
    assert kept.name == "Ada Lovelace"


def test_who_was_merged_away_is_no_longer_listed_and_leads_to_who_was_kept(both, manager, client_of, now):
    kept, merged = both
    merging.merge(kept=kept, merged=merged, from_merged={}, by=manager, now=now)
    client = client_of(manager)
    assert "A. Lovelace" not in client.get(reverse("loyalty:members")).content.decode()
    answer = client.get(reverse("loyalty:member", args=[merged.public_id]))
    assert answer["Location"] == reverse("loyalty:member", args=[kept.public_id])


class TestWhatMovesAlong:
    def test_a_reward_held_is_given_back_before_the_merge(self, both, admin, now):
        kept, merged = both
        reward = Reward.objects.create(name="Corkscrew", cost=20, created_at=now, changed_at=now)
        held = redemptions.hold(member=merged, reward=reward, now=now)
        merging.merge(kept=kept, merged=merged, from_merged={}, by=admin, now=now)
        held.refresh_from_db()
        assert (held.status, balance(kept)) == (Redemption.Status.RELEASED, 65)
        assert not list(differences())

    def test_a_reward_held_for_points_of_the_other_one_is_given_back_before_they_part(self, both, admin, now):
        kept, merged = both
        row = merging.merge(kept=kept, merged=merged, from_merged={}, by=admin, now=now)
        reward = Reward.objects.create(name="Corkscrew", cost=60, created_at=now, changed_at=now)
        redemptions.hold(member=Member.objects.get(pk=kept.pk), reward=reward, now=now)
        merging.undo(row=row, now=now)
        assert (balance(kept), balance(merged)) == (40, 25)
        assert not list(differences())

    def test_a_reward_held_before_the_merge_is_still_there_when_they_part(self, both, admin, now):
        kept, merged = both
        Member.objects.filter(pk=kept.pk).update(birth_date=dt.date(1981, 12, 10))
        reward = Reward.objects.create(name="Corkscrew", cost=20, created_at=now, changed_at=now)
        held = redemptions.hold(member=Member.objects.get(pk=kept.pk), reward=reward, now=now)
        row = merging.merge(kept=kept, merged=merged, from_merged={}, by=admin, now=now + dt.timedelta(minutes=1))
        merging.undo(row=row, now=now + dt.timedelta(minutes=2))
        held.refresh_from_db()
        assert (held.status, balance(kept), balance(merged)) == (Redemption.Status.HELD, 20, 25)
        assert not list(differences())

    def test_points_that_wait_for_the_delivery_still_wait_for_it(self, ada, double, store, admin, now, follow_events):
        programme.change_terms(pending="delivery")
        order = buys(double, store, "25.00", now)
        follow_events()
        merging.merge(kept=ada, merged=double, from_merged={}, by=admin, now=now)
        purchases.deliver(order=Order.objects.get(pk=order.pk), now=now)
        assert balance(ada) == 25
        assert not list(differences())

    def test_undone_each_has_their_own_again_what_waits_and_what_is_owed_too(
        self, ada, double, store, admin, now, follow_events
    ):
        buys(ada, store, "50.00", now)
        follow_events()
        programme.change_terms(pending="delivery")
        buys(double, store, "50.00", now)
        follow_events()
        owed = ledger.Debit(member_id=double.pk, points=55, reason="CORRECTION", reference="x", occurred_at=now)
        ledger.debit([owed], now=now)
        row = merging.merge(kept=ada, merged=double, from_merged={}, by=admin, now=now)
        merging.undo(row=row, now=now)
        accounts = [PointsAccount.objects.get(member=member) for member in (ada, double)]
        assert [(each.balance, each.pending) for each in accounts] == [(50, 0), (-55, 50)]
        assert not list(differences())

    def test_a_merge_into_somebody_who_was_merged_on_is_not_undone_by_itself(self, both, admin, now):
        kept, merged = both
        third = members.join(name="Ada L.", now=now, source="test")
        row = merging.merge(kept=kept, merged=merged, from_merged={}, by=admin, now=now)
        merging.merge(kept=third, merged=kept, from_merged={}, by=admin, now=now)
        assert set(Member.objects.filter(merged_into=third)) == {kept, merged}
        with pytest.raises(CannotMerge, match="undo that first"):
            merging.undo(row=row, now=now)

    def test_everything_of_a_chain_is_forgotten_when_they_leave(self, both, admin, now):
        kept, merged = both
        third = members.join(name="Ada L.", now=now, source="test")
        merging.merge(kept=kept, merged=merged, from_merged={}, by=admin, now=now)
        merging.merge(kept=third, merged=kept, from_merged={}, by=admin, now=now)
        profiles.forget(third, now=now)
        assert not Member.objects.exclude(name="", birth_date=None, email=None, phone=None).exists()

    def test_who_became_part_of_another_has_no_birthday_and_no_tier_of_their_own(self, both, admin, now):
        kept, merged = both
        programme.change_terms(tier_basis="points")
        tiers.save_tier(tier=None, name="Gold", threshold=Decimal(60), colour="#a16207", perks="")
        EarnRule.objects.create(name="Birthday", trigger="birthday", effect="fixed", points=100)
        Member.objects.filter(pk=merged.pk).update(birth_date=dt.date(1981, now.month, now.day))
        merging.merge(kept=kept, merged=merged, from_merged={}, by=admin, now=now)
        assert [(each.member_id, each.tier.name) for each in TierStanding.objects.all()] == [(kept.pk, "Gold")]
        assert occasions.congratulate(now=now) == 1
        assert balance(merged) == 0
