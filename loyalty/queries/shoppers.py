"""What members see of themselves on their phone."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet, Sum
from django.utils.translation import gettext as _

from loyalty.models import Consent, Member, PointsEntry, PointsLot, Product, Scan, WishlistItem
from loyalty.queries import wording
from loyalty.queries.tiers import Standing, standing_of

SOON = 5
HELD = (PointsEntry.Reason.HOLD, PointsEntry.Reason.HOLD_BACK)
BY_ORDER = (PointsEntry.Reason.PURCHASE, PointsEntry.Reason.RETURN)
# What staff write beside a correction is for staff.
NOTE_IS_INTERNAL = (PointsEntry.Reason.CORRECTION, PointsEntry.Reason.MERGE)


@dataclass(frozen=True)
class Expiring:
    points: int
    at: datetime


@dataclass(frozen=True)
class Profile:
    """A member, what they have, when it runs out, and where they stand."""

    member: Member
    balance: int
    pending: int
    expiring: list[Expiring]
    standing: Standing | None


def profile_of(member: Member, *, now: datetime) -> Profile:
    account = member.points_account
    return Profile(
        member=member,
        balance=account.balance,
        pending=account.pending,
        expiring=_expiring(member),
        standing=standing_of(member, now=now),
    )


def _expiring(member: Member) -> list[Expiring]:
    """The next days on which points run out."""
    lots = PointsLot.objects.filter(member=member, is_open=True, expires_at__isnull=False)
    days = lots.values("expires_at").annotate(points=Sum("remaining")).order_by("expires_at")[:SOON]
    return [Expiring(day["points"], day["expires_at"]) for day in days if day["expires_at"]]


def entries_of(member: Member) -> QuerySet[PointsEntry]:
    rows = PointsEntry.objects.filter(member=member).select_related("rule", "order", "redemption__reward")
    return rows.order_by("-occurred_at", "-pk")


def words_of(entry: PointsEntry) -> str:
    """What an entry was for, in the member's words; empty where its reason says it all."""
    if entry.reason in BY_ORDER and entry.order:
        return _("Order %(number)s") % {"number": entry.order.number}
    if entry.reason in HELD and entry.redemption:
        return entry.redemption.reward.name
    if entry.reason in NOTE_IS_INTERNAL:
        return ""
    if entry.reason == PointsEntry.Reason.REFERRAL and not entry.rule:
        return wording.referral(entry.note, entry.reference)
    return entry.note or (entry.rule.name if entry.rule else "")


def scans_of(member: Member) -> QuerySet[Scan]:
    return member.scans.select_related("code__batch__product").order_by("-scanned_at", "-pk")


def wishes_of(member: Member) -> QuerySet[WishlistItem]:
    return member.wishlist.select_related("product__picture").defer("product__picture__content").order_by("-added_at")


def products(*, q: str = "") -> QuerySet[Product]:
    """By name. Every word of `q` stands somewhere in the name, the brand or the category, or `q` is the SKU."""
    rows = Product.objects.select_related("picture").defer("picture__content").order_by("name", "pk")
    for word in q.split()[:6]:
        rows = rows.filter(_mentions(word))
    return rows


def _mentions(word: str) -> Q:
    return Q(sku__iexact=word) | Q(name__icontains=word) | Q(brand__icontains=word) | Q(category__icontains=word)


def consents_of(member: Member) -> QuerySet[Consent]:
    return member.consents.order_by("channel", "topic")
