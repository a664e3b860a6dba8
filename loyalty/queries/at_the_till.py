"""Members as the people at a counter see them."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet
from django.utils import timezone

from config.shared.errors import DomainError
from loyalty.models import Member
from loyalty.queries.brand import business
from loyalty.queries.members import by_number
from loyalty.queries.shoppers import Profile, profile_of
from loyalty.rules.contacts import NotAnAddress, normal_phone

MOST, SHORTEST = 5, 3


class NotTheOne(DomainError):
    code = "not_the_one"


@dataclass(frozen=True)
class AtTheTill:
    """`is_of_age` is None while no date of birth is known."""

    member: Member
    profile: Profile
    is_of_age: bool | None


def members() -> QuerySet[Member]:
    return Member.objects.current().select_related("points_account", "home_store")


def found(q: str) -> list[Member]:
    """By a whole email, phone or customer number, or by #7; else by part of a name, three letters or more."""
    text = q.strip()
    exact = Q(email=text.lower()) | Q(external_id=text)
    if number := by_number(text):
        exact |= number
    with suppress(NotAnAddress):
        exact |= Q(phone=normal_phone(text))
    rows = list(members().filter(exact).order_by("pk")[:MOST])
    if rows or len(text) < SHORTEST:
        return rows
    return list(members().filter(name__icontains=text).order_by("name", "pk")[:MOST])


def the_one(q: str, *, besides: Member | None = None) -> Member:
    """The one that is meant: of several with one name, not `besides`. Raises NotTheOne."""
    rows = found(q)
    if len(rows) > 1:
        rows = [row for row in rows if row != besides]
    if not rows:
        raise NotTheOne(f"Nobody here is “{q}”: give a whole email, phone or customer number.")
    if len(rows) > 1:
        raise NotTheOne(f"“{q}” is the name of several: give an email, phone or customer number.")
    return rows[0]


def shown(member: Member, *, now: datetime) -> AtTheTill:
    return AtTheTill(member, profile_of(member, now=now), is_of_age(member, now=now))


def is_of_age(member: Member, *, now: datetime) -> bool | None:
    """None while no date of birth is known."""
    age = member.age_on(timezone.localdate(now))
    return None if age is None else age >= business().legal_age
