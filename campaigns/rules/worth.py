"""From what single messages are expected to bring to what a week does, and how sure that is. Plain Python."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt

from campaigns.rules.priority import ASSUMED, Z95, Factor

# A second message to the same members is assumed to bring half of what the first does, a third half of that.
LESS_EACH_TIME = 0.5
# Of a hundred who are offered something two take it up; as sure as fifty messages of the shop's own would make it.
TAKE_UPS, MESSAGES = 1.0, 50.0


@dataclass(frozen=True)
class Worth:
    """Money expected to be added by messages, with an interval of 95 % for the expectation. `members` hear them."""

    members: int
    expected: float
    low: float
    high: float
    is_measured: bool


def worth_of(members: int, parts: Iterable[tuple[float, Factor]]) -> Worth:
    """Several amounts together, each sized by its factor.

    Where nothing was measured all rest on one assumption and err the same way: their spreads add up. What was measured
    group by group errs each in its own way: their variances add up.
    """
    parts = list(parts)
    expected = sum(amount for amount, _ in parts)
    alike = sum(abs(amount) * _relative(factor) for amount, factor in parts if factor == ASSUMED)
    apart = sum((amount * _relative(factor)) ** 2 for amount, factor in parts if factor != ASSUMED)
    off = Z95 * sqrt(alike**2 + apart)
    is_measured = bool(parts) and all(factor != ASSUMED for _, factor in parts)
    return Worth(members, expected, max(0.0, expected - off), expected + off, is_measured)


def _relative(factor: Factor) -> float:
    """The spread as a share of the mean; of a mean near nothing as much as of a small one."""
    return factor.spread / max(factor.mean, 0.1)


def of_nth(amount: float, nth: int) -> float:
    """What the `nth` message to the same members brings, counted from 0, where the first brings `amount`."""
    return amount * LESS_EACH_TIME**nth


@dataclass(frozen=True)
class TakeUp:
    """The share of those reached who take an offer up, with an interval of 95 %."""

    share: float
    low: float
    high: float


def take_up(*, messages: int, taken: int) -> TakeUp:
    """From `taken` of `messages`, and the assumption before: the posterior of a beta prior, its spread taken as normal.

    Source: Gelman et al., Bayesian Data Analysis, 3rd ed., 2.4.
    """
    a, n = TAKE_UPS + taken, MESSAGES + messages
    share = a / n
    off = Z95 * sqrt(share * (1 - share) / (n + 1))
    return TakeUp(share, max(0.0, share - off), min(1.0, share + off))
