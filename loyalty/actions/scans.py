"""Product codes read by members: each counts as often as its batch says, and guessing is not worth the while."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from config.shared.errors import DomainError
from loyalty.actions import ledger
from loyalty.actions.earning import Occasion, earn
from loyalty.events import ProductScanned
from loyalty.models import CodeBatch, EarnRule, Member, PointsEntry, ProductCode, Scan
from loyalty.rules.codes import code_id_of
from tracking.actions import record

MOST_GUESSES = 20
GUESSES_FOR = 3_600
# A phone without a network sends its scans later; how much later they count as of then.
QUEUED_FOR = timedelta(days=3)


class BadCode(DomainError):
    code = "bad_code"


class CodeIsOver(DomainError):
    """Withdrawn or expired."""

    code = "code_is_over"


class AlreadyScanned(DomainError):
    code = "already_scanned"


class TooManyGuesses(DomainError):
    code = "too_many_guesses"
    retry_after = GUESSES_FOR


@dataclass(frozen=True)
class Scanned:
    scan: Scan
    points: int
    is_new: bool


def scan(
    *, member: Member, text: str, client_id: UUID, scanned_at: datetime, now: datetime, address: str | None = None
) -> Scanned:
    """Count a scan, once for each `client_id` of the phone. Earns what its batch and the earn rules give.

    Raises BadCode, CodeIsOver, AlreadyScanned, TooManyGuesses.
    """
    guessers = _guessers(member, address)
    if any(cache.get(key, 0) >= MOST_GUESSES for key in guessers):
        raise TooManyGuesses(_("Too many codes that are not ours. Try again in an hour."))
    code_id = code_id_of(text, [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS])
    if code_id is None:
        _note_guess(guessers)
        raise BadCode(_("This is not one of our codes. Scan it again, or type it as it is printed."))
    return _count(member, code_id, client_id, _when(scanned_at, now), now)


@transaction.atomic
def _count(member: Member, code_id: int, client_id: UUID, at: datetime, now: datetime) -> Scanned:
    # One scan of this member at a time: so a repetition finds the first, and limits for a member are counted right.
    ledger.lock_accounts([member.pk])
    before = Scan.objects.filter(member=member, client_id=client_id).first()
    if before:
        return Scanned(before, before.points, is_new=False)
    code = ProductCode.objects.select_related("batch__product").filter(pk=code_id).first()
    if code is None:
        raise BadCode(_("This code is not known any more."))
    _use(code, member, at)
    row = Scan(member=member, code=code, client_id=client_id, scanned_at=at, received_at=now)
    row.points = _reward(row, now)
    row.save(force_insert=True)
    product = code.batch.product
    scanned = ProductScanned(
        subject=str(member.public_id), sku=product.sku if product else "", batch=code.batch.name, points=row.points
    )
    record(scanned, key=str(row.public_id), at=at)
    return Scanned(row, row.points, is_new=True)


def _use(code: ProductCode, member: Member, at: datetime) -> None:
    batch = code.batch
    if batch.withdrawn_at or (batch.expires_at and batch.expires_at <= at):
        raise CodeIsOver(_("This code is not valid any more."))
    wanted = ProductCode.objects.filter(pk=code.pk)
    if batch.use == CodeBatch.Use.SINGLE:
        wanted = wanted.filter(scans=0)
    elif Scan.objects.filter(code=code, member=member).count() >= batch.per_member:
        raise AlreadyScanned(_("You have scanned this code before."))
    if not wanted.update(scans=F("scans") + 1):
        raise AlreadyScanned(_("This code has been used."))


def _reward(row: Scan, now: datetime) -> int:
    """Enter what a scan brings: the points of its batch, and those of earn rules."""
    product, own, reference = row.code.batch.product, row.code.batch.points, f"scan:{row.public_id}"
    if own:
        ledger.credit(
            [
                ledger.Credit(
                    member_id=row.member_id,
                    points=own,
                    reason=PointsEntry.Reason.SCAN,
                    reference=reference,
                    occurred_at=row.scanned_at,
                    note=product.name if product else row.code.batch.name,
                )
            ],
            now=now,
        )
    occasion = Occasion(
        trigger=EarnRule.Trigger.SCAN,
        member_id=row.member_id,
        reference=reference,
        at=row.scanned_at,
        sku=product.sku if product else "",
        category=product.category if product else "",
    )
    return own + earn([occasion], now=now).get(reference, 0)


def _when(scanned_at: datetime, now: datetime) -> datetime:
    """As the phone says, within reason."""
    return max(min(scanned_at, now), now - QUEUED_FOR)


def _guessers(member: Member, address: str | None) -> list[str]:
    return [f"code-guesses:member:{member.pk}"] + ([f"code-guesses:address:{address}"] if address else [])


def _note_guess(guessers: list[str]) -> None:
    for key in guessers:
        cache.add(key, 0, GUESSES_FOR)
        with suppress(ValueError):  # it ran out this instant
            cache.incr(key)
