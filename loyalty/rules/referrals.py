"""What makes a referral look like somebody bringing themselves. Suspicions hold a referral up; a person decides.

Who a friend is can be made up for nothing, so each reason is a fact that can be looked up, never a guess.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum


class Reason(StrEnum):
    SELF = "self"
    RING = "ring"
    DEVICE = "same_device"
    CONTACT = "same_contact"
    ADDRESS = "same_address"
    MANY = "too_many"
    KNOWN = "known_before"


WORDS = {
    Reason.SELF: "Same name and date of birth",
    Reason.RING: "They bring each other in a ring",
    Reason.DEVICE: "Same device",
    Reason.CONTACT: "Same email address or phone, spelled differently",
    Reason.ADDRESS: "Many joined from one network address",
    Reason.MANY: "More friends this month than the programme allows",
    Reason.KNOWN: "Was a member or bought here before",
}

A_DAY = timedelta(days=1)
PER_ADDRESS = 5
# Mail that ignores dots in the name.
DOTLESS = frozenset({"gmail.com", "googlemail.com"})


@dataclass(frozen=True, kw_only=True)
class Person:
    name: str
    email: str | None
    phone: str | None
    birth_date: date | None


@dataclass(frozen=True, kw_only=True)
class Joining:
    """What is known when a friend joins: of the referrer, of the other friends, and how many (with this one)."""

    referrer: Person
    friend: Person
    shares_contact: bool
    closes_ring: bool
    is_known_device: bool
    is_known_member: bool
    from_address: int
    this_month: int
    per_month: int


def reasons_to_hold(joining: Joining) -> list[Reason]:
    found = {
        Reason.SELF: _is_same_person(joining.referrer, joining.friend),
        Reason.RING: joining.closes_ring,
        Reason.DEVICE: joining.is_known_device,
        Reason.CONTACT: joining.shares_contact or _share_contact(joining.referrer, joining.friend),
        Reason.ADDRESS: joining.from_address > PER_ADDRESS,
        Reason.MANY: joining.this_month > joining.per_month,
        Reason.KNOWN: joining.is_known_member,
    }
    return [reason for reason, is_so in found.items() if is_so]


def mailbox(email: str) -> str:
    """Where mail to an address ends up: without what follows a plus, and without dots where they mean nothing."""
    local, _, domain = email.lower().rpartition("@")
    local = local.partition("+")[0]
    if domain in DOTLESS:
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}@{domain}"


def _share_contact(one: Person, other: Person) -> bool:
    same_mail = bool(one.email and other.email) and mailbox(one.email or "") == mailbox(other.email or "")
    return same_mail or (one.phone is not None and one.phone == other.phone)


def _is_same_person(one: Person, other: Person) -> bool:
    same_name = bool(one.name.strip()) and one.name.casefold().split() == other.name.casefold().split()
    return same_name and one.birth_date is not None and one.birth_date == other.birth_date
