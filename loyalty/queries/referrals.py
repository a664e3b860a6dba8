"""Friends brought by members, as staff and the members themselves see them."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from loyalty.models import Member, Referral
from loyalty.rules.referrals import WORDS, Reason

Status = Referral.Status


@dataclass(frozen=True)
class Seen:
    """A referral with its reasons in words."""

    referral: Referral
    reasons: list[str]


def referrals(*, q: str = "", status: str = "", reason: str = "") -> QuerySet[Referral]:
    """Newest first. `q` is part of either name."""
    found = Referral.objects.select_related("referrer", "friend", "order", "reviewed_by")
    if q:
        found = found.filter(Q(referrer__name__icontains=q) | Q(friend__name__icontains=q))
    if status in Status.values:
        found = found.filter(status=status)
    if reason in WORDS:
        found = found.filter(reasons__contains=[reason])
    return found.order_by("-joined_at", "-pk")


def counts() -> dict[str, int]:
    """By status; all four."""
    counted = dict(Referral.objects.order_by().values_list("status").annotate(Count("pk")))
    return {status: counted.get(status, 0) for status in Status.values}


def brought_by(member: Member) -> QuerySet[Referral]:
    return member.referrals.select_related("friend").order_by("-joined_at", "-pk")


def bringer_of(member: Member) -> Referral | None:
    return Referral.objects.select_related("referrer").filter(friend=member).first()


def all_seen(found: QuerySet[Referral] | list[Referral]) -> list[Seen]:
    return [Seen(row, in_words(row.reasons)) for row in found]


def in_words(reasons: list[str]) -> list[str]:
    return [WORDS[Reason(reason)] for reason in reasons if reason in WORDS]


COLUMNS = ("joined", "referrer", "friend", "status", "reasons", "order", "bought", "rewarded", "reviewed by", "note")


def csv_rows(found: QuerySet[Referral]) -> Iterator[tuple[object, ...]]:
    for row in found.iterator(chunk_size=2_000):
        yield (
            row.joined_at, row.referrer.public_id, row.friend.public_id, row.get_status_display(),
            "; ".join(in_words(row.reasons)), row.order.number if row.order else "",
            row.bought_at, row.rewarded_at,
            row.reviewed_by.get_full_name() if row.reviewed_by else "", row.note,
        )  # fmt: skip
