"""What a campaign did, counted from its rows. The page, the stream and the CSV read these."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import Count, Q, QuerySet
from django.db.models.expressions import RawSQL

from campaigns.models import Campaign, Send, Touch
from campaigns.queries.experiments import subject_of_send
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
    bounced: int
    complained: int
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
    return with_results([campaign])[0][1]


def with_results(campaigns: Iterable[Campaign]) -> list[tuple[Campaign, Results]]:
    """Each campaign with what it did, in three queries however many they are."""
    campaigns, days = list(campaigns), policy().attribution_days
    ids = [campaign.pk for campaign in campaigns]
    counts = {row.pop("campaign"): row for row in _counts(ids)}
    sales = {campaign: (orders, revenue) for campaign, orders, revenue in _sales(ids, days)}
    return [
        (
            campaign,
            Results(**counts.get(campaign.pk, _NOTHING), **_sold(sales.get(campaign.pk)), attribution_days=days),
        )
        for campaign in campaigns
    ]


def _counts(campaign_ids: list[int]) -> Iterable[Any]:
    rows = Send.objects.filter(campaign__in=campaign_ids).order_by().values("campaign")
    return rows.annotate(planned=Count("pk"), **{name: Count("pk", filter=which) for name, which in FILTERS.items()})


def _sales(campaign_ids: list[int], days: int) -> list[tuple[int, int, Decimal]]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT campaign_id, count(*), sum(total) FROM ({_ATTRIBUTED}) attributed GROUP BY campaign_id",
            [campaign_ids, days, campaign_ids],
        )
        return cursor.fetchall()


def _sold(sales: tuple[int, Decimal] | None) -> dict[str, Any]:
    orders, revenue = sales or (0, Decimal(0))
    return {"orders": orders, "revenue": revenue}


def orders_of(campaign: Campaign) -> QuerySet[Order]:
    """The orders attributed to a campaign, newest first."""
    ids, days = [campaign.pk], policy().attribution_days
    attributed = RawSQL(f"SELECT id FROM ({_ATTRIBUTED}) attributed", (ids, days, ids))  # noqa: S611  # our own text
    return Order.objects.filter(pk__in=attributed).select_related("member", "store").order_by("-ordered_at", "-pk")


def sends_of(campaign: Campaign, *, kind: str = "") -> QuerySet[Send]:
    """The rows behind one of the counts, newest first."""
    sends = campaign.sends.select_related("member", "action__step").annotate(said=subject_of_send())
    sends = sends.order_by("-due_at", "-pk")
    return sends.filter(FILTERS[kind]) if kind in FILTERS else sends


def put_aside(campaign: Campaign) -> list[dict[str, Any]]:
    """Why messages that were due did not leave, with counts, most frequent first."""
    aside = campaign.sends.filter(FILTERS["suppressed"]).order_by().values("failure").annotate(messages=Count("pk"))
    rows = aside.order_by("-messages", "failure")
    return [{"label": row["failure"], "value": f"{row['messages']:,}"} for row in rows]


FILTERS = {
    "waiting": Q(status__in=Send.OPEN),
    "sent": Q(status__in=Send.LEFT),
    "delivered": Q(status__in=[Status.DELIVERED, Status.COMPLAINED]),
    "bounced": Q(status=Status.BOUNCED),
    "complained": Q(status=Status.COMPLAINED),
    "opened": Q(opened_at__isnull=False),
    "clicked": Q(clicked_at__isnull=False),
    "unsubscribed": Q(unsubscribed_at__isnull=False),
    "failed": Q(status=Status.FAILED),
    "suppressed": Q(status=Status.SUPPRESSED),
    "cancelled": Q(status=Status.CANCELLED),
    "unknown": Q(status=Status.UNKNOWN),
}

_NOTHING = dict.fromkeys(("planned", *FILTERS), 0)
_SEND, _TOUCH, _ORDER = (model._meta.db_table for model in (Send, Touch, Order))
# The last click by a person before an order has the order, when it is recent enough. An order of a member who clicked
# in two campaigns therefore counts once, whichever campaigns are asked about.
_ATTRIBUTED = f"""
    SELECT last_click.* FROM (
        SELECT DISTINCT ON (orders.id) orders.id, orders.total, send.campaign_id
        FROM {_SEND} send
        JOIN {_TOUCH} click ON click.send_id = send.id AND click.kind = 'CLICK' AND click.machine = ''
        JOIN {_ORDER} orders ON orders.member_id = send.member_id AND orders.ordered_at >= click.at
        WHERE send.clicked_at IS NOT NULL AND send.member_id IN (
            SELECT member_id FROM {_SEND} WHERE campaign_id = ANY(%s) AND clicked_at IS NOT NULL
        ) AND orders.ordered_at < click.at + make_interval(days => %s)
        ORDER BY orders.id, click.at DESC, click.id DESC
    ) last_click
    WHERE campaign_id = ANY(%s)
"""
