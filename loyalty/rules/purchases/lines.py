"""One line of a file of purchases: understood, or refused with a reason the shop can act on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal
from operator import itemgetter
from typing import NamedTuple

from loyalty.rules.contacts import NotAnAddress, normal_email, normal_phone
from loyalty.rules.purchases import answers, fields, numbers, times

NOTHING = Decimal(0)
LONGEST_ID = 64
LONGEST = {"name": 120, "product": 200, "brand": 120, "category": 120, "kind": 120, "size": 40}

REMARKS = {
    "return": "A return: the amount or the quantity is negative.",
    "zero_quantity": "The quantity is zero.",
    "zero_amount": "Nothing was paid.",
    "gap": "The clocks jumped over this time; it was moved forward by the jump.",
    "fold": "This time came twice that night; the first was taken.",
    "no_time": "No time of day is given; noon was taken.",
    "rounded": "The amount has fractions of a cent and was rounded, or the quantity has more than three decimals.",
    "email_unreadable": "The email address cannot be one; the line was taken without it.",
    "phone_unreadable": "The phone number cannot be one; the line was taken without it.",
    "birth_date_unreadable": "The birth date cannot be one, or could be two days; the line was taken without it.",
    "consent_unreadable": "The answer about consent is neither a yes nor a no; the line was taken without it.",
    "shortened": "A text was too long and was cut.",
    "unreadable_characters": "Some characters could not be read and show as �.",
    "order_disagrees": "Other lines of this order name another time, store or customer; the order's first line counts.",
    "order_known_otherwise": "The order is known with another time, store or customer, and keeps it.",
    "contact_taken": "The email or phone belongs to another member; the line was taken without it.",
    "birth_date_known_otherwise": "The member is known with another birth date, and keeps it.",
    "opted_out": "The member opted out earlier; only the member can opt in again, so the yes was left out.",
    "opted_in_since": "The member opted in after this purchase, by his or her own word; the no was left out.",
    "consent_elsewhere": "The yes was given with another address than the one kept for this member; it was left out.",
    "changed": "The line was known with another quantity, amount, discount or product, and was corrected.",
}
REFUSALS = {
    "broken_line": "The line cannot be split into cells.",
    "too_many_cells": "The line has more cells than the header.",
    "missing": "Something that every line needs is empty.",
    "bad_number": "A number cannot be read.",
    "bad_time": "The time cannot be read, lies in the future or before 1990.",
    "too_long": "A number or code is longer than 64 characters.",
}


@dataclass(frozen=True)
class Fault:
    """Why a line cannot be taken. `code` is one of REFUSALS; the message says what to change."""

    code: str
    message: str


class Refused(Exception):
    """This line is not taken, for every one of these faults."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__(" ".join(fault.message for fault in faults))
        self.codes = list(dict.fromkeys(fault.code for fault in faults))


class Purchase(NamedTuple):
    """One line, understood. `base` tells lines of one order apart, together with how often it occurs there."""

    number: str
    base: str
    sku: str
    product: str
    quantity: Decimal
    amount: Decimal
    discount: Decimal
    at: datetime
    store: str
    customer: str | None
    name: str
    email: str | None
    phone: str | None
    birth_date: date | None
    email_consent: bool | None
    sms_consent: bool | None
    brand: str
    category: str
    kind: str
    size: str


@dataclass(frozen=True)
class Style:
    """How the cells of one file are to be read. `mapping` is field -> column; see loyalty.rules.purchases.fields."""

    columns: Sequence[str]
    mapping: Mapping[str, str]
    decimal_mark: str
    time_style: str


