"""What people, suppliers and shoppers wrote, made fit to be told to a language model. Plain Python.

A goal, a category or an offer is data: it may hold somebody's address, and it may read like an order. Addresses are
taken out here; that an order is not obeyed, guard and approval see to.
"""

import re

LEFT_OUT = "[left out]"
LONGEST_LINE, LONGEST_TEXT = 80, 1_000
_EMAIL = re.compile(r"[^\s<>@,;:]+@[^\s<>@,;:]+\.[^\s<>@,;:.]+")
# Seven digits and more in one number, however it is grouped; dates and prices are shorter or have other signs in them.
_PHONE = re.compile(r"(?<![\w#{])\+?\(?\d(?:[\s().–-]?\d){6,14}(?!\w)")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def line(text: str, longest: int = LONGEST_LINE) -> str:
    """One line without addresses, numbers of telephones and control characters."""
    return _without_addresses(" ".join(_printable(text).split()))[:longest].rstrip()


def passage(text: str, longest: int = LONGEST_TEXT) -> str:
    """As `line`, with its paragraphs."""
    return _without_addresses("\n".join(" ".join(row.split()) for row in _printable(text).splitlines()))[:longest]


def _without_addresses(text: str) -> str:
    return _PHONE.sub(_unless_date, _EMAIL.sub(LEFT_OUT, text))


def _unless_date(found: re.Match[str]) -> str:
    return found[0] if _DATE.fullmatch(found[0]) else LEFT_OUT


def _printable(text: str) -> str:
    return "".join(sign if sign.isprintable() or sign.isspace() else " " for sign in text)
