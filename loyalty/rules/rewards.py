"""Whether a member may hold a reward, and if not, why. The list on the phone and the hold itself ask the same."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, kw_only=True)
class Case:
    """Everything that decides. `tier_from` and `reached` are thresholds of tiers; None is no tier.

    `balance` is None when the ledger itself will judge.
    """

    is_open: bool
    stock: int | None
    per_member: int | None
    taken: int
    tier_from: Decimal | None
    tier_name: str
    reached: Decimal | None
    is_in_segment: bool
    age: int | None
    legal_age: int
    denial: str
    cost: int
    balance: int | None


@dataclass(frozen=True)
class Refusal:
    """`number` and `tier` are what its words name (loyalty.queries.wording); `denial` is what the law says."""

    code: str
    number: int = 0
    tier: str = ""
    denial: str = ""


def refusal(case: Case) -> Refusal | None:
    """The first thing that stands in the way, those that nobody can change before those that time or points change."""
    return _forbidden(case) or _not_meant(case) or _used_up(case)


def _forbidden(case: Case) -> Refusal | None:
    if case.age is None:
        return Refusal("age_unknown")
    if case.age < case.legal_age:
        return Refusal("too_young", number=case.legal_age)
    return Refusal("forbidden", denial=case.denial) if case.denial else None


def _not_meant(case: Case) -> Refusal | None:
    if not case.is_open:
        return Refusal("not_offered")
    if not case.is_in_segment:
        return Refusal("not_for_you")
    if case.tier_from is not None and (case.reached is None or case.reached < case.tier_from):
        return Refusal("tier_too_low", tier=case.tier_name)
    return None


def _used_up(case: Case) -> Refusal | None:
    if case.per_member is not None and case.taken >= case.per_member:
        return Refusal("taken_already", number=case.per_member)
    if case.stock == 0:
        return Refusal("sold_out")
    if case.balance is not None and case.balance < case.cost:
        return Refusal("not_enough_points", number=case.cost - max(case.balance, 0))
    return None
