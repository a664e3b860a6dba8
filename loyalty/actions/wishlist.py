from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from config.shared.errors import DomainError
from loyalty.events import ProductWished
from loyalty.models import Member, Product, WishlistItem
from tracking.actions import record

MOST_WISHES = 200


class TooManyWishes(DomainError):
    code = "too_many_wishes"


@transaction.atomic
def add(*, member: Member, product: Product, now: datetime) -> bool:
    """Put a product on the wishlist, at the price it has now. False when it was there already."""
    already = set(WishlistItem.objects.filter(member=member).values_list("product", flat=True))
    if product.pk in already:
        return False
    if len(already) >= MOST_WISHES:
        told = _("A wishlist holds %(number)s products. Take one off first.")
        raise TooManyWishes(told % {"number": MOST_WISHES})
    wish, is_new = WishlistItem.objects.get_or_create(
        member=member, product=product, defaults={"price_told": product.price, "added_at": now}
    )
    if is_new:
        wished = ProductWished(subject=str(member.public_id), sku=product.sku)
        record(wished, key=f"{wish.pk}:{now.isoformat()}", at=now)
    return is_new


@transaction.atomic
def remove(*, member: Member, product: Product) -> bool:
    """False when it was not there."""
    deleted, _by_model = WishlistItem.objects.filter(member=member, product=product).delete()
    return deleted > 0
