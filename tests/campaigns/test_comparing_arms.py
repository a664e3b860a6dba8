"""What the rules of comparison say, against published examples and against chance itself."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from campaigns.rules import sample_sizes, sayings, statistics
from campaigns.rules.arms import Table, Tally, report
from campaigns.rules.effects import UNCLEAR, Outcome, effect_of
from campaigns.rules.sample_sizes import FEWEST_FOR_SHARES, Planned, is_enough, members_for
from campaigns.rules.statistics import Share, Sums, difference_of_shares


def sums(values: list[float]) -> Sums:
    return Sums(len(values), sum(values), sum(value**2 for value in values))


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_of_a_share_is_wilsons(hits: int, n: int, low: float, high: float):
    """R. G. Newcombe, Statistics in Medicine 17 (1998) 857, table I, method 3."""
    assert statistics.wilson(Share(n, hits)) == pytest.approx((low, high), abs=0.00005)


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
    ],
)
def test_the_interval_between_two_shares_is_newcombes(first, second, low, high):
    """R. G. Newcombe, Statistics in Medicine 17 (1998) 873, table II, method 10."""
    found = statistics.difference_of_shares(Share(first[1], first[0]), Share(second[1], second[0]))
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.00005)
    assert low < found.value < high or (found.value, high) == (1.0, 1.0)


def test_p_between_two_shares_is_that_of_the_chi_square_without_correction():
    """15 of 25 against 5 of 25: chi-square 8.3333 with one degree of freedom."""
    assert statistics.difference_of_shares(Share(25, 15), Share(25, 5)).p == pytest.approx(0.0038925, abs=1e-6)


def test_two_means_are_compared_as_by_welch():
    """Student's sleep data, as `t.test(extra ~ group, data = sleep)` of R prints it."""
    first = sums([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0])
    second = sums([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4])
    found = statistics.difference_of_means(first, second)
    assert found.value == pytest.approx(-1.58)
    assert (found.low, found.high) == pytest.approx((-3.3654832, 0.2054832), abs=1e-6)
    assert found.p == pytest.approx(0.07939414, abs=1e-7)
    assert not found.is_clear


def test_without_members_or_without_spread_nothing_is_made_up():
    one, nothing = Sums(1, 4.0, 16.0), Sums(50, 0.0, 0.0)
    assert statistics.difference_of_means(one, nothing).p == 1
    assert not statistics.difference_of_means(one, nothing).is_clear
    assert statistics.difference_of_means(nothing, nothing).p == 1
    assert statistics.difference_of_shares(Share(0, 0), Share(0, 0)).p == 1
    assert not statistics.difference_of_shares(Share(0, 0), Share(9, 9)).is_clear
    assert not statistics.always_valid(0.0, 0.0, elapsed=0.5).is_clear


def test_several_questions_at_once_are_adjusted_by_holm():
    """The same as `p.adjust(c(.01, .04, .03, .005), "holm")` of R."""
    assert statistics.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert statistics.holm([]) == []


def test_a_split_that_chance_would_not_make_is_told():
    """The first as in scipy's own documentation of `chisquare`: 2.0, p 0.84914503608460956."""
    assert statistics.chance_of_split([16, 18, 16, 14, 12, 12], [1] * 6) == pytest.approx(0.849145036)
    assert statistics.chance_of_split([10_300, 9_700], [1, 1]) < 0.001
    assert statistics.chance_of_split([9_020, 980], [90, 10]) > 0.4


def test_campaigns_are_pooled_by_what_each_knows_and_little_data_is_drawn_to_zero():
    value, squared = statistics.pooled([(0.2, 0.01), (0.5, 0.04)])
    assert (value, squared) == pytest.approx((0.26, 0.008))
    assert statistics.pooled([])[1] == float("inf")
    assert statistics.shrunk(0.26, 0.008, prior=0.1) == pytest.approx(0.26 * 0.01 / 0.018)
    assert statistics.shrunk(0.26, 800.0, prior=0.1) == pytest.approx(0, abs=1e-5)


def test_a_sample_is_planned_as_the_textbooks_do():
    """R prints n = 76.7 for `power.prop.test(p1 = .50, p2 = .75, power = .90)`; 63 and 252 by the normal formula of
    Lehr's rule of thumb, 16 s² / d², to the digit."""
    assert sample_sizes.for_shares(0.50, 0.75, power=0.9) == 77
    assert sample_sizes.for_means(1.0, 0.5) == 63
    assert sample_sizes.for_means(1.0, 0.25) == 252
    assert sample_sizes.for_means(1.0, 0.25, ratio=9) == 140
    with pytest.raises(ValueError, match="equal"):
        sample_sizes.for_shares(0.5, 0.5)


