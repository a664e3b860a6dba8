"""Which column of a stranger's file probably says what, and whether a choice of columns can be used."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence

from loyalty.rules.purchases import numbers, times
from loyalty.rules.purchases.fields import FIELDS, LABELS, REQUIRED

DOUBTS = {
    "day_or_month": (
        "In every line looked at, 03/04/2026 could be 3 April or March 4. Make sure that the style of times below is "
        "the right one."
    ),
    "decimal_mark": (
        "In every line looked at, 1,234 could be a thousand or a little more than one. Make sure that the style of "
        "numbers below is the right one."
    ),
}


def guess(columns: Sequence[str], samples: Sequence[Sequence[str]]) -> dict[str, str]:
    """Field -> column: by the column's name, and where no name helps, by what stands in it."""
    free = {_plain(column): column for column in reversed(columns)}
    mapping: dict[str, str] = {}
    for name, synonyms in _SYNONYMS.items():
        if found := next((free[synonym] for synonym in synonyms if synonym in free), None):
            mapping[name] = found
            del free[_plain(found)]
    taken = set(mapping.values())
    values = {column: [row[place] for row in samples if place < len(row)] for place, column in enumerate(columns)}
    for name, looks_like in (("time", times.is_time), ("email", _is_email), ("amount", numbers.is_price)):
        if name not in mapping:
            rest = (column for column in columns if column not in taken)
            if found := next((column for column in rest if _mostly(looks_like, values[column])), None):
                mapping[name] = found
                taken.add(found)
    return mapping


def faults(mapping: Mapping[str, str], columns: Sequence[str]) -> list[str]:
    """What keeps this mapping from being used; empty when it can be."""
    missing = [f"Say which column holds the {LABELS[name].lower()}." for name in REQUIRED if not mapping.get(name)]
    if not mapping.get("sku") and not mapping.get("product"):
        missing.append("Say which column holds the product code or the product name.")
    unknown = [f"There is no field called “{name}”." for name in mapping if name not in LABELS]
    absent = [f"The file has no column “{column}”." for column in mapping.values() if column and column not in columns]
    chosen = [column for column in mapping.values() if column]
    twice = {column for column in chosen if chosen.count(column) > 1}
    return missing + unknown + absent + [f"The column “{column}” is chosen twice." for column in sorted(twice)]


def _plain(column: str) -> str:
    """Words in lower case, without accents: `Beleg-Nr.`, `belegNr` and `Beleg Nr` are one."""
    words = unicodedata.normalize("NFKD", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", column)).lower().replace("ß", "ss")
    bare = "".join(letter for letter in words if not unicodedata.combining(letter))
    return " ".join(re.findall(r"[a-z0-9]+", bare))


_SYNONYMS = {field.name: [_plain(synonym) for synonym in field.synonyms] for field in FIELDS}


def _is_email(value: str) -> bool:
    return re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", value.strip()) is not None


def _mostly(looks_like: Callable[[str], bool], values: Sequence[str]) -> bool:
    filled = [value for value in values if value.strip()]
    return bool(filled) and sum(map(looks_like, filled)) >= 0.9 * len(filled)
