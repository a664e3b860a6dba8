"""What people, suppliers and shoppers wrote, made fit to be told to a language model. Plain Python.

A goal, a category or an offer is data: it may hold somebody's address, and it may read like an order. Addresses are
taken out here; that an order is not obeyed, guard and approval see to.
"""

import re
import unicodedata
from collections.abc import Iterable

LEFT_OUT = "[left out]"
LONGEST_LINE, LONGEST_TEXT = 80, 1_000
_EMAIL = re.compile(
    r"[^\s<>@,;:]+@[^\s<>@,;:]+\.[^\s<>@,;:.]+|[^\s<>@,;:]+\s{0,3}@\s{0,3}[^\s<>@,;:]+\.[^\W\d_][^\s<>@,;:.]*"
)
_YEAR = r"(?:19|20)\d\d"
# What has as many digits as a telephone and is none: dates, years side by side, a year beside a count, and millions.
_ORDINARY = (
    rf"\d{{4}}-\d\d-\d\d|\d\d?[./]\d\d?[./]{_YEAR}|{_YEAR}(?:[\s,/–-]{{1,3}}{_YEAR})+|{_YEAR}[.,]\s\d{{1,4}}"
    rf"|\d{{1,4}}\s\({_YEAR}\)|\d{{1,3}},\d{{3}},\d{{3}}"
)
# Seven digits and more in one number, however it is grouped.
_NUMBER = re.compile(rf"(?P<ordinary>(?<!\d)(?:{_ORDINARY})(?!\d))|\+?\(?\d(?:[\s().,/–-]{{0,3}}\d){{6,}}")


def line(text: str, longest: int = LONGEST_LINE) -> str:
    """One line without addresses, numbers of telephones and control characters."""
    return _without_addresses(" ".join(_printable(text).split()))[:longest].rstrip()


def passage(text: str, longest: int = LONGEST_TEXT) -> str:
    """As `line`, with its paragraphs."""
    return _without_addresses("\n".join(" ".join(row.split()) for row in _printable(text).splitlines()))[:longest]


def runs_of_words(text: str, *, most: int = 6) -> set[str]:
    """All that could be a full name in it: two to `most` words in a row, in lower case and without a final 's.

    With the point that may end a sentence or an initial, and without it; with either apostrophe.
    """
    found = re.findall(r"[^\W\d_]+(?:[-'’.][^\W\d_]+)*\.?", _printable(text).lower())
    words = [re.sub(r"['’]s$", "", word) for word in found]
    runs = {
        " ".join(words[first : first + length])
        for length in range(2, most + 1)
        for first in range(len(words) - length + 1)
    }
    runs |= {run.removesuffix(".") for run in runs}
    return runs | {run.replace("’", "'") for run in runs} | {run.replace("'", "’") for run in runs}


def without(text: str, phrases: Iterable[str]) -> str:
    """`text` with each of `phrases` left out, however it is spaced and capitalised, with either apostrophe."""
    for phrase in sorted(phrases, key=len, reverse=True):
        words = r"\s+".join(re.sub("['’]", "['’]", re.escape(word)) for word in phrase.split())
        text = re.sub(rf"(?<!\w){words}", LEFT_OUT, text, flags=re.IGNORECASE)
    return text


def addresses_in(text: str) -> list[str]:
    """What would be left out of it."""
    numbers = (found[0] for found in _NUMBER.finditer(text) if not found["ordinary"])
    return [*_EMAIL.findall(text), *numbers]


def _without_addresses(text: str) -> str:
    return _NUMBER.sub(lambda found: found["ordinary"] or LEFT_OUT, _EMAIL.sub(LEFT_OUT, text))


def _printable(text: str) -> str:
    """As the signs are meant: ＠ is @, and a full-width digit is a digit."""
    seen = unicodedata.normalize("NFKC", text)
    return "".join(sign if sign.isprintable() or sign.isspace() else " " for sign in seen)
