"""What members wish for."""

from collections.abc import Iterator
from typing import Any

from django.db.models import Count, Max, Q, QuerySet

from loyalty.models import Member, Product, WishlistItem


def wished(*, q: str = "", stock: str = "") -> QuerySet[Product]:
    """Products on somebody's wishlist, the most wished first. `stock` is in, out, or empty for all."""
    found = Product.objects.filter(wished__isnull=False).select_related("picture").defer("picture__content")
    if q:
        found = found.filter(Q(name__icontains=q) | Q(sku=q) | Q(brand__icontains=q))
    if stock:
        found = found.filter(is_in_stock=stock == "in")
    return found.annotate(wishes=Count("wished"), wished_last=Max("wished__added_at")).order_by("-wishes", "name")


def wishlist_of(member: Member) -> QuerySet[WishlistItem]:
    items = member.wishlist.select_related("product__picture").defer("product__picture__content")
    return items.order_by("-added_at", "-pk")


COLUMNS = ("sku", "product", "brand", "category", "price", "in stock", "wishes", "last wished")


def csv_rows(found: QuerySet[Product]) -> Iterator[tuple[object, ...]]:
    """Of `wished`, with what it counted."""
    row: Any
    for row in found.iterator(chunk_size=2_000):
        yield (
            row.sku, row.name, row.brand, row.category, row.price,
            "" if row.is_in_stock is None else "yes" if row.is_in_stock else "no",
            row.wishes, row.wished_last,
        )  # fmt: skip
