"""BG/NBD, NBD and Gamma-Gamma against published figures, against the truth, and at the edges."""

import datetime as dt
import gzip
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import gammaln, hyp2f1

from loyalty.scoring import bgnbd, calibration, gamma_gamma, holdout
from tests.buyers import buyers

CDNOW = Path(__file__).parent / "data" / "cdnow_sample.txt.gz"
CALIBRATED_TO, WEEKS = dt.date(1997, 9, 30), 39


@dataclass(frozen=True)
class Cdnow:
    """2,357 customers, in weeks; `later` is what they bought in the 39 weeks after."""

    x: np.ndarray
    t_x: np.ndarray
    age: np.ndarray
    value: np.ndarray
    later: np.ndarray

    @property
    def known(self):
        return self.x, self.t_x, self.age


@pytest.fixture(scope="module")
def cdnow():
    spent = defaultdict(lambda: defaultdict(float))
    with gzip.open(CDNOW, "rt") as file:
        for _, customer, day, _, amount in map(str.split, file):
            spent[customer][dt.datetime.strptime(day, "%Y%m%d").date()] += float(amount)  # noqa: DTZ007
    rows = [_customer(days) for days in spent.values()]
    return Cdnow(*np.array(rows).T)


def _customer(days):
    """Several purchases on one day are one. The value is the mean of the repeat purchases, as in the papers."""
    seen = sorted(day for day in days if day <= CALIBRATED_TO)
    later = sum(CALIBRATED_TO < day <= CALIBRATED_TO + dt.timedelta(weeks=WEEKS) for day in days)
    value = np.mean([days[day] for day in seen[1:]]) if len(seen) > 1 else 0
    return len(seen) - 1, (seen[-1] - seen[0]).days / 7, (CALIBRATED_TO - seen[0]).days / 7, value, later


@pytest.fixture(scope="module")
def fitted(cdnow):
    return bgnbd.fit(*cdnow.known)


def test_the_fit_on_cdnow_is_the_published_one(fitted):
    found = fitted.parameters
    assert fitted.members == 2_357
    assert found.r == pytest.approx(0.2426, abs=0.001)
    assert found.alpha == pytest.approx(4.4136, abs=0.005)
    assert found.a == pytest.approx(0.7929, abs=0.001)
    assert found.b == pytest.approx(2.4259, abs=0.001)
    assert fitted.log_likelihood == pytest.approx(-9582.43, abs=0.1)


def test_the_values_of_cdnow_are_the_published_ones(cdnow):
    found = gamma_gamma.fit(cdnow.x, cdnow.value)
    assert found.members == 946
    assert found.parameters.p == pytest.approx(6.250, abs=0.01)
    assert found.parameters.q == pytest.approx(3.744, abs=0.005)
    assert found.parameters.gamma == pytest.approx(15.444, abs=0.03)


def test_the_39_weeks_after_come_as_published(cdnow, fitted):
    expected = bgnbd.expected_purchases(fitted.parameters, WEEKS, *cdnow.known)
    chance = bgnbd.p_return(fitted.parameters, WEEKS, *cdnow.known)
    held, _ = holdout.compare(days=7 * WEEKS, expected=expected, actual=cdnow.later, chance=chance)
    assert held.actual_orders == 1_882
    assert held.correlation == pytest.approx(0.6256, abs=0.0005)
    assert held.error == pytest.approx(-0.12, abs=0.01)
    assert sum(each.members for each in held.bins) == held.members


def test_days_and_weeks_give_the_same_forecast(cdnow, fitted):
    x, t_x, age = cdnow.known
    in_days = bgnbd.fit(x, 7 * t_x, 7 * age)
    assert in_days.parameters.alpha == pytest.approx(7 * fitted.parameters.alpha, rel=1e-3)
    by_days = bgnbd.expected_purchases(in_days.parameters, 7 * WEEKS, x, 7 * t_x, 7 * age)
    assert by_days == pytest.approx(bgnbd.expected_purchases(fitted.parameters, WEEKS, x, t_x, age), rel=1e-3)


def test_the_likelihood_is_the_one_of_the_paper_member_by_member(cdnow, fitted):
    """Formula (6) as it is printed, in the plain way."""
    p = fitted.parameters
    x, t_x, age = (each[:200] for each in cdnow.known)
    alive = np.exp(gammaln(p.a + p.b) + gammaln(p.b + x) - gammaln(p.b) - gammaln(p.a + p.b + x))
    rate = np.exp(gammaln(p.r + x) - gammaln(p.r)) * p.alpha**p.r
    gone = np.where(x > 0, p.a / (p.b + np.maximum(x, 1) - 1) * (p.alpha + t_x) ** -(p.r + x), 0)
    plain = np.log(rate * alive * ((p.alpha + age) ** -(p.r + x) + gone)).sum()
    assert bgnbd.log_likelihood(p, x, t_x, age) == pytest.approx(plain, abs=1e-6)


