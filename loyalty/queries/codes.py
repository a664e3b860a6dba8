"""Product codes and their scans, as staff see them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Count, Q, QuerySet, Sum

from loyalty.models import CodeBatch, Member, ProductCode, Scan
from loyalty.rules.codes import text_of


def batches(*, q: str = "") -> QuerySet[CodeBatch]:
    """Newest first, with how often their codes were scanned."""
    found = CodeBatch.objects.select_related("product", "created_by")
    if q:
        found = found.filter(Q(name__icontains=q) | Q(product__name__icontains=q))
    return found.annotate(scans=Sum("codes__scans", default=0)).order_by("-pk")


@dataclass(frozen=True)
class BatchSums:
    used: int
    scans: int
    members: int
    points: int


def sums_of(batch: CodeBatch) -> BatchSums:
    found = Scan.objects.filter(code__batch=batch)
    sums = found.aggregate(
        used=Count("code", distinct=True),
        scans=Count("pk"),
        members=Count("member", distinct=True),
        points=Sum("points", default=0),
    )
    return BatchSums(**sums)


def texts_of(batch: CodeBatch, *, start: int = 0, stop: int | None = None) -> Iterator[str]:
    """The codes as they are printed, in their order."""
    ids = ProductCode.objects.filter(batch=batch).order_by("pk").values_list("pk", flat=True)[start:stop]
    return (text_of(pk, settings.SECRET_KEY) for pk in ids.iterator(chunk_size=2_000))


def scans(*, q: str = "", batch: CodeBatch | None = None, since: datetime | None = None) -> QuerySet[Scan]:
    """Newest first. `q` is part of a member's, product's or batch's name."""
    found = Scan.objects.select_related("member", "code__batch__product")
    if q:
        named = Q(code__batch__name__icontains=q) | Q(code__batch__product__name__icontains=q)
        found = found.filter(Q(member__name__icontains=q) | named)
    if batch:
        found = found.filter(code__batch=batch)
    if since:
        found = found.filter(scanned_at__gte=since)
    return found.order_by("-scanned_at", "-pk")


def scans_of(member: Member) -> QuerySet[Scan]:
    return member.scans.select_related("code__batch__product").order_by("-scanned_at", "-pk")


SCAN_COLUMNS = ("scanned", "received", "member", "batch", "sku", "product", "points")


def scan_rows(found: QuerySet[Scan]) -> Iterator[tuple[object, ...]]:
    for row in found.iterator(chunk_size=2_000):
        batch = row.code.batch
        yield (
            row.scanned_at, row.received_at, row.member.public_id, batch.name,
            batch.product.sku if batch.product else "", batch.product.name if batch.product else "", row.points,
        )  # fmt: skip
