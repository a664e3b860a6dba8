"""What a member reads about their tier."""

from dataclasses import dataclass
from decimal import Decimal

POINTS, SPEND, VISITS = "points", "spend", "visits"


@dataclass(frozen=True)
class Progress:
    """`reached` counts now; `staying` is what will still count at the end of the time that is looked ahead."""

    reached: Decimal
    tier: str = ""
    threshold: Decimal = Decimal(0)
    next_tier: str = ""
    next_threshold: Decimal | None = None
    staying: Decimal = Decimal(0)

    @property
    def missing(self) -> Decimal | None:
        """To the next tier; None at the top."""
        return None if self.next_threshold is None else max(self.next_threshold - self.reached, Decimal(0))

    @property
    def to_stay(self) -> Decimal:
        return max(self.threshold - self.staying, Decimal(0)) if self.tier else Decimal(0)

    @property
    def share(self) -> float:
        """Of the way from this tier to the next, 0 to 1; 1 at the top."""
        if self.next_threshold is None:
            return 1.0
        way = self.next_threshold - self.threshold
        return float(min(max((self.reached - self.threshold) / way, Decimal(0)), Decimal(1))) if way else 1.0


def amount_in_words(amount: Decimal, basis: str, currency: str) -> str:
    """`40 points`, `1 visit`, `USD 12.50`."""
    if basis == SPEND:
        return f"{currency} {amount:,.2f}"
    count = int(amount.to_integral_value(rounding="ROUND_CEILING"))
    noun = "point" if basis == POINTS else "visit"
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def in_words(progress: Progress, basis: str, currency: str) -> str:
    if progress.tier and progress.to_stay:
        return f"{amount_in_words(progress.to_stay, basis, currency)} to stay {progress.tier}"
    if progress.missing is not None and progress.next_tier:
        return f"{amount_in_words(progress.missing, basis, currency)} to {progress.next_tier}"
    return f"You have reached {progress.tier}" if progress.tier else ""
