"""Tiers: reached at once, lost after a grace, and told in words a member understands."""

import datetime as dt
from decimal import Decimal

import pytest

from loyalty.actions import members, programme, purchases, tiers
from loyalty.actions.tiers import BadTier
from loyalty.models import Member, Reward, Store, Tier, TierStanding
from loyalty.queries import wording
from loyalty.queries.tiers import standing_of
from loyalty.rules.tiers import Progress
from tracking.models import Event

GOLD, SILVER = Decimal(500), Decimal(100)


@pytest.fixture
def ladder(db: None) -> dict[str, Tier]:
    programme.change_terms(tier_basis="spend", tier_window_days=365, tier_grace_days=30)
    return {
        name: tiers.save_tier(tier=None, name=name, threshold=threshold, colour="#a16207", perks="")
        for name, threshold in (("Silver", SILVER), ("Gold", GOLD))
    }


@pytest.fixture
def ada(db: None, now: dt.datetime) -> Member:
    return members.join(name="Ada", now=now, source="test")


@pytest.fixture
def spend(ada, follow_events, db):
    store = Store.objects.create(code="S1", name="Main Street")

    def spent(amount: str, at: dt.datetime) -> None:
        line = purchases.SoldLine(key="1", sku="W", quantity=Decimal(1), amount=Decimal(amount))
        purchases.record_order(number=f"{at.isoformat()}", member=ada, store=store, ordered_at=at, lines=[line], now=at)

    return spent


def tier_of(member: Member) -> str:
    standing = TierStanding.objects.select_related("tier").filter(member=member).first()
    return standing.tier.name if standing and standing.tier else ""


def test_a_tier_is_reached_at_once_and_told(ladder, ada, spend, now):
    spend("120.00", now)
    assert tiers.count_tiers([ada.pk], now=now) == 1
    assert tier_of(ada) == "Silver"
    told = Event.objects.get(name="tier.changed")
    assert told.properties == {"tier": "Silver", "was": "", "is_up": True}
    assert tiers.count_tiers([ada.pk], now=now) == 0


def test_a_tier_is_lost_after_the_grace_and_not_before(ladder, ada, spend, now):
    spend("600.00", now)
    tiers.count_tiers(None, now=now)
    later = now + dt.timedelta(days=366)
    tiers.count_tiers(None, now=later)
    assert tier_of(ada) == "Gold"
    standing = standing_of(ada, now=later)
    assert standing.keeps_until == later + dt.timedelta(days=30)
    assert standing.words.endswith(f"to stay Gold, until {standing.keeps_until:%B} {standing.keeps_until.day}")
    tiers.count_tiers(None, now=later + dt.timedelta(days=29))
    assert tier_of(ada) == "Gold"
    tiers.count_tiers(None, now=later + dt.timedelta(days=30))
    assert tier_of(ada) == ""


def test_who_buys_again_in_the_grace_keeps_the_tier(ladder, ada, spend, now):
    spend("600.00", now)
    tiers.count_tiers(None, now=now)
    later = now + dt.timedelta(days=366)
    tiers.count_tiers(None, now=later)
    spend("500.00", later)
    tiers.count_tiers(None, now=later + dt.timedelta(days=1))
    assert standing_of(ada, now=later + dt.timedelta(days=1)).keeps_until is None
    assert tier_of(ada) == "Gold"


def test_without_grace_a_tier_is_lost_at_once(ladder, ada, spend, now):
    programme.change_terms(tier_grace_days=0)
    spend("600.00", now)
    tiers.count_tiers(None, now=now)
    tiers.count_tiers(None, now=now + dt.timedelta(days=366))
    assert tier_of(ada) == ""


@pytest.mark.parametrize(("basis", "reached"), [("spend", 120), ("visits", 2), ("points", 120)])
def test_a_tier_rests_on_money_visits_or_points(ladder, ada, spend, now, follow_events, basis, reached):
    programme.change_terms(tier_basis=basis)
    spend("60.00", now)
    spend("60.00", now - dt.timedelta(days=3))
    follow_events()
    assert standing_of(ada, now=now).reached == reached


def test_an_order_moves_its_member_within_the_same_step_of_the_log(ladder, ada, spend, now, follow_events):
    spend("120.00", now)
    follow_events()
    assert tier_of(ada) == "Silver"


def test_a_member_reads_how_far_the_next_tier_is_and_what_keeps_this_one(ladder, ada, spend, now):
    spend("90.00", now - dt.timedelta(days=345))
    tiers.count_tiers(None, now=now)
    assert standing_of(ada, now=now).words == "$10.00 to Silver"
    spend("30.00", now)
    tiers.count_tiers(None, now=now)
    assert standing_of(ada, now=now).words == "$70.00 to stay Silver"


@pytest.mark.parametrize(
    ("progress", "basis", "words"),
    [
        (Progress(Decimal(60), next_tier="Gold", next_threshold=Decimal(100)), "points", "40 points to Gold"),
        (Progress(Decimal(9), next_tier="Gold", next_threshold=Decimal(10)), "visits", "1 visit to Gold"),
        (
            Progress(Decimal(100), "Gold", Decimal(100), staying=Decimal(60)),
            "points",
            "40 points to stay Gold",
        ),
        (Progress(Decimal(100), "Gold", Decimal(100), staying=Decimal(100)), "points", "You have reached Gold"),
        (Progress(Decimal(0)), "points", ""),
    ],
)
def test_progress_is_said_in_words(progress, basis, words):
    assert wording.progress(progress, basis, "USD") == words


def test_who_has_only_joined_stands_where_everybody_begins(db, now, follow_events):
    tiers.save_tier(tier=None, name="Cellar", threshold=Decimal(0), colour="#a16207", perks="")
    tiers.save_tier(tier=None, name="Gold", threshold=GOLD, colour="#a16207", perks="")
    new = members.join(name="New", now=now, source="test")
    standing = standing_of(new, now=now)
    assert (standing.tier.name, standing.next.name, standing.progress.missing) == ("Cellar", "Gold", GOLD)
    follow_events()
    assert tier_of(new) == "Cellar", "so staff find them by it, and rewards for it are theirs"


def test_two_tiers_never_begin_at_the_same_place(ladder):
    with pytest.raises(BadTier, match="Gold begins there already"):
        tiers.save_tier(tier=ladder["Silver"], name="Silver", threshold=GOLD, colour="#000000", perks="")


def test_a_tier_that_goes_leaves_its_members_the_one_below(ladder, ada, spend, now):
    spend("600.00", now)
    tiers.count_tiers(None, now=now)
    tiers.remove_tier(tier=ladder["Gold"], now=now)
    assert tier_of(ada) == "Silver"


def test_a_tier_that_rewards_are_kept_for_stays(ladder, now):
    Reward.objects.create(name="Tasting", cost=10, tier=ladder["Gold"], created_at=now, changed_at=now)
    with pytest.raises(BadTier, match="Rewards are kept for Gold"):
        tiers.remove_tier(tier=ladder["Gold"], now=now)
