"""The loyalty programme at a glance."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Count, F, QuerySet, Sum

from loyalty.models import EarnRule, PointsAccount, PointsEntry, Product, Score
from loyalty.queries.points import EARNED
from loyalty.queries.segments import start_of_day

MOST_ENTRIES = 1_000
MOST_CATEGORIES = 200


@dataclass(frozen=True)
class Standing:
    """Points that members hold and have not used, and what they have earned lately, returns taken off."""

    outstanding: int
    holders: int
    earned: int
    days: int


@dataclass(frozen=True)
class GroupRow:
    group: str
    label: str
    members: int
    revenue: Decimal


def standing(*, now: datetime, days: int = 30) -> Standing:
    held = PointsAccount.objects.filter(balance__gt=0).aggregate(points=Sum("balance", default=0), holders=Count("pk"))
    lately = PointsEntry.objects.filter(reason__in=EARNED, occurred_at__gte=start_of_day(now, days - 1))
    earned = lately.aggregate(points=Sum(F("points") + F("pending"), default=0))["points"]
    return Standing(outstanding=held["points"], holders=held["holders"], earned=earned, days=days)


def earn_rules() -> QuerySet[EarnRule]:
    """In the order they are asked."""
    return EarnRule.objects.order_by("priority", "pk")


def categories() -> list[str]:
    named = Product.objects.exclude(category="").order_by("category").values_list("category", flat=True)
    return list(named.distinct()[:MOST_CATEGORIES])


def latest_entries() -> QuerySet[PointsEntry]:
    """The end of the ledger, last written first."""
    return PointsEntry.objects.select_related("member", "rule").order_by("-pk")[:MOST_ENTRIES]


def group_rows() -> list[GroupRow]:
    """Members of each named group and what they spent in all; all eleven, in their order."""
    spent = Sum("member__stats__spent", default=Decimal(0))
    counted = Score.objects.order_by().values_list("group").annotate(members=Count("pk"), revenue=spent)
    by_group = {group: (members, revenue) for group, members, revenue in counted}
    return [GroupRow(group, label, *by_group.get(group, (0, Decimal(0)))) for group, label in Score.Group.choices]
