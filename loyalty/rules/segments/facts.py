"""Answers a rule for one member in memory."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from loyalty.rules.segments.fields import AT_LEAST, AT_MOST, EXACTLY, FIELDS, ONE_OF, Kind
from loyalty.rules.segments.grammar import Rule


@dataclass(frozen=True)
class Purchase:
    """One order that is more than a return: the day, the store's code and what was bought."""

    day: date
    store: str
    categories: frozenset[str]
    products: frozenset[str]


@dataclass(frozen=True)
class MemberFacts:
    """Everything a rule can ask about one member. Days are those of the business's time zone.

    `values` has the plain fields by name; a missing value is None, and a set holds all that are true at once.
    `events` are (day, name).
    """

    today: date
    values: Mapping[str, Any]
    purchases: tuple[Purchase, ...] = ()
    events: tuple[tuple[date, str], ...] = ()


def matches(rule: Rule, facts: MemberFacts) -> bool:
    """Whether the member is meant. The rule must be free of faults."""
    if "all" in rule:
        return all(matches(child, facts) for child in rule["all"])
    if "any" in rule:
        return any(matches(child, facts) for child in rule["any"])
    if "not" in rule:
        return not matches(rule["not"], facts)
    return _holds(rule, facts)


def _holds(condition: Rule, facts: MemberFacts) -> bool:
    field, operator, wanted = FIELDS[condition["field"]], condition["is"], condition["value"]
    actual: Any
    if field.kind is Kind.TIMES:
        actual, wanted = _times(field.name, wanted, facts), wanted["times"]
    else:
        actual = facts.values[field.name]
    if actual is None:
        return False
    if field.kind is Kind.DAYS_AGO:
        actual = (facts.today - actual).days
    elif field.kind is Kind.MONEY:
        wanted = Decimal(wanted)
    comparisons = {
        AT_LEAST: lambda: actual >= wanted,
        AT_MOST: lambda: actual <= wanted,
        EXACTLY: lambda: actual == wanted,
        ONE_OF: lambda: not actual.isdisjoint(wanted) if isinstance(actual, frozenset) else actual in wanted,
    }
    return bool(comparisons[operator]())


def _times(name: str, wanted: Mapping[str, Any], facts: MemberFacts) -> int:
    of = wanted.get("of", "")
    if name == "events.happened":
        days = [day for day, event in facts.events if event == of]
    else:
        counts = {
            "orders.any": lambda purchase: True,
            "orders.category": lambda purchase: of in purchase.categories,
            "orders.product": lambda purchase: of in purchase.products,
            "orders.store": lambda purchase: of == purchase.store,
        }[name]
        days = [purchase.day for purchase in facts.purchases if counts(purchase)]
    return sum((facts.today - day).days <= wanted["days"] for day in days)