def test_a_planned_sample_finds_four_in_five_differences():
    random = np.random.default_rng(20_261_122)
    n, found = sample_sizes.for_shares(0.10, 0.14), 0
    for first, second in zip(random.binomial(n, 0.10, 800), random.binomial(n, 0.14, 800), strict=True):
        found += statistics.difference_of_shares(Share(n, int(second)), Share(n, int(first))).is_clear
    assert 0.77 < found / 800 < 0.83


def test_the_least_share_a_test_sees_is_the_least_it_is_large_enough_for():
    for members in (27, 500, 2_000):
        least = sample_sizes.seen_above(0.05, members)
        assert least
        assert sample_sizes.for_shares(0.05, least) <= members < sample_sizes.for_shares(0.05, least - 0.01)
    assert sample_sizes.seen_above(0.05, 1) is None


def test_what_a_holdout_will_show_is_said_before_the_approval():
    few = Planned(held_out=20, treated=280, days=14, bought=Share(300, 93))
    assert few.seen_from
    assert sample_sizes.for_shares(few.seen_from, 0.31, ratio=14) <= 20
    assert sample_sizes.for_shares(few.seen_from - 0.01, 0.31, ratio=14) > 20
    assert sayings.planned_holdout(few) == (
        "20 of 300 are held out. Of 100 such members 31 buy within 14 days anyway: what the campaign adds stands out"
        f" from chance only if {round(100 * few.seen_from)} of 100 buy. No share of them would show a fifth more:"
        " several campaigns together may."
    )
    many = Planned(held_out=100, treated=9_900, days=14, bought=Share(10_000, 3_100))
    percent = many.percent_for_a_fifth
    assert percent
    assert sample_sizes.for_shares(0.372, 0.31, ratio=(100 - percent) / percent) <= 100 * percent
    assert sayings.planned_holdout(many).endswith(f"To see a fifth more, hold out {percent}%.")
    enough = replace(many, held_out=100 * percent, treated=10_000 - 100 * percent)
    assert "hold out" not in sayings.planned_holdout(enough)


def test_where_few_buy_anyway_shares_are_told_in_thousandths():
    rare = Planned(held_out=2_000, treated=18_000, days=14, bought=Share(20_000, 60))
    assert rare.seen_from
    assert rare.seen_from < 0.02
    told = sayings.planned_holdout(rare)
    assert "Of 1,000 such members 3 buy within 14 days" in told
    assert f"only if {round(1_000 * rare.seen_from)} of 1,000 buy" in told


def test_where_nothing_can_be_shown_it_is_said_why():
    none = Planned(held_out=0, treated=300, days=14, bought=Share(300, 93))
    assert sayings.planned_holdout(none) == "Nobody is held out, so nobody will be able to say what it brought."
    one = Planned(held_out=1, treated=4, days=14, bought=Share(5, 1))
    assert "too few to tell by themselves" in sayings.planned_holdout(one)
    idle = Planned(held_out=30, treated=270, days=14, bought=Share(300, 0))
    assert "Hardly any of them buys within 14 days" in sayings.planned_holdout(idle)


def paths(random: np.random.Generator, *, looks: int, regulars: float) -> tuple[np.ndarray, np.ndarray]:
    """Orders so far at each look, of 360 members who get a message and 40 who do not: alike in truth.

    `regulars` is how much members differ in how often they buy: the variance of a rate whose mean is one.
    """
    rates = 0.6 * (random.gamma(1 / regulars, regulars, 400) if regulars else np.ones(400))
    orders = random.poisson(rates / looks, (looks, 400)).cumsum(axis=0)
    return orders[:, :360], orders[:, 360:]


@pytest.mark.parametrize("regulars", [0.0, 1.0])
def test_looking_every_day_finds_no_more_than_one_in_twenty_that_is_not_there(regulars: float):
    """The ordinary interval, looked at as often, finds several times as many: so it is not shown before the end."""
    random, runs, looks = np.random.default_rng(7), 400, 28
    peeked = fooled = 0
    for _ in range(runs):
        treated, held = paths(random, looks=looks, regulars=regulars)
        seen, ordinary = False, False
        for day in range(1, looks):
            first, second = (sums_of(arm[day]) for arm in (treated, held))
            squared = first.squared_error + second.squared_error
            if treated[day].any() and held[day].sum() >= 5:
                value = first.mean - second.mean
                seen |= statistics.always_valid(value, squared, elapsed=(day + 1) / looks).is_clear
                ordinary |= statistics.difference_of_means(first, second).is_clear
        peeked, fooled = peeked + seen, fooled + ordinary
    assert peeked / runs <= 0.05
    assert fooled / runs > 0.10


