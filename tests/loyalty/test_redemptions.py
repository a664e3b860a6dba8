"""Rewards at the counter: held with their points, then redeemed, given back, or run out."""

import datetime as dt
from decimal import Decimal

import pytest

from loyalty.actions import redemptions, reward_policies, rewards, segments
from loyalty.actions.ledger import NotEnoughPoints
from loyalty.actions.redemptions import CannotHold, ForbiddenHere, WrongProof, WrongState
from loyalty.models import Business, Redemption, Reward, RewardPolicy, Tier, TierStanding
from loyalty.queries import wording
from loyalty.queries.rewards import offered_to
from loyalty.rules.rewards import Refusal
from tests.loyalty.counter import Counted, assert_the_ledger_is_right, balance, pin, qr, wrong_pin
from tracking.models import Event

HALF_AN_HOUR, A_MINUTE = dt.timedelta(minutes=30), dt.timedelta(minutes=1)
Status = Redemption.Status


def told(name: str) -> int:
    return Event.objects.filter(name=name).count()


def refused(member, reward, now) -> str:
    with pytest.raises(CannotHold) as refusal:
        redemptions.hold(member=member, reward=reward, now=now)
    return refusal.value.code


def test_a_hold_locks_the_points_and_one_of_the_stock(counter: Counted, now):
    ada, corkscrew = counter.member(points=250), counter.reward(stock=2)
    held = redemptions.hold(member=ada, reward=corkscrew, now=now)
    corkscrew.refresh_from_db()
    assert (balance(ada), corkscrew.stock, held.status) == (150, 1, Status.HELD)
    assert (held.points, held.expires_at) == (100, now + HALF_AN_HOUR)
    assert len(held.code) == 6
    assert told("reward.held") == 1
    assert_the_ledger_is_right()


@pytest.mark.parametrize("proof", [pin, qr])
def test_the_counter_hands_over_what_the_phone_proves(counter: Counted, marketer, now, proof):
    ada, store = counter.member(points=100), counter.store()
    held = redemptions.hold(member=ada, reward=counter.reward(), now=now)
    done = redemptions.redeem(redemption=held, proof=proof(held), by=marketer, store=store, now=now + A_MINUTE)
    assert (done.status, done.store, done.by, done.proof) == (Status.REDEEMED, store, marketer, proof.__name__)
    assert (balance(ada), told("reward.redeemed")) == (0, 1)
    with pytest.raises(WrongState, match="handed over before"):
        redemptions.redeem(redemption=held, proof=proof(held), by=marketer, store=store, now=now + A_MINUTE)


def test_the_code_of_another_redemption_proves_nothing(counter: Counted, now):
    ada, corkscrew = counter.member(points=200), counter.reward()
    one, other = (redemptions.hold(member=ada, reward=corkscrew, now=now) for _ in range(2))
    for proof in (qr(other), qr(one)[:-1], "", "RGR1.x.y", "RGR1..", "…"):
        with pytest.raises(WrongProof):
            redemptions.redeem(redemption=one, proof=proof, by=None, store=None, now=now)
    one.refresh_from_db()
    assert (one.status, one.wrong_pins) == (Status.HELD, 0)


def test_the_fifth_wrong_pin_gives_the_points_back(counter: Counted, now):
    ada, corkscrew = counter.member(points=100), counter.reward(stock=1)
    held = redemptions.hold(member=ada, reward=corkscrew, now=now)
    for left in (4, 3, 2, 1, 0):
        with pytest.raises(WrongProof, match=str(left) if left else "given back"):
            redemptions.redeem(redemption=held, proof=wrong_pin(held), by=None, store=None, now=now)
    with pytest.raises(WrongState):
        redemptions.redeem(redemption=held, proof=pin(held), by=None, store=None, now=now)
    corkscrew.refresh_from_db()
    assert (balance(ada), corkscrew.stock) == (100, 1)
    assert_the_ledger_is_right()


def test_giving_back_returns_the_points_and_the_stock_once(counter: Counted, now):
    ada, corkscrew = counter.member(points=100), counter.reward(stock=1)
    held = redemptions.hold(member=ada, reward=corkscrew, now=now)
    redemptions.release(redemption=held, now=now + A_MINUTE, note="Changed their mind")
    with pytest.raises(WrongState):
        redemptions.release(redemption=held, now=now + A_MINUTE, note="Again")
    corkscrew.refresh_from_db()
    assert (balance(ada), corkscrew.stock, told("reward.released")) == (100, 1, 1)
    assert ada.points_entries.get(reason="HOLD_BACK").note == "Changed their mind"
    assert_the_ledger_is_right()


