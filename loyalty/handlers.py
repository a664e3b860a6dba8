"""What loyalty does when the log says something happened. Imported at start-up (see loyalty.apps)."""

from collections.abc import Sequence

from django.utils import timezone

from loyalty.actions import orders, points
from loyalty.events import OrderAmended, OrderPaid
from tracking.bus import follow


@follow("loyalty.stats", OrderPaid, OrderAmended, reset=orders.forget_sums)
def sum_up_members(event_ids: Sequence[int]) -> None:
    orders.sum_up_members(event_ids)


def nothing_to_forget() -> None:
    """The ledger is append-only: reading the log again finds every order paid its due and enters nothing."""


@follow("loyalty.points", OrderPaid, OrderAmended, reset=nothing_to_forget)
def award_points(event_ids: Sequence[int]) -> None:
    points.award_for_orders(event_ids, now=timezone.now())
