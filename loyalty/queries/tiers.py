"""Tiers and who stands where."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import Count, QuerySet

from loyalty.models import Member, Programme, Tier, TierStanding
from loyalty.queries import wording
from loyalty.queries.brand import business
from loyalty.queries.points import EARNED, as_sql
from loyalty.queries.terms import terms
from loyalty.rules.tiers import Progress

LOOKS_AHEAD = timedelta(days=30)
# What members reached between two times: their ids in `members`.
REACHED = {
    # Entries stay with whom they were made for: those of a member who is part of another now count for that one.
    Programme.TierBasis.POINTS: f"""
        SELECT coalesce(member.merged_into_id, member.id) AS member_id, sum(entry.points + entry.pending) AS reached
        FROM loyalty_pointsentry entry JOIN loyalty_member member ON member.id = entry.member_id
        WHERE entry.reason IN ({as_sql(EARNED)})
          AND entry.occurred_at > %(since)s AND entry.occurred_at <= %(until)s
          AND (%(members)s::bigint[] IS NULL OR entry.member_id IN (
              SELECT id FROM loyalty_member WHERE id = ANY(%(members)s) OR merged_into_id = ANY(%(members)s)
          ))
        GROUP BY 1
    """,
    Programme.TierBasis.SPEND: """
        SELECT member_id, sum(total) AS reached FROM loyalty_order
        WHERE member_id IS NOT NULL AND voided_at IS NULL AND ordered_at > %(since)s AND ordered_at <= %(until)s
          AND (%(members)s::bigint[] IS NULL OR member_id = ANY(%(members)s))
        GROUP BY member_id
    """,
    Programme.TierBasis.VISITS: """
        SELECT member_id, count(*) FILTER (WHERE total > 0) AS reached FROM loyalty_order
        WHERE member_id IS NOT NULL AND voided_at IS NULL AND ordered_at > %(since)s AND ordered_at <= %(until)s
          AND (%(members)s::bigint[] IS NULL OR member_id = ANY(%(members)s))
        GROUP BY member_id
    """,
}


@dataclass(frozen=True)
class Standing:
    """Where one member stands. `keeps_until` is set while a tier that is no longer reached is left to them."""

    tier: Tier | None
    next: Tier | None
    progress: Progress
    since: datetime | None
    keeps_until: datetime | None
    words: str

    @property
    def reached(self) -> Decimal:
        return self.progress.reached


def tiers() -> QuerySet[Tier]:
    return Tier.objects.annotate(members=Count("standings")).order_by("threshold")


def standing_of(member: Member, *, now: datetime) -> Standing | None:
    """None in a shop without tiers. Who was never counted stands where everybody begins."""
    ladder = list(Tier.objects.order_by("threshold"))
    if not ladder:
        return None
    programme, kept = terms(), TierStanding.objects.select_related("tier").filter(member=member).first()
    everybodys = next((each for each in ladder if not each.threshold), None)
    tier = kept.tier if kept else everybodys
    floor = tier.threshold if tier else Decimal(-1)
    following = next((each for each in ladder if each.threshold > floor), None)
    window = timedelta(days=programme.tier_window_days)
    progress = Progress(
        reached=reached_by(member, programme.tier_basis, since=now - window, until=now),
        tier=tier.name if tier else "",
        threshold=tier.threshold if tier else Decimal(0),
        next_tier=following.name if following else "",
        next_threshold=following.threshold if following else None,
        staying=reached_by(member, programme.tier_basis, since=now + LOOKS_AHEAD - window, until=now),
    )
    return Standing(
        tier=tier,
        next=following,
        progress=progress,
        since=kept.since if kept and tier else None,
        keeps_until=kept.keeps_until if kept else None,
        words=wording.progress(
            progress, programme.tier_basis, business().currency, until=kept.keeps_until if kept else None
        ),
    )


def reached_by(member: Member, basis: str, *, since: datetime, until: datetime) -> Decimal:
    with connection.cursor() as cursor:
        parameters: dict[str, Any] = {"members": [member.pk], "since": since, "until": until}
        cursor.execute(REACHED[Programme.TierBasis(basis)], parameters)
        row = cursor.fetchone()
    return Decimal(row[1]) if row else Decimal(0)
