"""A rule in plain English."""

from collections.abc import Mapping
from dataclasses import dataclass

from loyalty.rules.segments.fields import AT_LEAST, AT_MOST, EXACTLY, FIELDS, Kind
from loyalty.rules.segments.grammar import Rule, capital

Names = Mapping[str, Mapping[str, str]]

COMPARED = {AT_LEAST: "at least", AT_MOST: "at most", EXACTLY: "exactly"}
HEADINGS = {"all": "All of these:", "any": "Any of these:", "none": "None of these:"}
EMPTY = {"all": "Everybody", "any": "Nobody", "none": "Everybody"}


@dataclass(frozen=True)
class Words:
    """One line, and the lines under it."""

    text: str
    under: tuple["Words", ...] = ()


def in_words(rule: Rule, names: Names, currency: str) -> Words:
    """`names` gives, by field, what its values are called: the names of stores and groups."""
    if "field" in rule:
        return Words(_condition(rule, names, currency))
    if "not" in rule:
        inner = rule["not"]
        kind, children = "none", inner.get("any", [inner])
    else:
        kind = "all" if "all" in rule else "any"
        children = rule[kind]
    if len(children) == 1 and kind != "none":
        return in_words(children[0], names, currency)
    under = tuple(in_words(child, names, currency) for child in children)
    return Words(HEADINGS[kind], under) if under else Words(EMPTY[kind])


def _condition(rule: Rule, names: Names, currency: str) -> str:
    field, value, known = FIELDS[rule["field"]], rule["value"], names.get(rule["field"], {})
    label, compared = capital(field.label), COMPARED.get(rule["is"], "")
    match field.kind:
        case Kind.FLAG:
            return label if value else capital(field.opposite)
        case Kind.CHOICE:
            return f"{label} is {' or '.join(known.get(each, each) for each in value)}"
        case Kind.DAYS_AGO:
            return f"{label} {compared} {_counted(value, 'day')} ago"
        case Kind.MONEY:
            return f"{label}: {compared} {value} {currency}"
        case Kind.TIMES:
            of = f" {known.get(value['of'], value['of'])}" if field.of else ""
            times, days = _counted(value["times"], "time"), _counted(value["days"], "day")
            return f"{label}{of} {compared} {times} in the last {days}"
    return f"{label}: {compared} {value}"


def _counted(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"
