"""Product codes: made by the batch, printed, and withdrawn."""

from datetime import datetime

from django.db import transaction

from config.shared.errors import DomainError
from config.shared.trail import note_change
from loyalty.models import CodeBatch, Product, ProductCode, User

LARGEST_BATCH = 10_000
CODES_A_STATEMENT = 5_000


class BadBatch(DomainError):
    code = "bad_batch"


@transaction.atomic
def make(
    *,
    name: str,
    product: Product | None,
    use: str,
    per_member: int,
    size: int,
    points: int,
    expires_at: datetime | None,
    by: User | None,
    now: datetime,
) -> CodeBatch:
    """Make so many codes at once. Raises BadBatch."""
    if not 1 <= size <= LARGEST_BATCH:
        raise BadBatch(f"Make between 1 and {LARGEST_BATCH:,} codes at once.")
    if per_member < 1:
        raise BadBatch("Each member may scan a code at least once.")
    if expires_at and expires_at <= now:
        raise BadBatch("The codes would have expired already.")
    batch = CodeBatch.objects.create(
        name=name.strip(),
        product=product,
        use=use,
        per_member=per_member,
        size=size,
        points=points,
        expires_at=expires_at,
        created_by=by,
        created_at=now,
    )
    ProductCode.objects.bulk_create((ProductCode(batch=batch) for _ in range(size)), batch_size=CODES_A_STATEMENT)
    return batch


@transaction.atomic
def withdraw(*, batch: CodeBatch, now: datetime) -> None:
    """Scans of these codes count no more; those that counted stay. Raises BadBatch."""
    if not CodeBatch.objects.filter(pk=batch.pk, withdrawn_at=None).update(withdrawn_at=now):
        raise BadBatch("These codes were withdrawn before.")
    note_change(batch, withdrawn_at=(None, now))
