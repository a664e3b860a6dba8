"""What a campaign did, counted from its rows. The page, the stream and the CSV read these."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import Count, Q, QuerySet

from campaigns.models import Campaign, PlanStep, Send
from campaigns.queries.attribution import NOTHING as NOTHING_SOLD
from campaigns.queries.attribution import Sales, attributed, current, sales_of
from campaigns.queries.experiments import subject_of_send
from campaigns.rules.attribution import AttributionRules
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
    orders: Decimal
    revenue: Decimal
    attribution: AttributionRules

    @property
    def attribution_hint(self) -> str:
        return self.attribution.when


def results_of(campaign: Campaign) -> Results:
    return with_results([campaign])[0][1]


def with_results(campaigns: Iterable[Campaign]) -> list[tuple[Campaign, Results]]:
    """Each campaign with what it did, in three queries however many they are."""
    campaigns, rules = list(campaigns), current()
    ids = [campaign.pk for campaign in campaigns]
    counts = {row.pop("campaign"): row for row in _counts(ids)}
    sales = sales_of(ids, rules)
    return [
        (
            campaign,
            Results(**counts.get(campaign.pk, _NOTHING), **_sold(sales.get(campaign.pk)), attribution=rules),
        )
        for campaign in campaigns
    ]


def _counts(campaign_ids: list[int]) -> Iterable[Any]:
    rows = Send.objects.filter(campaign__in=campaign_ids).order_by().values("campaign")
    return rows.annotate(planned=Count("pk"), **{name: Count("pk", filter=which) for name, which in FILTERS.items()})


def counts_of(step: PlanStep) -> dict[str, int]:
    """The counts of one step's messages, named as those of a campaign."""
    counts = {name: Count("pk", filter=which) for name, which in FILTERS.items()}
    return Send.objects.filter(action__step=step).aggregate(planned=Count("pk"), **counts)


def _sold(sales: Sales | None) -> dict[str, Any]:
    found = sales or NOTHING_SOLD
    return {"orders": found.orders, "revenue": found.revenue}


def orders_of(campaign: Campaign) -> QuerySet[Order]:
    """The orders attributed to a campaign, newest first."""
    sql, parameters = attributed([campaign.pk], current())
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT DISTINCT id FROM ({sql}) attributed", parameters)
        ids = [order for (order,) in cursor.fetchall()]
    return Order.objects.filter(pk__in=ids).select_related("member", "store").order_by("-ordered_at", "-pk")


def sends_of(campaign: Campaign, *, kind: str = "") -> QuerySet[Send]:
    """The rows behind one of the counts, in the order in which they leave."""
    sends = campaign.sends.select_related("member", "action__step").annotate(said=subject_of_send())
    sends = sends.order_by("due_at", "pk")
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
