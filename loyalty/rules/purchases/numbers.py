"""Numbers as shops write them: $1,234.50, 1.234,50 €, (12.00), -3."""

import re
from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache

_GROUP = {".": ",' \u00a0\u202f", ",": ".' \u00a0\u202f"}
SHAPE = {
    mark: re.compile(rf"(?:\d+|\d{{1,3}}(?:[{group}]\d{{3}})+)(?:[{mark}]\d*)?|[{mark}]\d+")
    for mark, group in _GROUP.items()
}
CURRENCY = re.compile(r"^(?:[A-Z]{2,3}|[A-Z]{0,2}[$€£¥₹])\s*|\s*(?:[A-Z]{3}|[$€£¥₹])$")
LARGEST = Decimal(10) ** 6


class NotANumber(ValueError):
    """This cannot be a number in the style the file's columns are written in."""


def decimal_mark(values: Iterable[str]) -> str:
    """`.` or `,`: what most of a column's numbers can only mean. 1,234 alone could be either and has no vote."""
    votes = {".": 0, ",": 0}
    for value in values:
        marks = re.findall(r"[.,]", value)
        if not marks:
            continue
        last = marks[-1]
        digits_after = len(re.findall(r"\d", value.rpartition(last)[2]))
        if len(set(marks)) == 2 or (len(marks) == 1 and digits_after != 3):
            votes[last] += 1
        elif len(marks) > 1:  # one mark, repeated, can only group thousands
            votes["," if last == "." else "."] += 1
    return "," if votes[","] > votes["."] else "."


@lru_cache(maxsize=8_192)
def number(text: str, mark: str = ".") -> Decimal:
    """Raises NotANumber, for infinity and for a million and more too."""
    bare, sign = _unsigned(text.strip())
    if not SHAPE[mark].fullmatch(bare):
        raise NotANumber(f"“{text[:40]}” is not a number.")
    value = sign * Decimal(re.sub(f"[{_GROUP[mark]}]", "", bare).replace(",", "."))
    if abs(value) >= LARGEST:
        raise NotANumber(f"“{text[:40]}” is too large to be true.")
    return value


def is_price(text: str) -> bool:
    return re.fullmatch(r"[($€£ -]*\d[\d,]*[.,]\d{2}[)€ ]*", text.strip()) is not None


def _unsigned(text: str) -> tuple[str, int]:
    """The digits without currency and sign; minus one for `-3`, `3-` and `(3)`."""
    text, sign = text.replace("\u2212", "-"), 1
    if text.startswith("(") and text.endswith(")"):
        text, sign = text[1:-1], -1
    text = CURRENCY.sub("", text.strip())
    for strip in (str.removeprefix, str.removesuffix):
        if (rest := strip(text, "-")) != text:
            text, sign = rest, -sign
            break
    return CURRENCY.sub("", text.removeprefix("+").strip()), sign
