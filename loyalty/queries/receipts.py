"""One order as the people at a counter see it: what is still with its buyer, and the points that stand for it."""

from dataclasses import dataclass
from decimal import Decimal

from django.db.models import F, Q, Sum

from loyalty.models import Order, PointsEntry, Product

Reason = PointsEntry.Reason


@dataclass(frozen=True)
class Bought:
    """One product of an order: how many were `sold`, and how many are `kept`, for which `amount`."""

    product: Product
    sold: Decimal
    kept: Decimal
    amount: Decimal


@dataclass(frozen=True)
class PointsOfOrder:
    """`earned`, of which `pending` still wait; `taken` back; and `waived`, which a return should have taken."""

    earned: int
    pending: int
    taken: int
    waived: int


def bought_in(order: Order) -> list[Bought]:
    """In the order in which it was rung up."""
    sold: dict[int, list[Decimal]] = {}
    products = {}
    for line in order.lines.select_related("product").order_by("pk"):
        products[line.product_id] = line.product
        sums = sold.setdefault(line.product_id, [Decimal(0)] * 3)
        sums[0] += max(line.quantity, Decimal(0))
        sums[1] += line.quantity
        sums[2] += line.amount
    return [Bought(products[pk], *sums) for pk, sums in sold.items()]


def points_of(order: Order) -> PointsOfOrder:
    moved, nothing = F("points") + F("pending"), 0
    sums = order.points_entries.aggregate(
        earned=Sum(moved, filter=Q(reason=Reason.PURCHASE), default=nothing),
        taken=Sum(moved, filter=Q(reason=Reason.RETURN), default=nothing),
        pending=Sum("pending", default=nothing),
        waived=Sum("waived", default=nothing),
    )
    return PointsOfOrder(sums["earned"], sums["pending"], -sums["taken"], sums["waived"])
