"""When members come back, and whether they still do: BG/NBD, and NBD where nobody is seen to leave.

While a member is a customer, they buy at a rate of their own (gamma distributed among members: r, alpha). After each
purchase they leave for good with a chance of their own (beta distributed: a, b). NBD is the same without leaving.

Each member is known by three numbers, in one unit of time (days here, weeks in the paper):
`x` purchases after the first, `t_x` from the first purchase to the last (0 where x is 0), `T` from the first purchase
to today. Arrays of floats or integers, all of shape (members,).

Sources: Fader, Hardie & Lee (2005), "Counting Your Customers" the Easy Way: An Alternative to the Pareto/NBD Model,
Marketing Science 24(2): likelihood (6), expected purchases (10). Fader, Hardie & Lee (2008), Computing P(alive) Using
the BG/NBD Model. Ehrenberg (1959) for NBD.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import digamma, expit, gammaln, hyp2f1

Floats = NDArray[np.float64]

# Time is scaled so that the longest age is 10; beyond these bounds a parameter says nothing any more.
LONGEST = 10.0
LEAST, MOST = 1e-3, 1e3
_BOUNDS = (np.log(LEAST), np.log(MOST))
# Half of the 95 % quantile of chi² with 2 degrees of freedom: what two more parameters gain by chance.
NO_GAIN = 3.0
LEAST_DROPOUT = 1e-3


@dataclass(frozen=True)
class Parameters:
    """`alpha` in the unit of time of the data. Without `a` and `b` nobody is seen to leave: NBD."""

    r: float
    alpha: float
    a: float | None = None
    b: float | None = None

    @property
    def has_dropout(self) -> bool:
        return self.a is not None


@dataclass(frozen=True)
class Fit:
    """`log_likelihood` over all members, in the unit of time of the data."""

    parameters: Parameters
    log_likelihood: float
    members: int


@dataclass(frozen=True)
class _Data:
    """Members who are alike counted once: x, t_x and T of each kind, how many there are, and which x are there."""

    x: Floats
    t_x: Floats
    age: Floats
    weight: Floats
    levels: Floats
    level_of: NDArray[np.intp]


def fit(x: Any, t_x: Any, age: Any) -> Fit:
    """The parameters under which these members are most likely, within bounds.

    Falls back to NBD where leaving explains nothing: where its share runs to the bound of none, or where it gains no
    more than chance would. Where all members leave alike, a and b run to their upper bound: that is a signal.
    Raises ValueError for no members, or times that cannot be.
    """
    data, scale = _condensed(x, t_x, age)
    nbd, nbd_value = _minimised(_nbd_loss, np.zeros(2), data)
    bgnbd, bgnbd_value = _minimised(_bgnbd_loss, np.array([*nbd, 0.0, 1.0]), data)
    members = float(data.weight.sum())
    unscaled = float((data.weight * data.x).sum()) * np.log(scale)
    a, b = np.exp(bgnbd[2:])
    is_dropout = a / (a + b) > LEAST_DROPOUT and (nbd_value - bgnbd_value) * members > NO_GAIN
    found, value = (bgnbd, bgnbd_value) if is_dropout else (nbd, nbd_value)
    r, alpha, *leaving = (float(each) for each in np.exp(found))
    return Fit(Parameters(r, alpha / scale, *leaving), float(-value * members + unscaled), int(members))


def log_likelihood(parameters: Parameters, x: Any, t_x: Any, age: Any) -> float:
    """Of these members under these parameters, over all of them."""
    data, scale = _condensed(x, t_x, age)
    log = np.log([parameters.r, parameters.alpha * scale, *_leaving(parameters)])
    value, _ = (_bgnbd_loss if parameters.has_dropout else _nbd_loss)(log, data)
    return float(-value * data.weight.sum() + (data.weight * data.x).sum() * np.log(scale))


def p_alive(parameters: Parameters, x: Any, t_x: Any, age: Any) -> Floats:
    """The chance that a member is still a customer; shape (members,). Under NBD everybody is."""
    x, t_x, age = _floats(x, t_x, age)
    if not parameters.has_dropout:
        return np.ones_like(x)
    a, b = _leaving(parameters)
    often = np.maximum(x, 1)
    odds_of_leaving = np.log(a / (b + often - 1)) + (parameters.r + x) * np.log(
        (parameters.alpha + age) / (parameters.alpha + t_x)
    )
    return np.where(x > 0, expit(-odds_of_leaving), 1.0)


def expected_purchases(parameters: Parameters, t: float, x: Any, t_x: Any, age: Any) -> Floats:
    """How many purchases to expect of each member in the next `t`; shape (members,), never negative nor infinite.

    Formula (10) of the paper, by Euler's transformation of its hypergeometric function: as it is printed, it overflows
    for members who bought some hundred times.
    """
    x, t_x, age = _floats(x, t_x, age)
    at_most = (parameters.r + x) / (parameters.alpha + age) * t * p_alive(parameters, x, t_x, age)
    if not parameters.has_dropout:
        return at_most
    a, b = _leaving(parameters)
    a = a if abs(a - 1) > 1e-6 else 1 + 1e-6  # The formula has a hole at 1, not a step.
    kept = (parameters.alpha + age) / (parameters.alpha + age + t)
    behind = a + b + x - 1
    behind = np.where(np.abs(behind) > 1e-9, behind, 1e-9)
    still = kept ** (a - 1) * hyp2f1(a + b - 1 - parameters.r, a - 1, behind, 1 - kept)
    expected = behind / (a - 1) * (1 - still) * p_alive(parameters, x, t_x, age)
    return np.where(np.isfinite(expected), np.clip(expected, 0, at_most), at_most)


def p_return(parameters: Parameters, t: float, x: Any, t_x: Any, age: Any) -> Floats:
    """The chance of at least one purchase in the next `t`; shape (members,).

    One leaves only after a purchase. So whoever is a customer today buys not once in `t` with the chance of a gamma
    distributed rate that has seen r + x purchases in alpha + T: ((alpha + T) / (alpha + T + t)) ^ (r + x).
    """
    x, t_x, age = _floats(x, t_x, age)
    silent = (parameters.r + x) * np.log((parameters.alpha + age) / (parameters.alpha + age + t))
    return p_alive(parameters, x, t_x, age) * -np.expm1(silent)


# --- The fit ------------------------------------------------------------------------------------------------------


def _floats(*arrays: Any) -> tuple[Floats, ...]:
    return tuple(np.asarray(array, dtype=np.float64) for array in arrays)


def _leaving(parameters: Parameters) -> tuple[float, ...]:
    return () if parameters.a is None or parameters.b is None else (parameters.a, parameters.b)


def _condensed(x: Any, t_x: Any, age: Any) -> tuple[_Data, float]:
    """Members who are alike counted once, and what time was multiplied by."""
    x, t_x, age = _floats(x, t_x, age)
    if not x.size:
        raise ValueError("No members to fit on.")
    if not (np.isfinite([x, t_x, age]).all() and (x >= 0).all() and (t_x >= 0).all() and (t_x <= age).all()):
        raise ValueError("Each member needs x >= 0 and 0 <= t_x <= T.")
    scale = LONGEST / max(float(age.max()), 1e-9)
    order = np.lexsort((age, t_x, x))
    rows = np.stack([x[order], t_x[order], age[order]])
    is_first = np.concatenate([[True], (rows[:, 1:] != rows[:, :-1]).any(axis=0)])
    starts = np.flatnonzero(is_first)
    kinds = rows[:, starts]
    levels, level_of = np.unique(kinds[0], return_inverse=True)
    weight = np.diff([*starts, x.size]).astype(np.float64)
    return _Data(kinds[0], kinds[1] * scale, kinds[2] * scale, weight, levels, level_of), scale


def _minimised(loss: Any, start: Floats, data: _Data) -> tuple[Floats, float]:
    start = np.clip(start, *_BOUNDS)
    options = {"maxiter": 500, "ftol": 1e-13, "gtol": 1e-8}
    found = minimize(
        loss, start, args=(data,), jac=True, method="L-BFGS-B", bounds=[_BOUNDS] * len(start), options=options
    )
    return found.x, float(found.fun)


def _nbd_loss(log: Floats, data: _Data) -> tuple[float, Floats]:
    """Minus the mean log-likelihood, and its slope in the logarithms of r and alpha."""
    r, alpha = np.exp(log)
    often, rise = _of_rate(r, data)
    later = np.log(alpha + data.age)
    value = often + r * log[1] - (r + data.x) * later
    slope = np.stack([r * (rise + log[1] - later), r - alpha * (r + data.x) / (alpha + data.age)])
    return _mean(value, slope, data)


def _bgnbd_loss(log: Floats, data: _Data) -> tuple[float, Floats]:
    """Minus the mean log-likelihood, and its slope in the logarithms of r, alpha, a and b."""
    r, alpha, a, b = np.exp(log)
    often, rise = _of_rate(r, data)
    levels = data.levels
    left = gammaln(a + b) + gammaln(b + levels) - gammaln(b) - gammaln(a + b + levels)
    left_a = digamma(a + b) - digamma(a + b + levels)
    left_b = left_a + digamma(b + levels) - digamma(b)
    place = data.level_of
    behind = b + np.maximum(data.x, 1) - 1
    later, last = np.log(alpha + data.age), np.log(alpha + data.t_x)
    here = -(r + data.x) * later
    gone = np.where(data.x > 0, log[2] - np.log(behind) - (r + data.x) * last, -np.inf)
    share = expit(gone - here)
    value = often + r * log[1] + left[place] + np.logaddexp(here, gone)
    slope = np.stack([
        r * (rise + log[1] - (1 - share) * later - share * last),
        r - alpha * (r + data.x) * ((1 - share) / (alpha + data.age) + share / (alpha + data.t_x)),
        a * left_a[place] + share,
        b * (left_b[place] - share / behind),
    ])  # fmt: skip
    return _mean(value, slope, data)


def _of_rate(r: float, data: _Data) -> tuple[Floats, Floats]:
    """ln Γ(r + x) - ln Γ(r) and its slope in r: worked out for each x that is there, not for each member."""
    often = gammaln(r + data.levels) - gammaln(r)
    rise = digamma(r + data.levels) - digamma(r)
    return often[data.level_of], rise[data.level_of]


def _mean(value: Floats, slope: Floats, data: _Data) -> tuple[float, Floats]:
    members = data.weight.sum()
    return float(-(data.weight @ value) / members), -(slope @ data.weight) / members