def test_a_hold_runs_out_by_itself_and_not_a_minute_before(counter: Counted, now):
    ada, corkscrew = counter.member(points=100), counter.reward(stock=1)
    held = redemptions.hold(member=ada, reward=corkscrew, now=now)
    assert redemptions.expire_holds(now=now + HALF_AN_HOUR - A_MINUTE) == 0
    with pytest.raises(WrongState, match="time to collect"):
        redemptions.redeem(redemption=held, proof=pin(held), by=None, store=None, now=now + HALF_AN_HOUR)
    assert redemptions.expire_holds(now=now + HALF_AN_HOUR) == 1
    assert redemptions.expire_holds(now=now + HALF_AN_HOUR) == 0
    held.refresh_from_db()
    corkscrew.refresh_from_db()
    assert (held.status, balance(ada), corkscrew.stock) == (Status.EXPIRED, 100, 1)
    assert_the_ledger_is_right()


def test_who_has_too_few_points_holds_nothing(counter: Counted, now):
    ada, corkscrew = counter.member(points=99), counter.reward(stock=1)
    with pytest.raises(NotEnoughPoints):
        redemptions.hold(member=ada, reward=corkscrew, now=now)
    corkscrew.refresh_from_db()
    assert (Redemption.objects.count(), balance(ada), corkscrew.stock, told("reward.held")) == (0, 99, 1, 0)


def test_what_is_sold_out_or_taken_already_is_refused(counter: Counted, now):
    ada, bob = counter.member(points=300), counter.member("Bob", points=300)
    last, once = counter.reward("Last one", stock=1), counter.reward("Once", per_member=1)
    redemptions.hold(member=ada, reward=last, now=now)
    assert refused(bob, last, now) == "sold_out"
    first = redemptions.hold(member=ada, reward=once, now=now)
    assert refused(ada, once, now) == "taken_already"
    redemptions.release(redemption=first, now=now, note="")
    assert redemptions.hold(member=ada, reward=once, now=now).status == Status.HELD


def test_a_stock_that_was_set_after_the_reward_was_read_is_not_exceeded(counter: Counted, now):
    ada, bob = counter.member(points=100), counter.member("Bob", points=100)
    read_without_a_limit = counter.reward(stock=None)
    rewards.set_stock(reward=read_without_a_limit, stock=1, now=now)
    assert redemptions.hold(member=ada, reward=read_without_a_limit, now=now).status == Status.HELD
    assert refused(bob, read_without_a_limit, now) == "sold_out"
    assert (balance(bob), Reward.objects.get().stock) == (100, 0)


def test_a_reward_without_a_limit_never_gets_one_by_being_held(counter: Counted, now):
    ada, corkscrew = counter.member(points=200), counter.reward(stock=None)
    held = [redemptions.hold(member=ada, reward=corkscrew, now=now) for _ in range(2)]
    redemptions.release(redemption=held[0], now=now, note="")
    assert Reward.objects.get().stock is None


def test_a_reason_without_words_of_its_own_is_not_told_in_those_of_another():
    with pytest.raises(ValueError, match="no words for “closed_today”"):
        wording.why_not(Refusal("closed_today"))


def test_a_reward_is_offered_within_its_window_only(counter: Counted, now):
    ada, day = counter.member(points=500), dt.timedelta(days=1)
    over = counter.reward("Over", starts_at=now - 2 * day, ends_at=now - day)
    soon = counter.reward("Soon", starts_at=now + day)
    aside = counter.reward("Put aside", is_active=False)
    counter.reward("Open", starts_at=now, ends_at=now + day)
    assert [refused(ada, reward, now) for reward in (over, soon, aside)] == ["not_offered"] * 3
    assert [each.reward.name for each in offered_to(ada, now=now)] == ["Open"]


def test_a_tier_reaches_its_own_rewards_and_those_below(counter: Counted, now):
    silver, gold = (
        Tier.objects.create(name=name, threshold=threshold) for name, threshold in (("Silver", 10), ("Gold", 20))
    )
    ada, bob = counter.member(points=500), counter.member("Bob", points=500)
    TierStanding.objects.create(member=ada, tier=gold, reached=25, since=now, counted_at=now)
    for_silver = counter.reward("Tasting", tier=silver)
    assert redemptions.hold(member=ada, reward=for_silver, now=now).status == Status.HELD
    assert refused(bob, for_silver, now) == "tier_too_low"
    assert [each.why_not for each in offered_to(bob, now=now)] == ["This reward is for Silver members and above."]


