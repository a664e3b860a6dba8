"""Reads a rule strictly: every fault names where it is and what to change."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from loyalty.rules.segments.fields import FIELDS, Field, Kind

Rule = Mapping[str, Any]

MAX_DEPTH = 8
MAX_CONDITIONS = 100
MAX_CHOICES = 100
MAX_TEXT = 120
MAX_TIMES = 10_000
MAX_DAYS = 3_650
MONEY = re.compile(r"[0-9]{1,9}(\.[0-9]{1,2})?")


@dataclass(frozen=True)
class Fault:
    """`path` leads to the rule at fault from the top: (0, 2) is the third of the first. `where` says it in JSON."""

    path: tuple[int, ...]
    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.where}: {self.text}"


def faults_of(rule: object) -> list[Fault]:
    """Everything that is wrong with a rule tree, from the top down; nothing when it can be used."""
    faults = list(_faults(rule, (), "rule", 1))
    if not faults and (conditions := _conditions_in(rule)) > MAX_CONDITIONS:
        faults.append(Fault((), "rule", f"Use at most {MAX_CONDITIONS} conditions; this has {conditions}."))
    return faults


def _faults(rule: object, path: tuple[int, ...], where: str, depth: int) -> Iterator[Fault]:
    if depth > MAX_DEPTH:
        yield Fault(path, where, f"Nest at most {MAX_DEPTH} levels.")
    elif not isinstance(rule, Mapping):
        yield Fault(path, where, "Write a rule: an object with “all”, “any”, “not” or “field”.")
    elif "field" in rule:
        yield from (Fault(path, at, text) for at, text in _condition_faults(rule, where))
    elif len(rule) != 1 or (word := next(iter(rule))) not in ("all", "any", "not"):
        yield Fault(path, where, "Write exactly one of “all”, “any” and “not”, or a condition with “field”.")
    elif word == "not":
        yield from _faults(rule[word], (*path, 0), f"{where}.not", depth + 1)
    elif not isinstance(rule[word], list):
        yield Fault(path, f"{where}.{word}", "Write a list of rules.")
    else:
        for place, child in enumerate(rule[word]):
            yield from _faults(child, (*path, place), f"{where}.{word}[{place}]", depth + 1)


def _conditions_in(rule: Any) -> int:
    if "field" in rule:
        return 1
    if "not" in rule:
        return _conditions_in(rule["not"])
    return sum(_conditions_in(child) for children in rule.values() for child in children)


def _condition_faults(rule: Mapping[str, Any], where: str) -> Iterator[tuple[str, str]]:
    if set(rule) != {"field", "is", "value"}:
        yield where, "A condition has exactly “field”, “is” and “value”."
        return
    name = rule["field"]
    field = FIELDS.get(name) if isinstance(name, str) else None
    if field is None:
        yield f"{where}.field", f"Choose what to ask about: {', '.join(FIELDS)}."
        return
    if rule["is"] not in field.operators:
        yield f"{where}.is", f"Choose one of: {', '.join(field.operators)}."
    if fault := value_fault(field, rule["value"]):
        yield f"{where}.value", fault


def value_fault(field: Field, value: object) -> str:
    """What is wrong with a value for this field; empty when nothing is."""
    match field.kind:
        case Kind.NUMBER | Kind.DAYS_AGO:
            least = 1 if field.topic == "score" else 0
            return _number_fault(value, least, field.largest)
        case Kind.MONEY:
            is_money = isinstance(value, str) and MONEY.fullmatch(value)
            return "" if is_money else "Write an amount such as 12.50, at most 999999999.99."
        case Kind.FLAG:
            return "" if isinstance(value, bool) else "Choose yes or no (true or false)."
        case Kind.CHOICE:
            return _choices_fault(value)
        case Kind.TIMES:
            return _times_fault(field, value)


def capital(text: str) -> str:
    """The text with a capital letter; the others stay as they are."""
    return text[:1].upper() + text[1:]


def _number_fault(value: object, least: int, most: int) -> str:
    if type(value) is int and least <= value <= most:
        return ""
    return f"Write a whole number from {least} to {most:,}."


def _text_fault(value: object) -> str:
    if value == "":
        return "Say which."
    if isinstance(value, str) and value.strip() == value and len(value) <= MAX_TEXT and value.isprintable():
        return ""
    return f"Write a text of 1 to {MAX_TEXT} characters without spaces around it."


def _choices_fault(value: object) -> str:
    if not isinstance(value, list) or not 0 < len(value) <= MAX_CHOICES:
        return f"Choose 1 to {MAX_CHOICES} values."
    return next(filter(None, map(_text_fault, value)), "")


def _times_fault(field: Field, value: object) -> str:
    wanted = {"times", "days"} | ({"of"} if field.of else set())
    if not isinstance(value, Mapping) or set(value) != wanted:
        return f"Say {', '.join(sorted(wanted))}."
    if field.of and (fault := _text_fault(value["of"])):
        return f"{capital(field.of)}: {fault}"
    if fault := _number_fault(value["times"], 0, MAX_TIMES):
        return f"Times: {fault}"
    if fault := _number_fault(value["days"], 1, MAX_DAYS):
        return f"Days: {fault}"
    return ""
