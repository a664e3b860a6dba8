"""Tiers: made by the shop, and counted for members as they buy and as time passes."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction

from config.shared.errors import DomainError
from loyalty.events import TierChanged
from loyalty.models import Programme, Tier
from loyalty.queries.terms import terms
from loyalty.queries.tiers import REACHED
from tracking.actions import record_all
from tracking.actions.record import Occurrence

MOST_TIERS = 8
MEMBERS_A_STEP = 5_000


class BadTier(DomainError):
    code = "bad_tier"


@transaction.atomic
def save_tier(*, tier: Tier | None, name: str, threshold: Decimal, colour: str, perks: str) -> Tier:
    """Make a tier or change one; who stands where is counted by `count_tiers`. Raises BadTier."""
    others = Tier.objects.exclude(pk=tier.pk) if tier else Tier.objects.all()
    if tier is None and others.count() >= MOST_TIERS:
        raise BadTier(f"At most {MOST_TIERS} tiers.")
    if others.filter(name__iexact=name.strip()).exists():
        raise BadTier("Another tier has this name.")
    if taken := others.filter(threshold=threshold).first():
        raise BadTier(f"{taken} begins there already.")
    tier = tier or Tier()
    tier.name, tier.threshold, tier.colour, tier.perks = name.strip(), threshold, colour.lower(), perks.strip()
    try:
        tier.clean_fields()
    except ValidationError as fault:
        raise BadTier(" ".join(fault.messages)) from None
    tier.save()
    return tier


@transaction.atomic
def remove_tier(*, tier: Tier, now: datetime) -> None:
    """Its members fall to the tier below at once. Raises BadTier while rewards are kept for it."""
    if tier.rewards.exists():
        raise BadTier(f"Rewards are kept for {tier}: give them another tier first.")
    below = Tier.objects.filter(threshold__lt=tier.threshold).order_by("-threshold").first()
    subjects = [str(subject) for subject in tier.standings.values_list("member__public_id", flat=True)]
    tier.standings.update(tier=below, since=now, keeps_until=None)
    tier.delete()
    _tell([(subject, below.name if below else "", tier.name, False) for subject in subjects], now=now)


@transaction.atomic
def count_tiers(member_ids: Sequence[int] | None, *, now: datetime) -> int:
    """Place these members, or all: up at once, down after the grace. How many changed tier."""
    if not Tier.objects.exists():
        return 0
    programme = terms()
    parameters: dict[str, Any] = {
        "members": None if member_ids is None else list(member_ids),
        "since": now - timedelta(days=programme.tier_window_days),
        "until": now,
        "now": now,
        "grace": timedelta(days=programme.tier_grace_days),
    }
    with connection.cursor() as cursor:
        # One count at a time: none writes what another has found out meanwhile.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('loyalty.tiers'))")
        cursor.execute(_COUNT.format(reached=REACHED[Programme.TierBasis(programme.tier_basis)]), parameters)
        changed = cursor.fetchall()
    _tell(changed, now=now)
    return len(changed)


def count_tiers_told_of(event_ids: Sequence[int], *, now: datetime) -> int:
    """Place the members these events are about."""
    with connection.cursor() as cursor:
        cursor.execute(_MEMBERS, [list(event_ids)])
        members = [row[0] for row in cursor.fetchall()]
    return count_tiers(members, now=now) if members else 0


def _tell(changed: Sequence[tuple[str, str, str, bool]], *, now: datetime) -> None:
    """(subject, the tier now, the one before, whether it is higher) each."""
    record_all(
        [
            Occurrence(
                TierChanged(subject=subject, tier=tier, was=was, is_up=is_up), f"{subject}:{now.isoformat()}", now
            )
            for subject, tier, was, is_up in changed
        ]
    )


_MEMBERS = """
    SELECT DISTINCT member.id FROM tracking_event event
    JOIN loyalty_member member
        ON member.public_id = CASE WHEN pg_input_is_valid(event.subject, 'uuid') THEN event.subject::uuid END
    WHERE event.id = ANY(%s) ORDER BY member.id
"""
# Who was never counted and has reached nothing gets no row.
_COUNT = """
    WITH reached AS ({reached}),
    counted AS (
        SELECT member.id, member.public_id, coalesce(reached.reached, 0) AS reached, tier.id AS tier_id,
               coalesce(tier.threshold, -1) AS threshold, tier.name
        FROM loyalty_member member
        LEFT JOIN reached ON reached.member_id = member.id
        LEFT JOIN loyalty_tierstanding standing ON standing.member_id = member.id
        LEFT JOIN LATERAL (
            SELECT * FROM loyalty_tier WHERE threshold <= coalesce(reached.reached, 0) ORDER BY threshold DESC LIMIT 1
        ) tier ON true
        WHERE (%(members)s::bigint[] IS NULL OR member.id = ANY(%(members)s))
          AND member.merged_into_id IS NULL AND (tier.id IS NOT NULL OR standing.member_id IS NOT NULL)
    ),
    placed AS (
        SELECT counted.id, counted.public_id, counted.reached, had.member_id IS NULL AS is_new,
               had.tier_id AS was_id, old.name AS was, counted.tier_id, counted.name,
               counted.threshold > coalesce(old.threshold, -1) AS is_up,
               counted.threshold < coalesce(old.threshold, -1) AS is_down,
               had.keeps_until, had.since
        FROM counted
        LEFT JOIN loyalty_tierstanding had ON had.member_id = counted.id
        LEFT JOIN loyalty_tier old ON old.id = had.tier_id
    ),
    decided AS (
        SELECT placed.*,
               is_down AND coalesce(keeps_until, %(now)s + %(grace)s) > %(now)s AS is_kept
        FROM placed
    ),
    written AS (
        INSERT INTO loyalty_tierstanding AS s (member_id, tier_id, reached, since, keeps_until, counted_at)
        SELECT id, CASE WHEN is_kept THEN was_id ELSE tier_id END, reached,
               CASE WHEN is_new OR is_up OR (is_down AND NOT is_kept) THEN %(now)s ELSE since END,
               CASE WHEN is_kept THEN coalesce(keeps_until, %(now)s + %(grace)s) END, %(now)s
        FROM decided ORDER BY id
        ON CONFLICT (member_id) DO UPDATE SET
            tier_id = excluded.tier_id, reached = excluded.reached, since = excluded.since,
            keeps_until = excluded.keeps_until, counted_at = excluded.counted_at
            WHERE (s.tier_id, s.reached, s.keeps_until)
                IS DISTINCT FROM (excluded.tier_id, excluded.reached, excluded.keeps_until)
    )
    SELECT public_id::text, coalesce(name, ''), coalesce(was, ''), is_up
    FROM decided WHERE is_up OR (is_down AND NOT is_kept)
"""
