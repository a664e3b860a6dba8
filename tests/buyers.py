"""People who buy as BG/NBD says they do, so that the truth is known. The same for the same seed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Buyers:
    """`who` bought `on` which day, one row for each day with a purchase; days count from 0, the last is `days` - 1."""

    members: int
    days: int
    who: NDArray[np.int64]
    on: NDArray[np.int64]

    def known_at(self, day: int) -> tuple[NDArray[np.float64], ...]:
        """x, t_x, T and what came later, of those who had bought by the end of `day`."""
        before = self.on <= day
        purchases = np.bincount(self.who[before], minlength=self.members)
        later = np.bincount(self.who[~before], minlength=self.members)
        first, last = np.full(self.members, self.days), np.full(self.members, -1)
        np.minimum.at(first, self.who[before], self.on[before])
        np.maximum.at(last, self.who[before], self.on[before])
        known = purchases > 0
        columns = (purchases - 1, last - first, day - first, later)
        return tuple(column[known].astype(float) for column in columns)


def buyers(
    members: int, *, days: int, r: float = 0.9, alpha: float = 30.0, a: float = 0.8, b: float = 6.0, seed: int = 7
) -> Buyers:
    """First purchases are spread evenly. With `a` = 0 nobody ever leaves."""
    random = np.random.default_rng(seed)
    rate = random.gamma(r, 1 / alpha, members)
    leaving = random.beta(a, b, members) if a else np.zeros(members)
    at = random.uniform(0, days, members)
    who, here = [np.arange(members)], np.arange(members)
    when = [at.copy()]
    while here.size:
        at[here] += random.exponential(1 / rate[here])
        here = here[at[here] < days]
        who.append(here.copy())
        when.append(at[here].copy())
        here = here[random.random(here.size) >= leaving[here]]
    pairs = np.unique(np.stack([np.concatenate(who), np.concatenate(when).astype(np.int64)]), axis=1)
    return Buyers(members, days, pairs[0], pairs[1])
