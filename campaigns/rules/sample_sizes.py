"""How many members a comparison needs before it can tell anything. Plain Python.

Planned for a power of 80 % at a level of 5 %, two-sided: of differences that are really there, four in five are seen.
"""

from dataclasses import dataclass
from math import ceil, floor, sqrt
from statistics import NormalDist

from campaigns.rules.statistics import ALPHA, Share

POWER = 0.8
# More buyers by a fifth are what a good campaign brings, and a campaign holds out half of its members at most.
WORTH_PLANNING, MOST_HELD_OUT = 0.2, 50
# Where fewer are expected to buy, an arm of the comparison says nothing: its own spread is not known yet. For shares
# W. G. Cochran, Biometrics 10 (1954) 417; for means as tests/campaigns/test_comparing_arms.py measures it.
FEWEST_FOR_SHARES, FEWEST_FOR_MEANS = 5, 20


def for_shares(rate: float, other: float, *, ratio: float = 1.0, alpha: float = ALPHA, power: float = POWER) -> int:
    """Members the smaller arm needs to tell two proportions apart; the larger has `ratio` times as many.

    J. L. Fleiss, B. Levin, M. C. Paik, Statistical Methods for Rates and Proportions, 3rd ed. (2003), chapter 4,
    without correction. Raises ValueError for equal rates: no number of members tells them apart.
    """
    if rate == other:
        raise ValueError("Two equal proportions cannot be told apart.")
    z_alpha, z_power = _quantiles(alpha, power)
    mean = (rate * ratio + other) / (ratio + 1)
    by_chance = z_alpha * sqrt((1 + 1 / ratio) * mean * (1 - mean))
    in_truth = z_power * sqrt(rate * (1 - rate) / ratio + other * (1 - other))
    return ceil(((by_chance + in_truth) / (rate - other)) ** 2)


def for_means(
    deviation: float, difference: float, *, ratio: float = 1.0, alpha: float = ALPHA, power: float = POWER
) -> int:
    """Members the smaller arm needs to see a `difference` of means of members who differ by `deviation` (standard).

    S.-C. Chow, J. Shao, H. Wang, Sample Size Calculations in Clinical Research, 2nd ed. (2008), chapter 3. Raises
    ValueError for no difference.
    """
    if not difference:
        raise ValueError("No difference cannot be seen.")
    return ceil((1 + 1 / ratio) * (sum(_quantiles(alpha, power)) * deviation / difference) ** 2)


def seen_above(rate: float, members: int, *, ratio: float = 1.0) -> float | None:
    """The least proportion that stands out from `rate`, in whole parts of `parts_of(rate)`, where so many `members` do
    as `rate` says, and `ratio` times as many otherwise. None when not even everybody would.
    """
    parts = parts_of(rate)
    shares = (part / parts for part in range(floor(parts * rate) + 1, parts + 1))
    return next((other for other in shares if for_shares(other, rate, ratio=ratio) <= members), None)


def parts_of(rate: float) -> int:
    """What a share is told in: hundredths, or thousandths where it is below a twentieth."""
    return 100 if rate >= 0.05 else 1_000


@dataclass(frozen=True)
class Planned:
    """A comparison before it is made. `bought`: how many members like them buy within so many `days` anyway."""

    held_out: int
    treated: int
    days: int
    bought: Share

    @property
    def seen_from(self) -> float | None:
        """The least share of the treated that has to buy for it to stand out; None when not even all of them would."""
        if not (self.held_out and self.treated):
            return None
        rate, parts = self.bought.rate, parts_of(self.bought.rate)
        least = seen_above(rate, self.held_out, ratio=self.treated / self.held_out)
        if least is None:
            return None
        usual = Share(self.held_out, round(self.held_out * rate))
        shares = (part / parts for part in range(round(parts * least), parts + 1))
        treated = ((share, Share(self.treated, round(self.treated * share))) for share in shares)
        return next((share for share, bought in treated if is_enough(bought, usual, fewest=FEWEST_FOR_SHARES)), None)

    @property
    def percent_for_a_fifth(self) -> int | None:
        """How many percent to hold out at least to see a fifth more buyers; None when no share of so few would do."""
        rate, members = self.bought.rate, self.held_out + self.treated
        if not 0 < rate * (1 + WORTH_PLANNING) < 1:
            return None
        needed = (
            (percent, for_shares(rate * (1 + WORTH_PLANNING), rate, ratio=(100 - percent) / percent))
            for percent in range(1, MOST_HELD_OUT + 1)
        )
        return next((percent for percent, held_out in needed if 100 * held_out <= percent * members), None)


def is_enough(first: Share, second: Share, *, fewest: int) -> bool:
    """Whether at least `fewest` would buy in each arm if both bought alike."""
    members = first.n + second.n
    return members > 0 and min(first.n, second.n) * _rarer(first, second, fewest) >= fewest * members


def members_for(first: Share, second: Share, *, fewest: int) -> int | None:
    """How many members the smaller arm would need for `is_enough`; None while all did the same."""
    rarer = _rarer(first, second, fewest)
    return ceil(fewest * (first.n + second.n) / rarer) if rarer else None


def _rarer(first: Share, second: Share, fewest: int) -> int:
    """Of shares the rarer answer decides what can be told; of means those who bought."""
    hits = first.hits + second.hits
    return min(hits, first.n + second.n - hits) if fewest == FEWEST_FOR_SHARES else hits


def _quantiles(alpha: float, power: float) -> tuple[float, float]:
    normal = NormalDist()
    return normal.inv_cdf(1 - alpha / 2), normal.inv_cdf(power)
