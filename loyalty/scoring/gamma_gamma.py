"""What a purchase is worth: Gamma-Gamma, which moves a member's own mean towards everybody's, the less they bought.

Values of one member's purchases vary around a mean of their own (gamma, shape p), and the means vary among members
(gamma again: q, gamma). How much somebody spends is taken to say nothing about how often they come.

Each member is known by `x`, how many purchases the mean was taken over, and `value`, that mean; shape (members,).

Source: Fader & Hardie (2013), The Gamma-Gamma Model of Monetary Value: likelihood (1a), expected mean (5).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import digamma, gammaln

Floats = NDArray[np.float64]

# Values are scaled to a median of 1. Below q = 1 there is no mean to expect.
_BOUNDS = [(np.log(1e-2), np.log(1e4)), (np.log(1.01), np.log(1e4)), (np.log(1e-3), np.log(1e5))]


@dataclass(frozen=True)
class Parameters:
    """`gamma` in the currency of the data."""

    p: float
    q: float
    gamma: float

    @property
    def mean(self) -> float:
        """Of a purchase, over all members."""
        return self.p * self.gamma / (self.q - 1)


@dataclass(frozen=True)
class Fit:
    parameters: Parameters
    log_likelihood: float
    members: int


def fit(x: Any, value: Any) -> Fit:
    """The parameters under which these means are most likely, within bounds.

    Looks at members with at least one purchase and a mean above zero. Raises ValueError where there are none.
    """
    x, value = np.asarray(x, dtype=np.float64), np.asarray(value, dtype=np.float64)
    told = (x > 0) & (value > 0) & np.isfinite(value)
    x, value = x[told], value[told]
    if not x.size:
        raise ValueError("No member has a repeat purchase of some value.")
    scale = float(np.median(value))
    options = {"maxiter": 1_000, "ftol": 1e-14, "gtol": 1e-9}
    found = minimize(
        _loss,
        np.log([2.0, 3.0, 2.0]),
        args=(x, value / scale, np.log(value / scale)),
        jac=True,
        method="L-BFGS-B",
        bounds=_BOUNDS,
        options=options,
    )
    p, q, gamma = np.exp(found.x)
    likelihood = -float(found.fun) * x.size - x.size * float(np.log(scale))
    return Fit(Parameters(float(p), float(q), float(gamma * scale)), likelihood, int(x.size))


def expected_value(parameters: Parameters, x: Any, value: Any) -> Floats:
    """The mean value of each member's next purchases; shape (members,). Everybody's mean where x is 0."""
    x = np.asarray(x, dtype=np.float64)
    spent = x * np.maximum(np.nan_to_num(np.asarray(value, dtype=np.float64)), 0)
    return parameters.p * (parameters.gamma + spent) / (parameters.p * x + parameters.q - 1)


def _loss(log: Floats, x: Floats, value: Floats, log_value: Floats) -> tuple[float, Floats]:
    """Minus the mean log-likelihood, and its slope in the logarithms of p, q and gamma."""
    p, q, gamma = np.exp(log)
    px, spent = p * x, np.log(gamma + x * value)
    likelihood = (
        gammaln(px + q) - gammaln(px) - gammaln(q) + q * log[2]
        + (px - 1) * log_value + px * np.log(x) - (px + q) * spent
    )  # fmt: skip
    more = digamma(px + q)
    slope = np.array([
        p * np.mean(x * (more - digamma(px) + log_value + np.log(x) - spent)),
        q * np.mean(more - digamma(q) + log[2] - spent),
        np.mean(q - gamma * (px + q) / (gamma + x * value)),
    ])  # fmt: skip
    return -float(np.mean(likelihood)), -slope
