"""Products to show a member in a message."""

from datetime import timedelta

from django.core.cache import cache
from django.db.models import Sum
from django.utils import timezone

from config.shared.tags import money
from loyalty.models import OrderLine, Product

LOOKED_BACK = timedelta(days=90)
MOST = 6
_KEPT_SECONDS = 600


def picks_of(category: str, currency: str) -> list[dict[str, str]]:
    """What sold most of `category` in the last 90 days, or of everything where that is nothing; at most six."""
    key = f"picks:{hash_of(category)}:{currency}"
    return cache.get_or_set(key, lambda: _found(category, currency), timeout=_KEPT_SECONDS) or []


def _found(category: str, currency: str) -> list[dict[str, str]]:
    return _best_sellers(category, currency) or (_best_sellers("", currency) if category else [])


def hash_of(category: str) -> str:
    """Of any words, as a cache takes it."""
    return category.encode().hex()[:200]


def _best_sellers(category: str, currency: str) -> list[dict[str, str]]:
    sold = OrderLine.objects.filter(order__ordered_at__gte=timezone.now() - LOOKED_BACK, quantity__gt=0)
    if category:
        sold = sold.filter(product__category=category)
    best = sold.values("product").annotate(pieces=Sum("quantity")).order_by("-pieces", "product")
    order = list(best.values_list("product", flat=True)[: MOST * 2])
    products = Product.objects.in_bulk(order)
    shown = [products[pk] for pk in order if products[pk].is_in_stock is not False][:MOST]
    return [
        {
            "name": product.name,
            "price": money(product.price, currency) if product.price is not None else "",
            "category": product.category,
        }
        for product in shown
    ]
