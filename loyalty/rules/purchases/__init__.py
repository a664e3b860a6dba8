from loyalty.rules.purchases.fields import FIELDS, LABELS
from loyalty.rules.purchases.guessing import DOUBTS, faults, guess
from loyalty.rules.purchases.lines import REFUSALS, REMARKS, Purchase, Reader, Refused, Style, remarks_on
from loyalty.rules.purchases.numbers import decimal_mark, mark_is_open
from loyalty.rules.purchases.times import STYLES, order_is_open, style

__all__ = [
    "DOUBTS",
    "FIELDS",
    "LABELS",
    "REFUSALS",
    "REMARKS",
    "STYLES",
    "Purchase",
    "Reader",
    "Refused",
    "Style",
    "decimal_mark",
    "faults",
    "guess",
    "mark_is_open",
    "order_is_open",
    "remarks_on",
    "style",
]
