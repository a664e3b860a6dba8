"""What the law of a state says of rewards. The rows are the shop's; SHIPPED comes with the product, not in force.

Each names its source and the day somebody read it. They are a beginning, and no legal advice.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date

from loyalty.rules.states import STATE_NAMES

STATES = tuple(STATE_NAMES)


@dataclass(frozen=True, kw_only=True)
class Policy:
    state: str
    vertical: str
    kind: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Shipped(Policy):
    source: str
    as_of: date


def denial(policies: Iterable[Policy], *, states: Collection[str], vertical: str, kind: str) -> str:
    """Why a kind of reward may be handed over in none of these states; empty when it may in one of them.

    One state is that of a store; several are all the member might go to. `policies` are those that forbid, in force.
    """
    reasons = {policy.state: policy.reason for policy in policies if (policy.vertical, policy.kind) == (vertical, kind)}
    denied = [reasons[state] for state in sorted(states) if state in reasons]
    return denied[0] if denied and len(denied) == len(states) else ""


def gettext_noop(text: str) -> str:
    """Marks a text for config.locales; it is translated when somebody reads it, and a shop may have changed it."""
    return text


_READ = date(2026, 11, 21)
_CALIFORNIA = "Cal. Business and Professions Code §26153"
_MASSACHUSETTS = "935 CMR 500.105(4); Cannabis Control Commission, bulletin on advertising of 2024-05-21"
_TEXAS = "16 Texas Administrative Code §45.101 (Rebates and Coupons)"

SHIPPED = (
    Shipped(
        state="CA",
        vertical="CANNABIS",
        kind="item",
        reason=gettext_noop("Cannabis shops in California may not give products or accessories away."),
        source=_CALIFORNIA,
        as_of=_READ,
    ),
    Shipped(
        state="MA",
        vertical="CANNABIS",
        kind="discount",
        reason=gettext_noop("Massachusetts forbids advertising discounts on cannabis to the public."),
        source=_MASSACHUSETTS,
        as_of=_READ,
    ),
    Shipped(
        state="TX",
        vertical="LIQUOR",
        kind="discount",
        reason=gettext_noop("Texas forbids rebates and coupons for alcohol."),
        source=_TEXAS,
        as_of=_READ,
    ),
    Shipped(
        state="TX",
        vertical="LIQUOR",
        kind="item",
        reason=gettext_noop("Texas forbids giving anything away as an inducement to buy alcohol."),
        source=_TEXAS,
        as_of=_READ,
    ),
)
