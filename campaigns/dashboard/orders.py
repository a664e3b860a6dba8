"""Orders as a spreadsheet shows them."""

from django.db.models import QuerySet
from django.http import StreamingHttpResponse

from config.shared.exports import by_shop_clock, csv_response
from loyalty.models import Order
from loyalty.queries.brand import brand


def orders_csv(file_name: str, orders: QuerySet[Order]) -> StreamingHttpResponse:
    """What a list of orders shows, with the number of each member behind it."""
    heads = ("Order", "Member", "Store", *by_shop_clock("Ordered"), f"Total ({brand().currency})")
    return csv_response(file_name, (*heads, "Number of the member"), map(_row, orders.iterator(chunk_size=1_000)))


def _row(order: Order) -> tuple[object, ...]:
    member = order.member
    name, number = (member.name or "Unnamed", member.public_id) if member else ("Not known", "")
    return order.number, name, order.store.name, order.ordered_at, order.total, number
