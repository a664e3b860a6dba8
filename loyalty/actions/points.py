"""Points that people give or take, and the rule a new shop begins with."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from config.shared.errors import DomainError
from config.shared.trail import note_made
from loyalty.actions.ledger import Credit, Debit, credit, debit, lock_accounts
from loyalty.models import EarnRule, Member, PointsEntry, User

LARGEST_CORRECTION = 1_000_000
MOST_MEMBERS = 20_000
MEMBERS_A_STEP = 1_000


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
    cause: dict[str, Any] = {
        "member_id": member.pk,
        "points": abs(points),
        "reason": PointsEntry.Reason.CORRECTION,
        "reference": reference,
        "occurred_at": now,
        "note": note.strip(),
        "by_id": by.pk if by else None,
    }
    if PointsEntry.objects.filter(reason=PointsEntry.Reason.CORRECTION, reference=reference).exists():
        return False
    if balance + points < 0 > points:
        raise BadCorrection(f"There are only {max(balance, 0):,} points to take.")
    if points > 0:
        credit([Credit(**cause)], now=now)
    else:
        debit([Debit(**cause)], now=now)
    entry = PointsEntry.objects.get(reason=PointsEntry.Reason.CORRECTION, reference=reference)
    note_made(entry, member=member, points=points, note=entry.note)
    return True


def give_to_many(*, members: QuerySet[Member], points: int, note: str, reference: str, by: User, now: datetime) -> int:
    """Give each of these members as many points, by hand and with a reason; how many got them now.

    Step by step, each whole: the same `reference` again gives to those who have not got theirs, and to nobody twice.
    """
    if not note.strip():
        raise BadCorrection("Say why: the note stays beside the points for good.")
    if not 0 < points <= LARGEST_CORRECTION:
        raise BadCorrection(f"Give between 1 and {LARGEST_CORRECTION:,} points.")
    ids = list(members.order_by("pk").values_list("pk", flat=True)[: MOST_MEMBERS + 1])
    if not ids:
        raise BadCorrection("Nobody is chosen.")
    if len(ids) > MOST_MEMBERS:
        raise BadCorrection(f"Choose {MOST_MEMBERS:,} members at most: narrow the list, for example by store.")
    given = 0
    for start in range(0, len(ids), MEMBERS_A_STEP):
        step = [
            Credit(
                member_id=member_id,
                points=points,
                reason=PointsEntry.Reason.CORRECTION,
                reference=f"{reference}:{member_id}",
                occurred_at=now,
                note=note.strip(),
                by_id=by.pk,
            )
            for member_id in ids[start : start + MEMBERS_A_STEP]
        ]
        with transaction.atomic():
            given += len(credit(step, now=now))
    return given
