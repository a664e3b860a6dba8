"""What one arm did more than another, measure by measure, and what may be said of it. Plain Python.

By intention to treat: an arm is whom the lot put there, whatever reached them. While the window is open an interval
holds however often one looks, and nothing is called certain; when it has closed, the ordinary one is looked at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from campaigns.rules import sample_sizes, statistics
from campaigns.rules.sample_sizes import FEWEST_FOR_MEANS, FEWEST_FOR_SHARES
from campaigns.rules.statistics import ALPHA, Difference, Share, Sums

BUYERS, ORDERS, REVENUE, MARGIN, CLICKS = "buyers", "orders", "revenue", "margin", "clicks"
SHARES = (BUYERS, CLICKS)
TOO_FEW, OPEN, MORE, LESS, UNCLEAR = "too_few", "open", "more", "less", "unclear"
# What a sample is planned to show: a tenth more than the other arm does by itself.
WORTH_SEEING = 0.1


@dataclass(frozen=True)
class Outcome:
    """What the members of one arm did within the window. Revenue is in the shop's currency."""

    members: int
    buyers: int
    orders: Sums
    revenue: Sums
    clicks: int = 0

    @property
    def bought(self) -> Share:
        return Share(self.members, self.buyers)

    @property
    def clicked(self) -> Share:
        return Share(self.members, self.clicks)


NOTHING = Outcome(0, 0, Sums(0, 0.0, 0.0), Sums(0, 0.0, 0.0))


@dataclass(frozen=True)
class Effect:
    """One measure: what a member did on average in each arm, and the difference of the first arm to the other.

    `enough` is how many members the smaller arm would need: to be compared at all, or to show a tenth more.
    """

    measure: str
    members: int
    other_members: int
    mean: float
    other_mean: float
    difference: Difference
    verdict: str
    enough: int | None = None

    @property
    def seems(self) -> str:
        """MORE or LESS where the interval leaves zero out, whether or not the window is still open; else UNCLEAR."""
        if not self.is_told or not self.difference.is_clear or self.difference.p >= ALPHA:
            return UNCLEAR
        return MORE if self.difference.value > 0 else LESS

    @property
    def is_told(self) -> bool:
        """There is an interval worth showing."""
        return self.verdict != TOO_FEW

    @property
    def is_certain(self) -> bool:
        return self.verdict in (MORE, LESS)

    @property
    def total(self) -> Difference:
        """For all members of the first arm together."""
        d, n = self.difference, self.members
        return Difference(d.value * n, d.low * n, d.high * n, d.p)

    @property
    def percent(self) -> Difference | None:
        """As a share of what the other arm did; None where it did nothing."""
        d, base = self.difference, self.other_mean
        return Difference(d.value / base, d.low / base, d.high / base, d.p) if base > 0 else None

    @property
    def figures(self) -> dict[str, Any]:
        """The page, the CSV and the API tell these."""
        told, percent = self.is_told, self.percent if self.is_told else None
        return {
            "measure": self.measure,
            "members": self.members,
            "other_members": self.other_members,
            "per_member": self.mean,
            "other_per_member": self.other_mean,
            "difference": self.difference.value if told else None,
            "low": self.difference.low if told else None,
            "high": self.difference.high if told else None,
            "total": self.total.value if told else None,
            "total_low": self.total.low if told else None,
            "total_high": self.total.high if told else None,
            "percent": percent.value if percent else None,
            "percent_low": percent.low if percent else None,
            "percent_high": percent.high if percent else None,
            "p": self.difference.p if told else None,
            "verdict": self.verdict,
            "enough": self.enough,
        }


FIGURES = (
    *("measure", "members", "other_members", "per_member", "other_per_member", "difference", "low", "high"),
    *("total", "total_low", "total_high", "percent", "percent_low", "percent_high", "p", "verdict", "enough"),
)


def effects_of(first: Outcome, other: Outcome, *, elapsed: float, margin: float | None) -> tuple[Effect, ...]:
    """Buyers, orders, revenue, and margin where `margin` is known (its share of the revenue).

    `elapsed` is how much of the window has passed, 0 to 1.
    """
    measures = (BUYERS, ORDERS, REVENUE) if margin is None else (BUYERS, ORDERS, REVENUE, MARGIN)
    return tuple(effect_of(measure, first, other, elapsed=elapsed, margin=margin) for measure in measures)


