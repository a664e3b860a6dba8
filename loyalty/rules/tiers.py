"""How far a member is from the next tier, and from losing theirs."""

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
