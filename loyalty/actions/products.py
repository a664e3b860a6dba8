"""What products cost and whether they are there, and who wanted to know."""

from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import QuerySet

from config.shared.errors import DomainError
from loyalty.actions import pictures
from loyalty.events import BackInStock, PriceDropped
from loyalty.models import Product, WishlistItem
from tracking.actions import record_all
from tracking.actions.record import Occurrence


class BadPrice(DomainError):
    code = "bad_price"


@transaction.atomic
def change_product(*, product: Product, price: Decimal | None, is_in_stock: bool | None, now: datetime) -> None:
    """Note a price and whether there is any; members who wish for it hear what is good news. Raises BadPrice."""
    if price is not None and price < 0:
        raise BadPrice("A price cannot be below zero.")
    # Of two who say at once that it is back, the second finds that it is.
    row = Product.objects.select_for_update().get(pk=product.pk)
    is_back = row.is_in_stock is False and is_in_stock is True
    row.price, row.is_in_stock = price, is_in_stock
    row.save(update_fields=["price", "is_in_stock"])
    wishes = WishlistItem.objects.filter(product=row)
    if is_back:
        _tell_back_in_stock(row, wishes, now)
    if price is not None:
        _tell_price(row, price, wishes, now)


@transaction.atomic
def change_picture(*, product: Product, content: bytes | None, now: datetime) -> None:
    """Show a picture of a product, or none. Raises BadPicture."""
    product.picture = pictures.keep(content=content, now=now) if content else None
    product.save(update_fields=["picture"])


def _tell_back_in_stock(product: Product, wishes: QuerySet[WishlistItem], now: datetime) -> None:
    record_all(
        [
            Occurrence(BackInStock(subject=str(who), sku=product.sku, product=product.name), _key(pk, now), now)
            for pk, who in wishes.values_list("pk", "member__public_id")
        ]
    )


def _tell_price(product: Product, price: Decimal, wishes: QuerySet[WishlistItem], now: datetime) -> None:
    """A drop is below what the member knows: a price that rose and fell back again is no news."""
    cheaper = wishes.filter(price_told__gt=price)
    told = list(cheaper.values_list("pk", "member__public_id", "price_told"))
    record_all(
        [
            Occurrence(
                PriceDropped(subject=str(who), sku=product.sku, product=product.name, price=str(price), was=str(was)),
                _key(pk, now),
                now,
            )
            for pk, who, was in told
        ]
    )
    wishes.filter(price_told=None).update(price_told=price)
    wishes.filter(pk__in=[pk for pk, *_ in told]).update(price_told=price)


def _key(wish_id: int, now: datetime) -> str:
    return f"{wish_id}:{now.isoformat()}"