def effect_of(
    measure: str,
    first: Outcome,
    other: Outcome,
    *,
    elapsed: float,
    margin: float | None = None,
    alpha: float = ALPHA,
    always: bool = False,
) -> Effect:
    """`always`: the interval that holds at every look stays to the end, for whoever acts on the first clear one."""
    if measure in SHARES:
        return _of_shares(measure, first, other, elapsed=elapsed, alpha=alpha, always=always)
    sums = {ORDERS: (first.orders, other.orders), REVENUE: (first.revenue, other.revenue)}
    factor = margin if measure == MARGIN and margin is not None else 1.0
    mine, others = sums.get(measure, sums[REVENUE])
    return _of_means(
        measure, first, other, mine.times(factor), others.times(factor), elapsed=elapsed, alpha=alpha, always=always
    )


def orders_together(campaigns: Sequence[tuple[Outcome, Outcome]]) -> Difference:
    """Of campaigns, the oldest first, each treated and held out: how many more orders all of them brought in all."""
    parts = []
    for treated, held_out in campaigns:
        one, other, n = treated.orders, held_out.orders, treated.members
        parts.append((n * (one.mean - other.mean), n**2 * (one.squared_error + other.squared_error)))
    return statistics.always_valid_sum(parts)


def adjusted(effects: Sequence[Effect]) -> list[Effect]:
    """Several arms against one: each verdict by Holm, so that of many variants none wins by being many."""
    told = [effect for effect in effects if effect.is_told]
    by_holm = dict(zip(map(id, told), statistics.holm([each.difference.p for each in told]), strict=True))
    return [_held_to(effect, by_holm[id(effect)]) if effect.is_told else effect for effect in effects]


def _held_to(effect: Effect, p: float) -> Effect:
    is_lost = effect.is_certain and p >= ALPHA
    return replace(effect, difference=replace(effect.difference, p=p), verdict=UNCLEAR if is_lost else effect.verdict)


def _of_shares(measure: str, first: Outcome, other: Outcome, *, elapsed: float, alpha: float, always: bool) -> Effect:
    mine, others = (first.bought, other.bought) if measure == BUYERS else (first.clicked, other.clicked)
    if elapsed < 1 or always:
        squared = statistics.squared_error_of_shares(mine, others)
        found = statistics.always_valid(mine.rate - others.rate, squared, elapsed=elapsed, alpha=alpha)
        found = replace(found, low=max(found.low, -1.0), high=min(found.high, 1.0))
    else:
        found = statistics.difference_of_shares(mine, others, alpha=alpha)
    verdict = _verdict(found, sample_sizes.is_enough(mine, others, fewest=FEWEST_FOR_SHARES), elapsed, alpha)
    enough = None
    if verdict == TOO_FEW:
        enough = sample_sizes.members_for(mine, others, fewest=FEWEST_FOR_SHARES)
    elif verdict == UNCLEAR and 0 < others.rate * (1 + WORTH_SEEING) < 1:
        enough = sample_sizes.for_shares(others.rate * (1 + WORTH_SEEING), others.rate, ratio=_ratio(mine, others))
    return Effect(measure, mine.n, others.n, mine.rate, others.rate, found, verdict, enough)


def _of_means(
    measure: str,
    first: Outcome,
    other: Outcome,
    mine: Sums,
    others: Sums,
    *,
    elapsed: float,
    alpha: float,
    always: bool,
) -> Effect:
    if elapsed < 1 or always:
        squared = mine.squared_error + others.squared_error
        found = statistics.always_valid(mine.mean - others.mean, squared, elapsed=elapsed, alpha=alpha)
    else:
        found = statistics.difference_of_means(mine, others, alpha=alpha)
    bought = first.bought, other.bought
    verdict = _verdict(found, sample_sizes.is_enough(*bought, fewest=FEWEST_FOR_MEANS), elapsed, alpha)
    enough = None
    if verdict == TOO_FEW:
        enough = sample_sizes.members_for(*bought, fewest=FEWEST_FOR_MEANS)
    elif verdict == UNCLEAR and others.mean > 0:
        deviation = max(others.variance, mine.variance) ** 0.5
        enough = sample_sizes.for_means(deviation, others.mean * WORTH_SEEING, ratio=_ratio(*bought))
    return Effect(measure, mine.n, others.n, mine.mean, others.mean, found, verdict, enough)


def _ratio(first: Share, other: Share) -> float:
    """How many times as large the larger arm is."""
    return max(first.n, other.n) / min(first.n, other.n)


def _verdict(found: Difference, is_enough: bool, elapsed: float, alpha: float) -> str:
    """Clear where interval and test say so: of shares they are two scores, and may part at the very edge."""
    if not is_enough:
        return TOO_FEW
    if elapsed < 1:
        return OPEN
    return UNCLEAR if not found.is_clear or found.p >= alpha else MORE if found.value > 0 else LESS
