"""The numbers behind a step, in one line."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any


def headline(label: str, evidence: Mapping[str, Any]) -> str:
    """`At risk: 41 members, last bought 60 to 90 days ago`."""
    members, least, most = (
        evidence["reached"],
        evidence["last_bought_days"]["least"],
        evidence["last_bought_days"]["most"],
    )
    who = "1 member" if members == 1 else f"{members} members"
    when = f"{least}" if least == most else f"{least} to {most}"
    return f"{label}: {who}, last bought {when} days ago"


def beyond_the_budget(costs: Sequence[Decimal], reached: int, left: Decimal | None) -> bool:
    """Whether even the cheapest of the offers that could be made would cost more than is left, if all took it up."""
    return left is not None and bool(costs) and min(costs) * reached > left
