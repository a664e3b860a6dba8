"""How well a fit foretold days it had not seen.

Members who bought before the holdout began are forecast from what they did until then, and compared with what they
did in it; arrays of shape (members,).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from loyalty.scoring import calibration
from loyalty.scoring.calibration import Bin

# A member of low risk comes back with two chances in three or more, one of high risk with less than one in three.
LOW_FROM, HIGH_BELOW = 2 / 3, 1 / 3
WORSE_MAE, WORSE_TOTAL = 1.05, 0.10


@dataclass(frozen=True)
class Cuts:
    """Chances to come back from which on a member's churn risk is low, and below which it is high."""

    low: float
    high: float


@dataclass(frozen=True)
class Band:
    """A churn risk: how many had it when the holdout began, and the share of them that came back in it."""

    risk: str
    members: int
    came_back: float | None


@dataclass(frozen=True)
class Holdout:
    """`mae` in orders a member; `correlation` of expected and actual orders, None where one of them does not vary.

    `bins` compare the chance to come back with the share that did.
    """

    days: int
    members: int
    expected_orders: float
    actual_orders: int
    mae: float
    correlation: float | None
    bins: list[Bin]
    bands: list[Band]

    @property
    def error(self) -> float | None:
        """Of all orders together: +0.10 is ten in a hundred too many."""
        return self.expected_orders / self.actual_orders - 1 if self.actual_orders else None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> "Holdout":
        parts = {
            "bins": [Bin(**each) for each in kept["bins"]],
            "bands": [Band(**each) for each in kept["bands"]],
        }
        return cls(**{**kept, **parts})


def compare(*, days: int, expected: Any, actual: Any, chance: Any, cuts: Cuts | None = None) -> tuple[Holdout, Cuts]:
    """`expected` and `actual` orders in the holdout, and the `chance` foretold that there would be any.

    Without `cuts` they are laid on one half of the members, and the bands are judged on the other.
    """
    expected, chance = np.asarray(expected, dtype=np.float64), np.asarray(chance, dtype=np.float64)
    actual = np.asarray(actual, dtype=np.float64)
    came_back, judged = actual > 0, np.ones(actual.size, dtype=bool)
    if cuts is None:
        judged = np.arange(actual.size) % 2 == 0
        laid = ~judged if actual.size > 1 else judged
        low = calibration.cut_at(LOW_FROM, chance[laid], came_back[laid])
        high = calibration.cut_at(HIGH_BELOW, chance[laid], came_back[laid])
        cuts = Cuts(low=low, high=min(high, low))
    found = Holdout(
        days=days,
        members=int(actual.size),
        expected_orders=float(expected.sum()),
        actual_orders=int(actual.sum()),
        mae=float(np.abs(expected - actual).mean()) if actual.size else 0.0,
        correlation=_correlation(expected, actual),
        bins=calibration.bins(chance, came_back),
        bands=_bands(chance[judged], came_back[judged], cuts),
    )
    return found, cuts


def is_clearly_worse(new: Holdout, old: Holdout) -> bool:
    """On the same holdout: each member is missed by a twentieth more, or the sum by ten in a hundred more."""
    missed, missed_before = abs(new.error or 0), abs(old.error or 0)
    return new.mae > WORSE_MAE * old.mae or missed > missed_before + WORSE_TOTAL


def risk_of(chance: Any, cuts: Cuts) -> Any:
    """0 is low, 1 medium, 2 high; an array of the shape of `chance`."""
    chance = np.asarray(chance, dtype=np.float64)
    return np.where(chance >= cuts.low, 0, np.where(chance >= cuts.high, 1, 2)).astype(np.int16)


RISKS = ("low", "medium", "high")


def _bands(chance: Any, came_back: Any, cuts: Cuts) -> list[Band]:
    risk = risk_of(chance, cuts)
    return [
        Band(name, int(inside.sum()), float(came_back[inside].mean()) if inside.any() else None)
        for name, inside in ((name, risk == number) for number, name in enumerate(RISKS))
    ]


def _correlation(expected: Any, actual: Any) -> float | None:
    if actual.size < 2 or not (np.ptp(expected) and np.ptp(actual)):
        return None
    return float(np.corrcoef(expected, actual)[0, 1])
