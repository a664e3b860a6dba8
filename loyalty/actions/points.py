"""Points that people give or take, and the rule a new shop begins with."""

from datetime import datetime
from decimal import Decimal

from django.db import transaction

from config.shared.errors import DomainError
from loyalty.actions.ledger import Credit, Debit, credit, debit, lock_accounts
from loyalty.models import EarnRule, Member, PointsEntry, User

LARGEST_CORRECTION = 1_000_000


class BadCorrection(DomainError):
    code = "bad_correction"


def ship_earn_rule() -> None:
    """One point for each whole unit of the currency, where the shop has no rule of its own yet."""
    if not EarnRule.objects.exists():
        EarnRule.objects.create(name="One point per dollar", points_per_unit=Decimal(1))


@transaction.atomic
def correct(*, member: Member, points: int, note: str, reference: str, now: datetime, by: User | None = None) -> bool:
    """Give or take points by hand, with a reason. The same `reference` a second time changes nothing: False."""
    if not note.strip():
        raise BadCorrection("Say why: the note stays beside the points for good.")
    if points == 0 or abs(points) > LARGEST_CORRECTION:
        raise BadCorrection(f"Give or take between 1 and {LARGEST_CORRECTION:,} points.")
    balance = lock_accounts([member.pk])[member.pk]
    cause = {
        "member_id": member.pk,
        "points": abs(points),
        "reason": PointsEntry.Reason.CORRECTION,
        "reference": reference,
        "occurred_at": now,
        "note": note.strip(),
        "by_id": by.pk if by else None,
    }
    if points > 0:
        return bool(credit([Credit(**cause)], now=now))
    if PointsEntry.objects.filter(reason=PointsEntry.Reason.CORRECTION, reference=reference).exists():
        return False
    if balance + points < 0:
        raise BadCorrection(f"There are only {max(balance, 0):,} points to take.")
    return bool(debit([Debit(**cause)], now=now))