def test_a_segment_sees_what_is_meant_for_it_and_nobody_else_does(counter: Counted, marketer, now):
    rule = {"field": "member.has_phone", "is": "exactly", "value": True}
    phones = segments.create_segment(name="Phones", description="", rule=rule, by=marketer, now=now)
    ada, bob = counter.member(points=500, phone="+12125550123"), counter.member("Bob", points=500)
    meant = counter.reward("For phones", segment=phones)
    assert redemptions.hold(member=ada, reward=meant, now=now).status == Status.HELD
    assert refused(bob, meant, now) == "not_for_you"
    assert (len(offered_to(ada, now=now)), offered_to(bob, now=now)) == (1, [])


def test_nobody_too_young_or_of_unknown_age_holds_a_reward(counter: Counted, now):
    reward = counter.reward()
    young = counter.member("Young", points=500, born=dt.date(2005, 3, 30))
    unknown = counter.member("Unknown", points=500, born=None)
    of_age_today = counter.member("Birthday", points=500, born=dt.date(2005, 3, 29))
    assert (refused(young, reward, now), refused(unknown, reward, now)) == ("too_young", "age_unknown")
    assert redemptions.hold(member=of_age_today, reward=reward, now=now).status == Status.HELD


def forbid(state: str, kind: str) -> RewardPolicy:
    return reward_policies.save_reward_policy(
        policy=None,
        state=state,
        vertical=Business.Vertical.LIQUOR,
        kind=kind,
        is_denied=True,
        reason=f"Not in {state}.",
        source="A law",
        as_of=dt.date(2026, 1, 1),
        is_in_force=True,
    )


def test_what_the_home_state_forbids_is_neither_offered_nor_held(counter: Counted, now):
    ohio, york = counter.store("OH"), counter.store("NY", "S2")
    ada, bob = counter.member(points=500, home_store=ohio), counter.member("Bob", points=500, home_store=york)
    coupon = counter.reward("Coupon", kind=Reward.Kind.DISCOUNT)
    policy = forbid("OH", Reward.Kind.DISCOUNT)
    assert refused(ada, coupon, now) == "forbidden"
    assert (offered_to(ada, now=now), len(offered_to(bob, now=now))) == ([], 1)
    reward_policies.put_in_force(policy=policy, is_in_force=False)
    assert len(offered_to(ada, now=now)) == 1


def test_the_law_of_the_store_decides_when_it_is_redeemed(counter: Counted, now):
    ohio, york = counter.store("OH"), counter.store("NY", "S2")
    forbid("OH", Reward.Kind.DISCOUNT)
    ada = counter.member(points=500, home_store=york)
    held = redemptions.hold(member=ada, reward=counter.reward(kind=Reward.Kind.DISCOUNT), now=now)
    with pytest.raises(ForbiddenHere, match="Not in OH"):
        redemptions.redeem(redemption=held, proof=pin(held), by=None, store=ohio, now=now)
    assert redemptions.redeem(redemption=held, proof=pin(held), by=None, store=york, now=now).store == york


def test_without_a_home_store_a_reward_is_offered_while_some_store_may_hand_it_over(counter: Counted, now):
    counter.store("OH"), counter.store("NY", "S2")
    ada = counter.member(points=500)
    counter.reward(kind=Reward.Kind.DISCOUNT)
    forbid("OH", Reward.Kind.DISCOUNT)
    assert len(offered_to(ada, now=now)) == 1
    forbid("NY", Reward.Kind.DISCOUNT)
    assert offered_to(ada, now=now) == []


def test_shipped_policies_name_their_source_and_are_not_in_force(db):
    reward_policies.ship_reward_policies()
    reward_policies.ship_reward_policies()
    shipped = RewardPolicy.objects.all()
    assert {(row.state, row.kind) for row in shipped} == {
        ("CA", "item"),
        ("MA", "discount"),
        ("TX", "discount"),
        ("TX", "item"),
    }
    assert not any(row.is_in_force for row in shipped)
    assert all(row.source and row.reason for row in shipped)


def test_a_list_of_rewards_costs_the_same_for_one_and_for_fifteen(
    counter: Counted, marketer, now, django_assert_max_num_queries
):
    ada = counter.member(points=500)
    rules = [{"all": []}, {"field": "member.has_phone", "is": "exactly", "value": True}]
    named = [
        segments.create_segment(name=f"Segment {n}", description="", rule=rule, by=marketer, now=now)
        for n, rule in enumerate(rules)
    ]
    for number in range(15):
        counter.reward(f"Reward {number}", per_member=1, segment=named[number % 2], value=Decimal(number))
    ada.refresh_from_db()
    with django_assert_max_num_queries(9):
        assert len(offered_to(ada, now=now)) == 8