def test_one_look_at_the_end_is_wrong_about_one_time_in_twenty_from_twenty_buyers_on():
    random, runs = np.random.default_rng(3), 2_000
    wrong = 0
    for treated, held in zip(random.poisson(0.2, (runs, 900)), random.poisson(0.2, (runs, 100)), strict=True):
        wrong += statistics.difference_of_means(sums_of(treated), sums_of(held)).is_clear
    assert 0.03 < wrong / runs < 0.075


def test_a_real_difference_is_seen_before_the_end():
    random, runs, looks, seen = np.random.default_rng(11), 60, 14, 0
    for _ in range(runs):
        treated, held = (random.poisson(rate / looks, (looks, 500)).cumsum(axis=0) for rate in (0.9, 0.5))
        for day in range(looks):
            first, second = sums_of(treated[day]), sums_of(held[day])
            if statistics.always_valid(
                first.mean - second.mean, first.squared_error + second.squared_error, elapsed=(day + 1) / looks
            ).is_clear:
                seen += 1
                break
    assert seen / runs > 0.95


def test_what_campaigns_brought_together_holds_however_often_it_is_looked_at_while_more_join():
    """Twenty campaigns one after the other, each with a lot of its own among the same members, none of which brings
    anything: one look at the ordinary interval as each joins finds something three times as often as promised.
    """
    random, runs, campaigns, members = np.random.default_rng(5), 500, 20, 400
    peeked = fooled = 0
    for _ in range(runs):
        rates = random.gamma(1, 1, members)
        parts, seen, ordinary = [], False, False
        for _ in range(campaigns):
            orders, held = random.poisson(rates), random.permutation(members) < members // 5
            treated, held_out = sums_of(orders[~held]), sums_of(orders[held])
            squared = treated.n**2 * (treated.squared_error + held_out.squared_error)
            parts.append((treated.n * (treated.mean - held_out.mean), squared))
            seen |= statistics.always_valid_sum(parts).is_clear
            ordinary |= statistics.normal_interval(
                sum(value for value, _ in parts), sum(squared for _, squared in parts)
            ).is_clear
        peeked, fooled = peeked + seen, fooled + ordinary
    assert peeked / runs <= 0.05
    assert fooled / runs > 0.15


def test_the_bounds_of_several_campaigns_are_narrower_than_their_bounds_added_up():
    one = statistics.always_valid_sum([(30.0, 100.0)])
    assert one == statistics.always_valid(30.0, 100.0, elapsed=1)
    four = statistics.always_valid_sum([(30.0, 100.0)] * 4)
    assert four.value == 120
    assert one.high - one.value < four.high - four.value < 4 * (one.high - one.value) * 0.6
    assert statistics.always_valid_sum([(0.0, 0.0)]) == statistics.Difference(0.0, 0.0, 0.0, 1.0)


def sums_of(values: np.ndarray) -> Sums:
    return Sums(len(values), float(values.sum()), float((values.astype(float) ** 2).sum()))


def test_how_many_would_do_goes_by_the_rarer_answer():
    mine, others = Share(900, 890), Share(100, 99)
    assert not is_enough(mine, others, fewest=FEWEST_FOR_SHARES)
    wanted = members_for(mine, others, fewest=FEWEST_FOR_SHARES)
    assert wanted == 455
    assert is_enough(Share(wanted, wanted - 5), Share(wanted, wanted - 5), fewest=FEWEST_FOR_SHARES)
    assert members_for(Share(50, 50), Share(50, 50), fewest=FEWEST_FOR_SHARES) is None


def test_nothing_is_clear_whose_interval_holds_zero_whatever_its_p():
    shares = Share(300, 11), Share(300, 22)
    difference = difference_of_shares(*shares)
    assert difference.p < 0.05
    assert difference.low < 0 < difference.high
    table = Table(("bought",))
    for arm, share in zip(("email", "control"), shares, strict=True):
        table.units[arm] = share.n
        table.tallies[arm] = {"bought": Tally(Decimal(share.hits), Decimal(share.hits), share.hits)}
    (outcome,) = report(table, "control")
    assert [arm.verdict for arm in outcome.others] == [UNCLEAR]


@pytest.mark.parametrize(("mine", "others"), [((300, 11), (300, 22)), ((1000, 425), (1000, 382))])
def test_arms_and_campaigns_are_judged_alike(mine: tuple[int, int], others: tuple[int, int]):
    bought = [Outcome(n, hits, Sums(n, hits, hits), Sums(n, hits, hits)) for n, hits in (mine, others)]
    assert effect_of("buyers", *bought, elapsed=1).verdict == UNCLEAR
