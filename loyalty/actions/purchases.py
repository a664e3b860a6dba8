"""Orders as tills and shops tell them, one by one: paid, returned in part or whole, voided, delivered.

What they earn is entered by who follows the log (loyalty.handlers), within a second.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext as _

from config.shared.errors import DomainError
from config.shared.trail import note_change
from loyalty.actions import ledger
from loyalty.events import OrderAmended, OrderDelivered, OrderPaid
from loyalty.models import Member, Order, OrderLine, Product, Store
from loyalty.queries import wording
from loyalty.queries.brand import business
from loyalty.rules.lots import DELIVERED
from tracking.actions import record

MOST_LINES = 500
LARGEST_AMOUNT = Decimal(1_000_000)
LATEST = timedelta(hours=24)


class BadOrder(DomainError):
    code = "bad_order"


class OrderConflict(DomainError):
    """The number is taken by an order with other lines, another member or another store; or the key by a return."""

    code = "order_conflict"


class BadReturn(DomainError):
    code = "bad_return"


@dataclass(frozen=True, kw_only=True)
class SoldLine:
    """`amount` is what was paid for the line, after its `discount`. `key` tells lines of one order apart."""

    key: str
    sku: str
    quantity: Decimal
    amount: Decimal
    name: str = ""
    category: str = ""
    discount: Decimal = Decimal(0)


@dataclass(frozen=True, kw_only=True)
class ReturnedLine:
    """`quantity` and `amount` of what was sold come back: both above zero."""

    sku: str
    quantity: Decimal
    amount: Decimal


@transaction.atomic
def record_order(
    *,
    number: str,
    member: Member | None,
    store: Store,
    ordered_at: datetime,
    lines: Sequence[SoldLine],
    now: datetime,
    paid_with_points: Decimal = Decimal(0),
) -> Order:
    """Enter a paid order. The same order a second time changes nothing. Raises BadOrder, OrderConflict."""
    total = _check(number, lines, paid_with_points, ordered_at, now)
    order, is_new = Order.objects.get_or_create(
        number=number,
        defaults={
            "member": member,
            "store": store,
            "ordered_at": ordered_at,
            "total": total,
            "discount": sum((line.discount for line in lines), Decimal(0)),
            "paid_with_points": paid_with_points,
        },
    )
    if not is_new:
        _refuse_other(order, member, store, lines)
        return order
    products = _products(lines)
    OrderLine.objects.bulk_create(
        OrderLine(
            order=order,
            product=products[line.sku],
            key=line.key,
            quantity=line.quantity,
            amount=line.amount,
            discount=line.discount,
        )
        for line in lines
    )
    if member:
        paid = OrderPaid(
            subject=str(member.public_id),
            order=number,
            store=store.code,
            total=str(total),
            currency=business().currency,
        )
        record(paid, key=number, at=ordered_at)
    return order


@transaction.atomic
def return_lines(*, order: Order, lines: Sequence[ReturnedLine], key: str, now: datetime) -> Order:
    """Take goods back. The same `key` a second time changes nothing. Raises BadReturn when more comes back than was
    sold, or the order is void, and OrderConflict for a key that has brought back something else.
    """
    order = _locked(order)
    if was_returned(order, key=key):
        _refuse_other_return(order, lines, key)
        return order
    if order.voided_at:
        raise BadReturn(_("Order %(number)s is void.") % {"number": order.number})
    for line in _added_up(lines):
        _refuse_more_than_sold(order, line)
    products = Product.objects.in_bulk([line.sku for line in lines], field_name="sku")
    OrderLine.objects.bulk_create(
        OrderLine(
            order=order,
            product=products[line.sku],
            key=_return_key(key, index),
            quantity=-line.quantity,
            amount=-line.amount,
        )
        for index, line in enumerate(lines)
    )
    _amend(order, total=order.total - sum(line.amount for line in lines), key=f"return:{key}", now=now)
    return order


def was_returned(order: Order, *, key: str) -> bool:
    """Whether goods came back under this key."""
    return order.lines.filter(key=_return_key(key, 0)).exists()


@transaction.atomic
def void(*, order: Order, now: datetime) -> Order:
    """The order never was: it counts for nothing, and its points go. A second time changes nothing."""
    order = _locked(order)
    if order.voided_at is None:
        order.voided_at = now
        order.save(update_fields=["voided_at"])
        _amend(order, total=Decimal(0), key="void", now=now)
    return order


@transaction.atomic
def deliver(*, order: Order, now: datetime) -> Order:
    """The goods are with the member: points that waited for it can be used. A second time changes nothing."""
    order = _locked(order)
    if order.delivered_at is None and order.voided_at is None:
        order.delivered_at = now
        order.save(update_fields=["delivered_at"])
        ledger.release_for_orders([order.pk], event=DELIVERED, now=now)
        if order.member:
            told = OrderDelivered(subject=str(order.member.public_id), order=order.number)
            record(told, key=order.number, at=now)
    return order


def _check(
    number: str, lines: Sequence[SoldLine], paid_with_points: Decimal, ordered_at: datetime, now: datetime
) -> Decimal:
    if not number.strip():
        raise BadOrder(_("The order needs a number."))
    if not 0 < len(lines) <= MOST_LINES:
        raise BadOrder(_("An order has 1 to %(most)s lines.") % {"most": MOST_LINES})
    if len({line.key for line in lines}) < len(lines):
        raise BadOrder(_("Two lines have the same key."))
    for line in lines:
        if not (0 < line.quantity <= LARGEST_AMOUNT and 0 <= line.amount <= LARGEST_AMOUNT and line.discount >= 0):
            told = _("Line %(key)s: the quantity is above 0, the amount and discount 0 or more.")
            raise BadOrder(told % {"key": line.key})
    total = sum((line.amount for line in lines), Decimal(0))
    if not 0 <= paid_with_points <= total:
        raise BadOrder(_("What was paid with points is between 0 and the total."))
    if ordered_at > now + LATEST:
        raise BadOrder(_("The order lies in the future: check the till's clock."))
    return total


def _refuse_other(order: Order, member: Member | None, store: Store, lines: Sequence[SoldLine]) -> None:
    sold = order.lines.exclude(key__startswith="return:").values_list("key", "product__sku", "quantity", "amount")
    same = {(line.key, line.sku, line.quantity, line.amount) for line in lines} == set(sold)
    if not same or order.store_id != store.pk or order.member_id != (member.pk if member else None):
        told = _("Order %(number)s is there already, and it is another one.")
        raise OrderConflict(told % {"number": order.number})


def _refuse_other_return(order: Order, lines: Sequence[ReturnedLine], key: str) -> None:
    wanted = {(_return_key(key, index), line.sku, -line.quantity, -line.amount) for index, line in enumerate(lines)}
    names = [_return_key(key, index) for index in range(len(lines) + 1)]  # one more: it may have had more lines
    known = order.lines.filter(key__in=names).values_list("key", "product__sku", "quantity", "amount")
    if wanted != set(known):
        told = _("Return %(key)s of order %(number)s is there already, and it is another one.")
        raise OrderConflict(told % {"key": key, "number": order.number})


def _products(lines: Sequence[SoldLine]) -> dict[str, Product]:
    """Known ones by SKU; others are taken in with what the till says of them."""
    wanted = {line.sku: line for line in lines}
    known = Product.objects.in_bulk(list(wanted), field_name="sku")
    if missing := sorted(wanted.keys() - known.keys()):
        new = (Product(sku=sku, name=wanted[sku].name or sku, category=wanted[sku].category) for sku in missing)
        Product.objects.bulk_create(new, ignore_conflicts=True)
        known |= Product.objects.in_bulk(missing, field_name="sku")
    return known


def _return_key(key: str, index: int) -> str:
    return f"return:{index}:{key}"[:80]


def _added_up(lines: Sequence[ReturnedLine]) -> list[ReturnedLine]:
    """One for each product."""
    sums: dict[str, tuple[Decimal, Decimal]] = {}
    for line in lines:
        if line.quantity <= 0 or line.amount < 0:
            raise BadReturn(_("A return says a quantity above 0, and an amount of 0 or more."))
        quantity, amount = sums.get(line.sku, (Decimal(0), Decimal(0)))
        sums[line.sku] = (quantity + line.quantity, amount + line.amount)
    return [ReturnedLine(sku=sku, quantity=quantity, amount=amount) for sku, (quantity, amount) in sums.items()]


def _refuse_more_than_sold(order: Order, line: ReturnedLine) -> None:
    kept = order.lines.filter(product__sku=line.sku).aggregate(
        quantity=Sum("quantity", default=Decimal(0)), amount=Sum("amount", default=Decimal(0))
    )
    if not (0 < line.quantity <= kept["quantity"] and 0 <= line.amount <= kept["amount"]):
        named = {
            "sku": line.sku,
            "order": order.number,
            "kept": wording.number(kept["quantity"]),
            "kept_amount": wording.number(kept["amount"], 2),
            "given": wording.number(line.quantity),
            "amount": wording.number(line.amount, 2),
        }
        told = _(
            "Of %(sku)s, %(kept)s for %(kept_amount)s can come back to order %(order)s, not %(given)s for %(amount)s."
        )
        raise BadReturn(told % named)


def _locked(order: Order) -> Order:
    # Not the key: whoever enters points for this order holds the account and asks for the order to be there.
    return Order.objects.select_for_update(of=("self",), no_key=True).select_related("member").get(pk=order.pk)


def _amend(order: Order, *, total: Decimal, key: str, now: datetime) -> None:
    note_change(order, total=(order.total, total))
    order.total = total
    order.paid_with_points = min(order.paid_with_points, max(total, Decimal(0)))
    order.save(update_fields=["total", "paid_with_points"])
    if order.member:
        amended = OrderAmended(
            subject=str(order.member.public_id),
            order=order.number,
            total=str(total),
            currency=business().currency,
        )
        record(amended, key=f"{order.number}:{key}", at=now)
