"""What the demo shop offers its members: made up, like its people."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Gift:
    name: str
    kind: str
    cost: int
    value: str
    description: str
    terms: str = ""
    stock: int | None = None
    per_member: int | None = None
    category: str = ""
    colours: tuple[str, str] = ("#7c2d4f", "#f3d9c9")
    shape: str = "ticket"

    @property
    def worth(self) -> Decimal:
        return Decimal(self.value)


GIFTS = (
    Gift(
        name="Waiter's corkscrew",
        kind="merchandise",
        cost=60,
        value="3.20",
        description="Two steps, a foil knife, and a red handle you will not lose in the drawer.",
        stock=140,
        per_member=2,
        colours=("#d9e4dd", "#7c2d4f"),
        shape="corkscrew",
    ),
    Gift(
        name="$5 off your next basket",
        kind="discount",
        cost=100,
        value="5.00",
        description="Taken off at the till.",
        terms="One for each basket of $20 or more.",
        colours=("#f0e2c4", "#8a5a12"),
        shape="ticket",
    ),
    Gift(
        name="Bottle bag for six",
        kind="merchandise",
        cost=150,
        value="6.50",
        description="Heavy canvas with dividers. It has carried worse than wine.",
        stock=38,
        per_member=1,
        colours=("#dfe3ee", "#33406b"),
        shape="bag",
    ),
    Gift(
        name="Tasting for two on Thursday",
        kind="service",
        cost=250,
        value="18.00",
        description="Six glasses, bread and somebody who knows why. Thursdays at seven.",
        terms="Book by phone; bring your identity card.",
        stock=12,
        per_member=1,
        colours=("#f2d7d5", "#7c2d4f"),
        shape="glass",
    ),
    Gift(
        name="A bottle of the house red",
        kind="item",
        cost=300,
        value="9.40",
        description="What we drink ourselves.",
        stock=60,
        per_member=3,
        category="Domestic wine",
        colours=("#e9ddcb", "#4a1c30"),
        shape="bottle",
    ),
    Gift(
        name="$20 off your next basket",
        kind="discount",
        cost=360,
        value="20.00",
        description="Taken off at the till.",
        terms="One for each basket of $60 or more.",
        colours=("#dbe8df", "#1f5c45"),
        shape="ticket",
    ),
)

# Name, reached from (spent in a year), colour, what members read.
TIERS = (
    ("Cellar", "0", "#78716c", "Points on every bottle\nYour birthday is on us"),
    ("Reserve", "400", "#a16207", "Fridays count double\nFirst call for tastings"),
    ("Grand Cru", "1200", "#7c2d4f", "Tastings for two\nBottles kept for you"),
)
RULES: tuple[dict[str, Any], ...] = (
    {
        "name": "Double on Fridays",
        "effect": "multiplier",
        "multiplier": Decimal(2),
        "conditions": {"weekdays": [4]},
        "cap_points": 200,
        "cap_period": "month",
        "priority": 110,
    },
    {"name": "Birthday", "trigger": "birthday", "effect": "fixed", "points": 100, "priority": 120},
    {
        "name": "A scan a day",
        "trigger": "scan",
        "effect": "fixed",
        "points": 5,
        "cap_times": 1,
        "cap_period": "day",
        "priority": 130,
    },
)
