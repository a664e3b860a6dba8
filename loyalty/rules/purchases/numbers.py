"""Numbers as shops write them: $1,234.50, 1.234,50 €, (12.00), -3."""

import re
from collections import Counter
from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache

_GROUP = {".": ",' \u00a0\u202f", ",": ".' \u00a0\u202f"}
SHAPE = {
    mark: re.compile(rf"(?:\d+|\d{{1,3}}(?:[{group}]\d{{3}})+)(?:[{mark}]\d*)?|[{mark}]\d+")
    for mark, group in _GROUP.items()
}
_SIGNS = "$€£¥₹₽₩₺₫₪₴฿₡₦₱"
CURRENCY = re.compile(rf"^(?:[A-Z]{{2,3}}|Fr\.|kr|[A-Z]{{0,2}}[{_SIGNS}])\s*|\s*(?:[A-Z]{{3}}|Fr\.|kr|zł|[{_SIGNS}])$")
LARGEST = Decimal(10) ** 6


class NotANumber(ValueError):
    """This cannot be a number in the style the file's columns are written in."""


def decimal_mark(values: Iterable[str]) -> str:
    """`.` or `,`: what most of a column's numbers can only mean. 1,234 alone could be either and has no vote."""
    votes = Counter(mark for value in values if (mark := _only_mark(value)))
    return "," if votes[","] > votes["."] else "."


def mark_is_open(values: Iterable[str]) -> bool:
    """Whether there are numbers with a mark, and every one of them could be read both ways."""
    marked = [value for value in values if re.search(r"[.,]", value)]
    return bool(marked) and not any(map(_only_mark, marked))


def _only_mark(value: str) -> str:
    """The decimal mark this number must be written with, or nothing when it could be either."""
    marks = re.findall(r"[.,]", value)
    if not marks:
        return ""
    last = marks[-1]
    digits_after = len(re.findall(r"\d", value.rpartition(last)[2]))
    if len(set(marks)) == 2 or (len(marks) == 1 and digits_after != 3):
        return last
    if len(marks) > 1:  # one mark, repeated, can only group thousands
        return "," if last == "." else "."
    return ""


def number(text: str, mark: str = ".") -> Decimal:
    """Raises NotANumber, for infinity and for a million and more too."""
    bare, sign = _unsigned(text.strip())
    if not SHAPE[mark].fullmatch(bare):
        raise NotANumber(f"“{text[:40]}” is not a number.")
    value = sign * Decimal(re.sub(f"[{_GROUP[mark]}]", "", bare).replace(",", "."))
    if abs(value) >= LARGEST:
        raise NotANumber(f"“{text[:40]}” is too large to be true.")
    return value


@lru_cache(maxsize=8_192)
def rounded(text: str, mark: str, decimals: int) -> tuple[Decimal, bool]:
    """The number with at most so many decimals, and whether it had more. Raises NotANumber."""
    value = number(text, mark)
    if value.as_tuple().exponent < -decimals:  # type: ignore[operator]
        return value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_EVEN), True
    return value, False


def is_price(text: str) -> bool:
    return re.fullmatch(r"[($€£ -]*\d[\d.,]*[.,]\d{2}[)€ ]*", text.strip()) is not None


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