def test_expected_purchases_are_those_of_the_paper_where_its_formula_can_be_reckoned(cdnow, fitted):
    p, t = fitted.parameters, WEEKS
    x, t_x, age = cdnow.known
    series = hyp2f1(p.r + x, p.b + x, p.a + p.b + x - 1, t / (p.alpha + age + t))
    above = (p.a + p.b + x - 1) / (p.a - 1) * (1 - ((p.alpha + age) / (p.alpha + age + t)) ** (p.r + x) * series)
    leaving = p.a / (p.b + np.maximum(x, 1) - 1) * ((p.alpha + age) / (p.alpha + t_x)) ** (p.r + x)
    assert bgnbd.expected_purchases(p, t, x, t_x, age) == pytest.approx(above / (1 + (x > 0) * leaving), rel=1e-8)


@pytest.mark.parametrize(("x", "t_x", "age"), [(0, 0, 10), (3, 20, 38), (12, 36, 38)])
def test_the_chance_to_come_back_is_the_integral_over_all_rates(fitted, x, t_x, age):
    p, t = fitted.parameters, 13.0
    shape, scale = p.r + x, p.alpha + age

    def silent(rate):
        density = np.exp(shape * np.log(scale) - gammaln(shape) + (shape - 1) * np.log(rate) - scale * rate)
        return np.exp(-rate * t) * density

    still = bgnbd.p_alive(p, [x], [t_x], [age])[0]
    assert bgnbd.p_return(p, t, [x], [t_x], [age])[0] == pytest.approx(still * (1 - quad(silent, 0, np.inf)[0]))


def test_the_truth_is_found_again_and_the_future_foretold():
    made = buyers(30_000, days=730)
    x, t_x, age, later = made.known_at(639)
    found = bgnbd.fit(x, t_x, age).parameters
    assert (found.r, found.alpha) == (pytest.approx(0.9, rel=0.1), pytest.approx(30, rel=0.1))
    assert found.a / (found.a + found.b) == pytest.approx(0.8 / 6.8, rel=0.1)
    expected = bgnbd.expected_purchases(found, 90, x, t_x, age)
    assert expected.sum() == pytest.approx(later.sum(), rel=0.03)
    chance = bgnbd.p_return(found, 90, x, t_x, age)
    for each in calibration.bins(chance, later > 0):
        assert each.happened == pytest.approx(each.foretold, abs=0.03)


def test_where_nobody_leaves_it_says_so_and_forecasts_by_nbd():
    made = buyers(8_000, days=500, a=0)
    x, t_x, age, later = made.known_at(410)
    found = bgnbd.fit(x, t_x, age)
    assert not found.parameters.has_dropout
    assert found.parameters.r == pytest.approx(0.9, rel=0.1)
    assert found.log_likelihood == pytest.approx(bgnbd.log_likelihood(found.parameters, x, t_x, age))
    assert (bgnbd.p_alive(found.parameters, x, t_x, age) == 1).all()
    assert bgnbd.expected_purchases(found.parameters, 90, x, t_x, age).sum() == pytest.approx(later.sum(), rel=0.05)


@pytest.mark.parametrize(
    ("x", "t_x", "age"),
    [
        pytest.param([3], [40], [90], id="one member"),
        pytest.param([0], [0], [0], id="somebody who came today"),
        pytest.param([0] * 50, [0] * 50, range(50), id="all bought once"),
        pytest.param([4] * 60, [30] * 60, [45] * 60, id="identical members"),
        pytest.param([4] * 60, [45] * 60, [45] * 60, id="all bought today"),
        pytest.param([5_000, 1, 0], [3_000, 1, 0], [3_000, 3_000, 3_000], id="somebody who bought 5,000 times"),
        pytest.param([1] * 30, [1] * 30, [20_000] * 30, id="nobody seen for fifty years"),
    ],
)
def test_the_edges_give_numbers_that_are_numbers(x, t_x, age):
    found = bgnbd.fit(x, list(t_x), list(age))
    assert np.isfinite([found.log_likelihood, found.parameters.r, found.parameters.alpha]).all()
    for parameters in (found.parameters, bgnbd.Parameters(0.2, 4.0, 1.0, 2.0), bgnbd.Parameters(0.01, 900.0, 0.2, 0.8)):
        known = (parameters, 90, x, list(t_x), list(age))
        for chance in (bgnbd.p_alive(parameters, *known[2:]), bgnbd.p_return(*known)):
            assert np.isfinite(chance).all()
            assert ((chance >= 0) & (chance <= 1)).all()
        orders = bgnbd.expected_purchases(*known)
        assert np.isfinite(orders).all()
        assert (orders >= 0).all()