class Reader:
    """Understands the lines of one file. `zone_of` gives a store's time zone by its code."""

    def __init__(self, style: Style, *, zone_of: Callable[[str], tzinfo], now: datetime) -> None:
        place = {column: index for index, column in enumerate(style.columns)}
        self.width = len(style.columns)
        # An unmapped field reads the empty cell that `read` puts behind the last one.
        self._mapped = itemgetter(*(place.get(style.mapping.get(name, ""), self.width) for name in fields.NAMES))
        self.mark, self.time_style = style.decimal_mark, style.time_style
        self.zone_of, self.now = zone_of, now

    def read(self, cells: list[str]) -> tuple[Purchase, list[str]]:
        """The purchase and the codes of remarks on it. Raises Refused, with all that is wrong."""
        remarks: list[str] = []
        faults: list[Fault] = []
        (order, time, clock, sku, product, quantity, amount, discount, coupon, line, customer, name, email, phone,
         store, born, email_consent, sms_consent, brand, category, kind, size) = self._pick(cells, faults)  # fmt: skip
        if not (order and time and quantity and amount and (sku or product)):
            faults.append(self._missing(cells))
        if len(order) + len(sku) + len(store) + len(customer) + len(line) > LONGEST_ID:  # then one of them may be
            faults += _too_long(order=order, product=sku, store=store, customer=customer, line=line)
        pieces, paid = self._number(quantity, 3, remarks, faults), self._number(amount, 2, remarks, faults)
        off = self._number(discount, 2, remarks, faults) if discount else NOTHING
        if coupon:
            off += self._number(coupon, 2, remarks, faults)
        at = self._time(f"{time} {clock}" if clock else time, store, remarks, faults)
        if faults:
            raise Refused(*faults)
        if not sku:
            sku = _code_of(product)
        texts = [_cut(name, "name", remarks), _cut(product, "product", remarks), _cut(brand, "brand", remarks)]
        texts += [_cut(category, "category", remarks), _cut(kind, "kind", remarks), _cut(size, "size", remarks)]
        purchase = Purchase(
            order, f"#{line}" if line else sku, sku, texts[1], pieces, paid, off, at, store, customer or None, texts[0],
            _contact(normal_email, email, "email_unreadable", remarks) if email else None,
            _contact(normal_phone, phone, "phone_unreadable", remarks) if phone else None,
            self._birth_date(born, remarks) if born else None,
            _consent(email_consent, remarks) if email_consent else None,
            _consent(sms_consent, remarks) if sms_consent else None,
            texts[2], texts[3], texts[4], texts[5],
        )  # fmt: skip
        return purchase, remarks

    def _pick(self, cells: list[str], faults: list[Fault]) -> list[str]:
        extra = len(cells) - self.width
        if extra > 0 and any(cells[self.width :]):
            message = f"The line has {len(cells)} cells; the header has {self.width}."
            faults.append(Fault("too_many_cells", message))
        padded = [*cells, ""] if extra == 0 else [*cells[: self.width], *[""] * (1 - min(extra, 0))]
        return list(map(str.strip, self._mapped(padded)))

    def _missing(self, cells: list[str]) -> Fault:
        found = dict(zip(fields.NAMES, self._pick(cells, []), strict=True))
        empty = [fields.LABELS[name].lower() for name in fields.REQUIRED if not found[name]]
        if not found["sku"] and not found["product"]:
            empty.append("product code or name")
        return Fault("missing", f"The {' and the '.join(empty)} {'is' if len(empty) == 1 else 'are'} empty.")

    def _number(self, text: str, decimals: int, remarks: list[str], faults: list[Fault]) -> Decimal:
        try:
            value, is_rounded = numbers.rounded(text, self.mark, decimals)
        except numbers.NotANumber as error:
            if text:  # What is empty is told by `_missing`.
                faults.append(Fault("bad_number", str(error)))
            return NOTHING
        if is_rounded:
            remarks.append("rounded")
        return value

    def _time(self, text: str, store: str, remarks: list[str], faults: list[Fault]) -> datetime:
        try:
            moment = times.moment(text, self.time_style, self.zone_of(store), self.now)
        except times.NotATime as error:
            if text:
                faults.append(Fault("bad_time", str(error)))
            return self.now
        if moment.remark:
            remarks.append(moment.remark)
        return moment.at

    def _birth_date(self, text: str, remarks: list[str]) -> date | None:
        try:
            return times.birth_date(text, self.time_style, self.now.date())
        except times.NotATime:
            remarks.append("birth_date_unreadable")
            return None


def remarks_on(purchase: Purchase) -> list[str]:
    """What is unusual about a purchase and taken all the same."""
    if purchase.quantity > 0 and purchase.amount > 0:
        return []
    if purchase.quantity < 0 or purchase.amount < 0:
        return ["return"]
    return ["zero_quantity"] if purchase.quantity == 0 else ["zero_amount"]


def _too_long(**ids: str) -> list[Fault]:
    return [
        Fault("too_long", f"The {name}'s number “{value[:30]}…” is longer than {LONGEST_ID} characters.")
        for name, value in ids.items()
        if len(value) > LONGEST_ID
    ]


def _consent(text: str, remarks: list[str]) -> bool | None:
    try:
        return answers.yes_or_no(text)
    except answers.NotAnAnswer:
        remarks.append("consent_unreadable")
        return None


def _cut(text: str, name: str, remarks: list[str]) -> str:
    if len(text) <= LONGEST[name]:
        return text
    remarks.append("shortened")
    return text[: LONGEST[name] - 1] + "…"


def _contact(normal: Callable[[str], str], text: str, remark: str, remarks: list[str]) -> str | None:
    try:
        return normal(text)
    except NotAnAddress:
        remarks.append(remark)
        return None


def _code_of(product: str) -> str:
    """Products without a code are told apart by name, however it is spaced and capitalised."""
    return " ".join(product.casefold().split())[:LONGEST_ID]
