"""What a campaign did, counted from its rows. The page, the stream and the CSV read these."""

from dataclasses import dataclass
from decimal import Decimal

from django.db import connection
from django.db.models import Count, Q, QuerySet

from campaigns.models import Campaign, Send
from campaigns.queries.policy import policy
from loyalty.models import Order

Status = Send.Status


@dataclass(frozen=True)
class Results:
    """Counts of sends, and the orders attributed to them."""

    planned: int
    waiting: int
    sent: int
    delivered: int
    opened: int
    clicked: int
    unsubscribed: int
    failed: int
    suppressed: int
    cancelled: int
    unknown: int
    orders: int
    revenue: Decimal
    attribution_days: int

    @property
    def attribution_hint(self) -> str:
        return f"within {self.attribution_days} days of a click"


def results_of(campaign: Campaign) -> Results:
    left = Q(status__in=[Status.SENT, Status.DELIVERED])
    counts = campaign.sends.aggregate(
        planned=Count("pk"),
        waiting=Count("pk", filter=Q(status__in=Send.OPEN)),
        sent=Count("pk", filter=left),
        delivered=Count("pk", filter=Q(status=Status.DELIVERED)),
        opened=Count("opened_at"),
        clicked=Count("clicked_at"),
        unsubscribed=Count("unsubscribed_at"),
        failed=Count("pk", filter=Q(status=Status.FAILED)),
        suppressed=Count("pk", filter=Q(status=Status.SUPPRESSED)),
        cancelled=Count("pk", filter=Q(status=Status.CANCELLED)),
        unknown=Count("pk", filter=Q(status=Status.UNKNOWN)),
    )
    days = policy().attribution_days
    attributed = attributed_orders(campaign, days)
    return Results(
        **counts,
        orders=len(attributed),
        revenue=sum((total for _, total in attributed), Decimal(0)),
        attribution_days=days,
    )


def attributed_orders(campaign: Campaign, days: int) -> list[tuple[int, Decimal]]:
    """(order id, total) of the orders a click of this campaign led to.

    An order counts when its member clicked one of the campaign's messages within `days` before it, and no message of
    another campaign since: the last click has the order. Each order counts once.
    """
    with connection.cursor() as cursor:
        cursor.execute(_ATTRIBUTED, {"campaign": campaign.pk, "days": days})
        return cursor.fetchall()


def orders_of(campaign: Campaign) -> QuerySet[Order]:
    """The attributed orders, newest first."""
    ids = [pk for pk, _total in attributed_orders(campaign, policy().attribution_days)]
    return Order.objects.filter(pk__in=ids).select_related("member", "store").order_by("-ordered_at", "-pk")


def sends_of(campaign: Campaign, *, kind: str = "") -> QuerySet[Send]:
    """The rows behind one of the counts, newest first."""
    sends = campaign.sends.select_related("member", "action__step").order_by("-due_at", "-pk")
    return sends.filter(FILTERS[kind]) if kind in FILTERS else sends


FILTERS = {
    "waiting": Q(status__in=Send.OPEN),
    "sent": Q(status__in=[Status.SENT, Status.DELIVERED]),
    "delivered": Q(status=Status.DELIVERED),
    "opened": Q(opened_at__isnull=False),
    "clicked": Q(clicked_at__isnull=False),
    "unsubscribed": Q(unsubscribed_at__isnull=False),
    "failed": Q(status=Status.FAILED),
    "suppressed": Q(status=Status.SUPPRESSED),
    "cancelled": Q(status=Status.CANCELLED),
    "unknown": Q(status=Status.UNKNOWN),
}

_SEND, _ORDER = Send._meta.db_table, Order._meta.db_table
_ATTRIBUTED = f"""
    SELECT DISTINCT orders.id, orders.total
    FROM {_SEND} send
    JOIN {_ORDER} orders ON orders.member_id = send.member_id
        AND orders.ordered_at >= send.clicked_at
        AND orders.ordered_at < send.clicked_at + make_interval(days => %(days)s)
    WHERE send.campaign_id = %(campaign)s AND send.clicked_at IS NOT NULL
      AND NOT EXISTS (
        SELECT FROM {_SEND} later
        WHERE later.member_id = send.member_id AND later.campaign_id <> send.campaign_id
          AND later.clicked_at > send.clicked_at AND later.clicked_at <= orders.ordered_at
      )
"""
