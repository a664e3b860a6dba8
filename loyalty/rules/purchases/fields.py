"""What a line of purchases can say, and which column of a stranger's file probably says it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from loyalty.rules.purchases import numbers, times


@dataclass(frozen=True)
class Field:
    """One thing a line says. `synonyms` are column names seen in the wild, the most telling first."""

    name: str
    label: str
    synonyms: tuple[str, ...]
    is_required: bool = False
    help_text: str = ""


FIELDS = (
    Field(
        "order",
        "Order number",
        (
            "order number",
            "order id",
            "order",
            "basket id",
            "basket",
            "receipt number",
            "receipt id",
            "receipt",
            "transaction id",
            "transaction number",
            "transaction",
            "invoice number",
            "invoice",
            "ticket",
            "sale id",
        ),
        is_required=True,
        help_text="Lines with the same number are one basket.",
    ),
    Field(
        "time",
        "Time",
        (
            "purchased at",
            "ordered at",
            "order time",
            "order date",
            "datetime",
            "date time",
            "timestamp",
            "sold at",
            "created at",
            "paid at",
            "sale date",
            "purchase date",
            "transaction date",
            "date",
            "time",
        ),
        is_required=True,
        help_text="Day and time of the purchase.",
    ),
    Field(
        "clock",
        "Time of day",
        ("time of day", "clock", "order clock", "sale time", "purchase time", "transaction time"),
        help_text="Only when the day and the time stand in two columns.",
    ),
    Field(
        "sku",
        "Product code",
        (
            "sku",
            "product id",
            "product code",
            "item id",
            "item code",
            "item number",
            "upc",
            "ean",
            "barcode",
            "plu",
            "article number",
            "variant id",
        ),
    ),
    Field(
        "product",
        "Product name",
        ("product name", "item name", "product", "item", "description", "product description", "article", "title"),
        help_text="The code or the name is needed; both are better.",
    ),
    Field("quantity", "Quantity", ("quantity", "qty", "units", "count", "pieces", "pcs"), is_required=True),
    Field(
        "amount",
        "Amount paid",
        (
            "sales value",
            "line total",
            "line amount",
            "amount",
            "total",
            "net amount",
            "net sales",
            "sales",
            "subtotal",
            "value",
            "paid",
            "extended price",
            "price",
        ),
        is_required=True,
        help_text="For the whole line, after discounts. Negative for a return.",
    ),
    Field("discount", "Discount", ("discount", "retail disc", "discount amount", "line discount", "markdown")),
    Field("coupon", "Coupon", ("coupon disc", "coupon", "coupon amount", "coupon discount", "voucher")),
    Field(
        "line",
        "Line number",
        ("line number", "line no", "line id", "line item id", "line", "position"),
        help_text="Tells two lines of the same product apart.",
    ),
    Field(
        "customer",
        "Customer number",
        (
            "customer id",
            "customer number",
            "member id",
            "member number",
            "household id",
            "loyalty id",
            "loyalty number",
            "client id",
            "card number",
            "customer",
            "member",
            "account id",
        ),
        help_text="Lines without a customer are taken as anonymous purchases.",
    ),
    Field("name", "Customer name", ("customer name", "member name", "full name", "client name", "name")),
    Field("email", "Customer email", ("email", "customer email", "email address", "e mail", "mail")),
    Field("phone", "Customer phone", ("phone", "customer phone", "phone number", "mobile", "telephone", "cell")),
    Field(
        "store",
        "Store",
        ("store id", "store code", "store number", "store", "shop", "location id", "location", "branch", "outlet"),
    ),
    Field("brand", "Brand", ("brand", "manufacturer", "producer", "vendor")),
    Field("category", "Category", ("product category", "category", "department", "product group")),
    Field("kind", "Kind", ("product type", "type", "kind", "subcategory", "sub category", "varietal")),
    Field("size", "Size", ("package size", "size", "pack size", "volume", "unit size")),
)
NAMES = tuple(field.name for field in FIELDS)
LABELS = {field.name: field.label for field in FIELDS}
REQUIRED = tuple(field.name for field in FIELDS if field.is_required)


def guess(columns: Sequence[str], samples: Sequence[Sequence[str]]) -> dict[str, str]:
    """Field -> column: by the column's name, and where no name helps, by what stands in it."""
    free = {_plain(column): column for column in reversed(columns)}
    mapping: dict[str, str] = {}
    for field in FIELDS:
        if found := next((free[synonym] for synonym in field.synonyms if synonym in free), None):
            mapping[field.name] = found
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
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", column)
    return " ".join(re.findall(r"[a-z0-9]+", words.lower()))


def _is_email(value: str) -> bool:
    return re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", value.strip()) is not None


def _mostly(looks_like: "object", values: Sequence[str]) -> bool:
    filled = [value for value in values if value.strip()]
    return bool(filled) and sum(map(looks_like, filled)) >= 0.9 * len(filled)  # type: ignore[call-overload]
