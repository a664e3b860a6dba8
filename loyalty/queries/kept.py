"""Everything that is kept about a member, for them to take along."""

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from django.db.models import Case, F, QuerySet, Value, When

from loyalty.models import (
    Consent,
    Device,
    Forecast,
    Member,
    MemberStats,
    Order,
    OrderLine,
    PointsEntry,
    Redemption,
    Referral,
    Scan,
    Score,
    TierStanding,
    WalletPass,
    WishlistItem,
)
from loyalty.queries.shoppers import NOTE_IS_INTERNAL
from tracking.queries import events_about


def kept_of(member: Member) -> dict[str, Any]:
    """Plain values, by what they are about; also what stayed with those who were merged into this member."""
    people = everybody_in(member)
    return {
        "profile": _profile(member),
        "consents": _rows(
            Consent.objects.filter(member__in=people), "channel topic is_granted wording source address changed_at"
        ),
        "orders": _orders(people),
        "points": _rows(
            _entries(people),
            "points pending waived reason note=told occurred_at order=order__number rule=rule__name",
        ),
        "tier": _rows(TierStanding.objects.filter(member=member), "tier=tier__name reached since keeps_until"),
        "redemptions": _rows(
            Redemption.objects.filter(member__in=people),
            "reward=reward__name points status code held_at ended_at proof store=store__name",
        ),
        "scans": _rows(
            Scan.objects.filter(member__in=people),
            "product=code__batch__product__name code=code__batch__name points scanned_at received_at",
        ),
        "friends_brought": _rows(
            Referral.objects.filter(referrer__in=people), "status joined_at bought_at rewarded_at"
        ),
        "brought_by": _rows(Referral.objects.filter(friend__in=people), "status joined_at address"),
        "wishes": _rows(WishlistItem.objects.filter(member__in=people), "product=product__name added_at price_told"),
        "devices": _rows(Device.objects.filter(member__in=people), "name created_at seen_at address ended_at ended_by"),
        "wallet_passes": _rows(
            WalletPass.objects.filter(member__in=people), "kind name points tier created_at changed_at voided_at"
        ),
        "scores": _rows(Score.objects.filter(member=member), "group recency frequency monetary"),
        "forecast": _rows(
            Forecast.objects.filter(member=member),
            "p_alive p_return expected_orders expected_value churn_risk discount_share next_category "
            "next_product=next_product__name best_weekday",
        ),
        "sums": _rows(MemberStats.objects.filter(member=member), "orders spent last_ordered_at primary_category"),
        "events": [row for each in people for row in _events(each)],
    }


def everybody_in(member: Member) -> list[Member]:
    """The member, whoever was merged into them, and whoever had been merged into those before."""
    people, newest = [member], [member]
    while newest:
        newest = list(Member.objects.filter(merged_into__in=newest).order_by("pk"))
        people += newest
    return people


def _profile(member: Member) -> dict[str, Any]:
    fields = "name email phone birth_date language external_id joined_at".split()
    store = member.home_store.name if member.home_store else None
    return {"id": member.public_id, **{name: getattr(member, name) for name in fields}, "home_store": store}


def _orders(people: Collection[Member]) -> list[dict[str, Any]]:
    lines = defaultdict(list)
    sold = OrderLine.objects.filter(order__member__in=people)
    for line in _rows(sold, "order_id product=product__name quantity amount discount"):
        lines[line.pop("order_id")].append(line)
    orders = _rows(Order.objects.filter(member__in=people), "pk number store=store__name ordered_at total")
    return [order | {"lines": lines[order["pk"]]} for order in orders]


def _entries(people: Collection[Member]) -> QuerySet[PointsEntry]:
    """What staff write for staff is left out, as it is in the app."""
    told = Case(When(reason__in=NOTE_IS_INTERNAL, then=Value("")), default=F("note"))
    return PointsEntry.objects.filter(member__in=people).annotate(told=told)


def _events(member: Member) -> list[dict[str, Any]]:
    return _rows(events_about(str(member.public_id)), "name occurred_at properties")


def _rows(rows: Any, fields: str) -> list[dict[str, Any]]:
    """`called=path` gives a field another name."""
    paths = {word.partition("=")[0]: word.rpartition("=")[2] for word in fields.split()}
    found = rows.order_by("pk").values_list(*paths.values())
    return [dict(zip(paths, row, strict=True)) for row in found]
