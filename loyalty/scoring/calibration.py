"""Whether what was foretold as 30 % happens three times in ten.

`probability` is what was foretold of each member and `happened` whether it came so; shape (members,).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BINS, STEPS = 10, 40


@dataclass(frozen=True)
class Bin:
    """Members with neighbouring probabilities: what was foretold on average, and the share to whom it happened."""

    members: int
    foretold: float
    happened: float


def bins(probability: Any, happened: Any, count: int = BINS) -> list[Bin]:
    """From the least probable to the most, about equally many in each. Equal probabilities share a bin."""
    probability = np.asarray(probability, dtype=np.float64)
    happened = np.asarray(happened, dtype=np.float64)
    if not probability.size:
        return []
    order = np.argsort(probability, kind="stable")
    ranked = probability[order]
    # An edge in the midst of equals goes to the nearer end of them.
    wanted = np.arange(1, count) * ranked.size // count
    first, behind = (np.searchsorted(ranked, ranked[wanted], side=side) for side in ("left", "right"))
    edges = np.where(wanted - first <= behind - wanted, first, behind)
    parts = np.split(order, np.unique(edges[(edges > 0) & (edges < ranked.size)]))
    return [Bin(len(part), float(probability[part].mean()), float(happened[part].mean())) for part in parts]


def isotonic(shares: Any, weights: Any) -> Floats:
    """The rising curve closest to these shares: neighbours that fall are pooled until none does; shape of `shares`.

    Source: Ayer et al. (1955), pool adjacent violators.
    """
    pools: list[tuple[float, float, int]] = []
    for share, weight in zip(shares, weights, strict=True):
        pools.append((float(share), float(weight), 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (low, light, few), (high, heavy, many) = pools.pop(-2), pools.pop()
            weight_of_both = light + heavy
            pools.append(((low * light + high * heavy) / weight_of_both, weight_of_both, few + many))
    return np.repeat([share for share, _, _ in pools], [many for _, _, many in pools])


def cut_at(share: float, probability: Any, happened: Any) -> float:
    """From which probability on it happened to `share` of the members or more; above 1 where that never is."""
    found = bins(probability, happened, STEPS)
    curve = isotonic([each.happened for each in found], [each.members for each in found])
    reached = np.flatnonzero(curve >= share)
    if not reached.size:
        return 1.01
    if reached[0] == 0:
        return 0.0
    return (found[reached[0] - 1].foretold + found[reached[0]].foretold) / 2
