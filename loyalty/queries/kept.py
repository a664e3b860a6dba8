"""Everything that is kept about a member, for them to take along."""

from collections import defaultdict
from typing import Any

from loyalty.models import Member, MemberStats, OrderLine, Referral, Score, TierStanding
from tracking.queries import events_about


def kept_of(member: Member) -> dict[str, Any]:
    """Plain values, by what they are about."""
    return {
        "profile": _profile(member),
        "consents": _rows(member.consents, "channel topic is_granted wording source address changed_at"),
        "orders": _orders(member),
        "points": _rows(
            member.points_entries,
            "points pending waived reason note occurred_at order=order__number rule=rule__name",
        ),
        "tier": _rows(TierStanding.objects.filter(member=member), "tier=tier__name reached since keeps_until"),
        "redemptions": _rows(
            member.redemptions,
            "reward=reward__name points status code held_at ended_at proof store=store__name",
        ),
        "scans": _rows(
            member.scans,
            "product=code__batch__product__name code=code__batch__name points scanned_at received_at",
        ),
        "friends_brought": _rows(member.referrals, "status joined_at bought_at rewarded_at"),
        "brought_by": _rows(Referral.objects.filter(friend=member), "status joined_at address"),
        "wishes": _rows(member.wishlist, "product=product__name added_at price_told"),
        "devices": _rows(member.devices, "name created_at seen_at address ended_at ended_by"),
        "scores": _rows(Score.objects.filter(member=member), "group recency frequency monetary"),
        "sums": _rows(MemberStats.objects.filter(member=member), "orders spent last_ordered_at primary_category"),
        "events": _rows(events_about(str(member.public_id)), "name occurred_at properties"),
    }


def _profile(member: Member) -> dict[str, Any]:
    fields = "name email phone birth_date language external_id joined_at".split()
    store = member.home_store.name if member.home_store else None
    return {"id": member.public_id, **{name: getattr(member, name) for name in fields}, "home_store": store}


def _orders(member: Member) -> list[dict[str, Any]]:
    lines = defaultdict(list)
    sold = OrderLine.objects.filter(order__member=member)
    for line in _rows(sold, "order_id product=product__name quantity amount discount"):
        lines[line.pop("order_id")].append(line)
    orders = _rows(member.orders, "pk number store=store__name ordered_at total")
    return [order | {"lines": lines[order["pk"]]} for order in orders]


def _rows(rows: Any, fields: str) -> list[dict[str, Any]]:
    """`called=path` gives a field another name."""
    paths = {word.partition("=")[0]: word.rpartition("=")[2] for word in fields.split()}
    found = rows.order_by("pk").values_list(*paths.values())
    return [dict(zip(paths, row, strict=True)) for row in found]
