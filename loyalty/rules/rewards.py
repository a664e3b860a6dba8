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
    code: str
    text: str


def refusal(case: Case) -> Refusal | None:
    """The first thing that stands in the way, those that nobody can change before those that time or points change."""
    return _forbidden(case) or _not_meant(case) or _used_up(case)


def _forbidden(case: Case) -> Refusal | None:
    if case.age is None:
        return Refusal("age_unknown", "Tell us your date of birth first.")
    if case.age < case.legal_age:
        return Refusal("too_young", f"Rewards are for members of {case.legal_age} and older.")
    return Refusal("forbidden", case.denial) if case.denial else None


def _not_meant(case: Case) -> Refusal | None:
    if not case.is_open:
        return Refusal("not_offered", "This reward is not offered now.")
    if not case.is_in_segment:
        return Refusal("not_for_you", "This reward is meant for other members.")
    if case.tier_from is not None and (case.reached is None or case.reached < case.tier_from):
        return Refusal("tier_too_low", f"This reward is for {case.tier_name} members and above.")
    return None


def _used_up(case: Case) -> Refusal | None:
    if case.per_member is not None and case.taken >= case.per_member:
        times = "once" if case.per_member == 1 else f"{case.per_member} times"
        return Refusal("taken_already", f"Each member gets this reward {times}.")
    if case.stock == 0:
        return Refusal("sold_out", "None of this reward are left.")
    if case.balance is not None and case.balance < case.cost:
        return Refusal("not_enough_points", f"{case.cost - max(case.balance, 0):,} more points to go.")
    return None