def test_members_that_cannot_be_are_refused():
    for x, t_x, age in (([], [], []), ([1], [5], [4]), ([-1], [0], [4]), ([1], [np.nan], [4])):
        with pytest.raises(ValueError, match=r"members|member"):
            bgnbd.fit(x, t_x, age)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param([20.0] * 40, id="identical values"),
        pytest.param([1e9, *[5.0] * 39], id="one huge value"),
        pytest.param([0.0, *np.linspace(0.01, 90, 39)], id="a value of zero"),
        pytest.param([30.0], id="one member"),
    ],
)
def test_values_at_the_edges_give_a_value_to_everybody(value):
    x = np.arange(1, len(value) + 1)
    found = gamma_gamma.fit(x, value)
    worth = gamma_gamma.expected_value(found.parameters, [0, *x, 10_000], [0, *value, 0])
    assert np.isfinite([*worth, found.log_likelihood, found.parameters.mean]).all()
    assert (worth >= 0).all()


def test_no_value_at_all_is_refused_and_not_guessed():
    with pytest.raises(ValueError, match="some value"):
        gamma_gamma.fit([1, 2], [0, 0])


def test_the_more_somebody_bought_the_more_their_own_mean_counts(cdnow):
    parameters = gamma_gamma.fit(cdnow.x, cdnow.value).parameters
    once, often = gamma_gamma.expected_value(parameters, [1, 20], [200, 200])
    assert parameters.mean < once < often < 200


def test_equal_chances_share_a_bin_and_nobody_is_lost():
    chance = np.array([0.1] * 95 + [0.9] * 5)
    found = calibration.bins(chance, chance > 0.5)
    assert [(each.members, each.happened) for each in found] == [(95, 0.0), (5, 1.0)]
    assert calibration.bins([], []) == []


def test_a_falling_curve_is_pooled_until_it_rises():
    assert calibration.isotonic([0.1, 0.5, 0.3, 0.9], [1, 1, 1, 1]) == pytest.approx([0.1, 0.4, 0.4, 0.9])
    assert calibration.isotonic([3, 2, 1], [1, 1, 2]) == pytest.approx([1.75] * 3)


def test_a_band_is_cut_where_the_share_that_came_back_is_reached():
    chance = np.linspace(0, 1, 4_001)
    came_back = np.random.default_rng(3).random(chance.size) < chance
    assert calibration.cut_at(2 / 3, chance, came_back) == pytest.approx(2 / 3, abs=0.06)
    assert calibration.cut_at(0.5, chance, chance < 0) > 1, "where nobody comes back, nobody is of low risk"
    assert calibration.cut_at(0.5, chance, chance >= 0) == 0


def test_bands_are_judged_on_members_they_were_not_laid_on():
    made = buyers(20_000, days=600)
    x, t_x, age, later = made.known_at(509)
    parameters = bgnbd.fit(x, t_x, age).parameters
    chance = bgnbd.p_return(parameters, 90, x, t_x, age)
    expected = bgnbd.expected_purchases(parameters, 90, x, t_x, age)
    held, cuts = holdout.compare(days=90, expected=expected, actual=later, chance=chance)
    shares = {band.risk: band.came_back for band in held.bands}
    assert cuts.high < cuts.low
    assert shares["low"] > 2 / 3
    assert shares["high"] < 1 / 3
    assert shares["high"] < shares["medium"] < shares["low"]
    assert sum(band.members for band in held.bands) == pytest.approx(held.members / 2, abs=1)
    assert holdout.Holdout.of(held.as_json()) == held


def test_a_fit_that_misses_more_is_clearly_worse_and_one_that_misses_as_much_is_not():
    actual = np.array([0, 1, 2, 3, 4] * 40)
    near, _ = holdout.compare(days=90, expected=actual + 0.1, actual=actual, chance=actual / 5)
    far, _ = holdout.compare(days=90, expected=actual + 0.5, actual=actual, chance=actual / 5)
    assert holdout.is_clearly_worse(far, near)
    assert not holdout.is_clearly_worse(near, far)
    assert not holdout.is_clearly_worse(near, near)
