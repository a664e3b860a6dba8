"""Two arms compared: how much more, between which bounds, and how easily chance alone would do it. Plain Python.

Every interval is at 95 % unless told otherwise. What is measured, and how it is read: docs/learning.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import erfc, exp, inf, log, sqrt
from statistics import NormalDist
from types import ModuleType

ALPHA = 0.05


@dataclass(frozen=True)
class Share:
    """`hits` of `n` members did it."""

    n: int
    hits: int

    @property
    def rate(self) -> float:
        return self.hits / self.n if self.n else 0.0


@dataclass(frozen=True)
class Sums:
    """What an arm of `n` members brought: the sum and the sum of squares, members who brought nothing included.

    `spread` is the sum of squares about the mean, where somebody knows it more exactly than these two tell.
    """

    n: int
    total: float
    squares: float
    spread: float | None = None

    @property
    def mean(self) -> float:
        return self.total / self.n if self.n else 0.0

    @property
    def variance(self) -> float:
        """Of the sample, with n - 1."""
        if self.n < 2:
            return 0.0
        spread = self.squares - self.n * self.mean**2 if self.spread is None else self.spread
        return max(0.0, spread / (self.n - 1))

    @property
    def squared_error(self) -> float:
        """Of the mean."""
        return self.variance / self.n if self.n else 0.0

    def times(self, factor: float) -> "Sums":
        """The same in another unit."""
        return Sums(self.n, self.total * factor, self.squares * factor**2)


@dataclass(frozen=True)
class Difference:
    """The first arm less the second. `p` is two-sided: how often chance alone would set them this far apart."""

    value: float
    low: float
    high: float
    p: float

    @property
    def is_clear(self) -> bool:
        """The interval leaves zero out."""
        return self.low > 0 or self.high < 0


def wilson(share: Share, *, alpha: float = ALPHA) -> tuple[float, float]:
    """The score interval of one proportion. E. B. Wilson, JASA 22 (1927) 209."""
    if not share.n:
        return 0.0, 1.0
    z = _z(1 - alpha / 2)
    middle = 2 * share.hits + z**2
    spread = z * sqrt(z**2 + 4 * share.hits * (1 - share.rate))
    low, high = ((middle + sign * spread) / (2 * (share.n + z**2)) for sign in (-1, 1))
    return max(0.0, low), min(1.0, high)


def difference_of_shares(first: Share, second: Share, *, alpha: float = ALPHA) -> Difference:
    """Newcombe's hybrid score interval (method 10 of R. G. Newcombe, Statistics in Medicine 17 (1998) 873), p by the
    score test with a pooled rate.

    It is made of two Wilson intervals: never wider than possible, right for few members, and needs no correction.
    """
    value = first.rate - second.rate
    (low_1, high_1), (low_2, high_2) = wilson(first, alpha=alpha), wilson(second, alpha=alpha)
    below = sqrt((first.rate - low_1) ** 2 + (high_2 - second.rate) ** 2)
    above = sqrt((high_1 - first.rate) ** 2 + (second.rate - low_2) ** 2)
    return Difference(value, value - below, value + above, _score_p(first, second))


def _score_p(first: Share, second: Share) -> float:
    if not (first.n and second.n):
        return 1.0
    pooled = (first.hits + second.hits) / (first.n + second.n)
    error = sqrt(pooled * (1 - pooled) * (1 / first.n + 1 / second.n))
    return erfc(abs(first.rate - second.rate) / error / sqrt(2)) if error else 1.0


def difference_of_means(first: Sums, second: Sums, *, alpha: float = ALPHA) -> Difference:
    """Welch's interval and test, degrees of freedom by Satterthwaite. B. L. Welch, Biometrika 34 (1947) 28."""
    value, squared = first.mean - second.mean, first.squared_error + second.squared_error
    if min(first.n, second.n) < 2:
        return Difference(value, -inf, inf, 1.0)
    if not squared:
        return Difference(value, value, value, 1.0 if not value else 0.0)
    special = _special()
    freedom = squared**2 / (first.squared_error**2 / (first.n - 1) + second.squared_error**2 / (second.n - 1))
    half = float(special.stdtrit(freedom, 1 - alpha / 2)) * sqrt(squared)
    p = 2 * float(special.stdtr(freedom, -abs(value) / sqrt(squared)))
    return Difference(value, value - half, value + half, p)


TIGHTEST_AT = 0.25


