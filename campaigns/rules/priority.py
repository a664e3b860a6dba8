"""What writing to one member now is expected to bring, and how that is said. Plain Python.

The money a message adds is not the money its reader spends: who buys anyway adds little, and who has gone for good
adds nothing (Ascarza 2018, "Retention Futility", Journal of Marketing Research 55(1)). For each member

    usual    = USUAL × value               a message brings a little more of what is bought anyway
    at risk  = AT_RISK × value × (1 - p)   most where staying and leaving are both likely: value itself shrinks with p
    lapsed   = LAPSED × p × what they used to spend in 90 days on a category they no longer buy
    net      = factor × (usual + at risk + lapsed) × WEARINESS ^ heard - price of the message

`value` is what the next 90 days are expected to bring and `p` the probability that the member still shops here (see
docs/forecasts.md); `heard` counts the messages of the last 30 days that were neither opened nor clicked, each less the
older it is. The three shares are assumptions, of the size that holdouts of retail email usually measure; `factor` is
what the shop's own holdouts say of them for the member's group (`calibrated`), and 1 until one was measured.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import floor, sqrt

USUAL, AT_RISK, LAPSED = 0.03, 0.08, 0.03
WEARINESS = 0.85
HEARD_DAYS = 30
# Of how sure the assumptions are: the true share lies within about twice of what is assumed, seldom below nothing.
PRIOR_SPREAD = 0.5
LARGEST_FACTOR = 3.0
# Never nothing: what is not tried any more is never measured again.
LEAST_FACTOR = 0.05
Z95 = 1.959964

# Until a forecast can be fitted: how likely a member of each quintile of recency, from 1 to 5, still shops here.
ALIVE_BY_RECENCY = (0.1, 0.25, 0.5, 0.75, 0.9)
LABELS = {"usual": "usual purchases", "at_risk": "at risk", "heard": "written to lately", "price": "price of the text"}


@dataclass(frozen=True)
class Factor:
    """What holdouts say of the assumed shares for one group: the mean of the truth over the assumption, its spread."""

    mean: float = 1.0
    spread: float = PRIOR_SPREAD

    @property
    def interval(self) -> tuple[float, float]:
        """Of 95 %; a message is not held to do harm before it was measured to."""
        return max(0.0, self.mean - Z95 * self.spread), self.mean + Z95 * self.spread


ASSUMED = Factor()


def calibrated(*, expected: float, measured: float, error: float) -> Factor:
    """The assumption after a measurement: both normal, weighed by how sure each is.

    `expected` is what the shares promised per member, `measured` what treated members spent more than held-out ones,
    `error` its standard error, all in money. With nothing expected there is nothing to compare.
    """
    if expected <= 0 or error <= 0:
        return ASSUMED
    seen, spread = measured / expected, error / expected
    prior, data = 1 / PRIOR_SPREAD**2, 1 / spread**2
    mean = (prior + data * seen) / (prior + data)
    return Factor(mean=min(max(mean, LEAST_FACTOR), LARGEST_FACTOR), spread=sqrt(1 / (prior + data)))


@dataclass(frozen=True)
class Part:
    label: str
    points: int

    def __str__(self) -> str:
        return f"{self.label} {self.points}"


def parts_of(points: int, money: Mapping[str, float], *, category: str = "") -> list[Part]:
    """`points` shared out as the money behind them: whole numbers that add up to it. Largest first, then what is taken
    off. A part too small for a point is not said.

    `money` holds usual, at_risk and lapsed, and heard and price below zero.
    """
    total = sum(money.values())
    if total <= 0:
        return []
    exact = {name: points * worth / total for name, worth in money.items() if worth}
    whole = {name: floor(share) for name, share in exact.items()}
    missing = points - sum(whole.values())
    for name in sorted(exact, key=lambda name: whole[name] - exact[name])[:missing]:
        whole[name] += 1
    labels = LABELS | {"lapsed": f"{category.lower()} lapsed" if category else "a category lapsed"}
    said = [Part(labels[name], share) for name, share in whole.items() if share]
    return sorted(said, key=lambda part: -part.points)


def told(points: int, parts: list[Part]) -> str:
    """`72 = usual purchases 40 + at risk 20 + wine lapsed 12`"""
    if not parts:
        return str(points)
    terms = [("- " if part.points < 0 else "+ ") + f"{part.label} {abs(part.points)}" for part in parts]
    return f"{points} = {' '.join(terms).removeprefix('+ ')}"
