from loyalty.rules.purchases.fields import FIELDS, LABELS, faults, guess
from loyalty.rules.purchases.lines import REFUSALS, REMARKS, Purchase, Reader, Refused, Style, remarks_on
from loyalty.rules.purchases.numbers import decimal_mark
from loyalty.rules.purchases.times import STYLES, style

__all__ = [
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
    "remarks_on",
    "style",
]