def always_valid(value: float, squared_error: float, *, elapsed: float, alpha: float = ALPHA) -> Difference:
    """An interval that may be looked at as often as one likes, and acted upon the first time it leaves zero out.

    A mixture sequential probability ratio test with a normal mixture (Johari, Koomen, Pekelis, Walsh, Operations
    Research 70 (2022) 1806), in the form of a confidence sequence for a sum whose variance grows
    (Howard, Ramdas, McAuliffe, Sekhon, Annals of Statistics 49 (2021) 1055, eq. 14):
    half = sqrt(V (1 + 1/x) ln((1 + x) / alpha^2)), x = rho^2 V. rho makes it tightest when a quarter of the window has
    passed (Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas, Annals of Statistics 52 (2024) 2613):
    x = 4 × elapsed × (-2 ln alpha + ln(1 - 2 ln alpha)). At the end that is 3 % wider than the tightest there, and when
    a hundredth has passed half as wide as it would be. Members who differ in how often they buy make the sum move less
    freely than such a process may, so the interval only gets safer.

    `elapsed` is the share of the window that has passed, above 0; above 1 where more joins after it. `p` is the
    smallest alpha at which the interval would leave zero out; as such it is valid at every look.
    """
    tightest = -2 * log(alpha) + log(1 - 2 * log(alpha))
    x = max(elapsed, 1e-6) / TIGHTEST_AT * tightest
    if not squared_error:
        return Difference(value, value, value, 1.0 if not value else 0.0)
    half = sqrt(squared_error * (1 + 1 / x) * log((1 + x) / alpha**2))
    p = sqrt(1 + x) * exp(-(value**2) * x / (2 * squared_error * (1 + x)))
    return Difference(value, value - half, value + half, min(1.0, p))


def always_valid_sum(parts: Sequence[tuple[float, float]], *, alpha: float = ALPHA) -> Difference:
    """The sum of (value, squared error) of comparisons whose lots were drawn apart, the oldest first.

    Drawn apart, their errors are uncorrelated and the squared errors add up (Bienaymé 1853), also where a member takes
    part in several. The assumption: what one brings does not depend on another (no interaction; Neyman's variance as in
    Imbens and Rubin, Causal Inference (2015), chapter 6). Errors that join one by one are a martingale, so that
    `always_valid` holds at every look while more join; its rho is set by the first and stays.
    """
    value, squared = sum(value for value, _ in parts), sum(squared for _, squared in parts)
    first = next((squared for _, squared in parts if squared > 0), 1.0)
    return always_valid(value, squared, elapsed=squared / first, alpha=alpha)


def squared_error_of_shares(first: Share, second: Share) -> float:
    """Of the difference of two proportions, each on its own. No member more, and one more hit and miss in each arm
    (Agresti and Caffo, American Statistician 54 (2000) 280): an arm without a hit is not certain of it."""
    return sum(_softened(arm) for arm in (first, second))


def _softened(arm: Share) -> float:
    n, rate = arm.n + 2, (arm.hits + 1) / (arm.n + 2)
    return rate * (1 - rate) / n


def holm(p_values: Sequence[float]) -> list[float]:
    """Each p as it is when several are asked at once. S. Holm, Scandinavian Journal of Statistics 6 (1979) 65."""
    adjusted, least = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = least
    return adjusted


def chance_of_split(counts: Sequence[int], weights: Sequence[float]) -> float:
    """p of a chi-square test that arms of these sizes were drawn by these weights (sample ratio mismatch).

    Below 0.001 the assignment itself is to be doubted, not only its result (Fabijan et al., KDD 2019).
    """
    members, weight = sum(counts), sum(weights)
    expected = [members * each / weight for each in weights]
    if len(counts) < 2 or not all(expected):
        return 1.0
    distance = sum((count - want) ** 2 / want for count, want in zip(counts, expected, strict=True))
    return float(_special().chdtrc(len(counts) - 1, distance))


def difference_under_one_spread(first: Sums, second: Sums) -> tuple[float, float]:
    """(value, squared error) of a difference of means, the spread being that of both arms together: else an arm in
    which few happened to buy would look the surest, and weigh most where several are pooled.
    """
    both = Sums(first.n + second.n, first.total + second.total, first.squares + second.squares)
    return first.mean - second.mean, both.variance * (1 / first.n + 1 / second.n)


def pooled(differences: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """(value, squared error) of several differences of one kind, each weighed by the inverse of its squared error.

    The fixed-effect mean of meta-analysis: W. G. Cochran, Biometrics 10 (1954) 101. Without any: no idea at all.
    """
    known = [(value, squared) for value, squared in differences if squared > 0]
    weight = sum(1 / squared for _, squared in known)
    if not weight:
        return 0.0, inf
    return sum(value / squared for value, squared in known) / weight, 1 / weight


def shrunk(value: float, squared_error: float, *, prior: float) -> float:
    """`value` drawn towards zero, the more the less is known: the mean after a normal prior around zero, with the
    standard deviation `prior`, has met it (B. Efron, C. Morris, JASA 70 (1975) 311).
    """
    return value * prior**2 / (prior**2 + squared_error) if squared_error != inf else 0.0


def normal_interval(value: float, squared_error: float, *, alpha: float = ALPHA) -> Difference:
    """For a value whose error is as good as normal, such as a pooled one."""
    if squared_error == inf:
        return Difference(value, -inf, inf, 1.0)
    half = _z(1 - alpha / 2) * sqrt(squared_error)
    p = erfc(abs(value) / sqrt(squared_error) / sqrt(2)) if squared_error else float(not value)
    return Difference(value, value - half, value + half, p)


def _z(quantile: float) -> float:
    return NormalDist().inv_cdf(quantile)


def _special() -> ModuleType:
    """Of scipy: loaded where two arms are compared first, for it is 24 MB that a process that sends never needs."""
    from scipy import special

    return special
