"""Corrections to stores and products; orders come in through imports."""

from zoneinfo import available_timezones

from django.db import transaction

from config.shared.errors import DomainError
from loyalty.models import Product, Store


class UnknownZone(DomainError):
    code = "unknown_zone"


@transaction.atomic
def save_store(*, store: Store | None, code: str, name: str, state: str, time_zone: str) -> Store:
    """Make a store or change one. Raises UnknownZone."""
    if time_zone not in available_timezones():
        raise UnknownZone(f"{time_zone} is not a time zone. Write it as America/New_York.")
    store = store or Store()
    store.code, store.name, store.state, store.time_zone = code, name, state.upper(), time_zone
    store.save()
    return store


@transaction.atomic
def save_product(
    *, product: Product | None, sku: str, name: str, brand: str, category: str, kind: str, size: str
) -> Product:
    product = product or Product()
    product.sku, product.name, product.brand = sku, name, brand
    product.category, product.kind, product.size = category, kind, size
    product.save()
    return product
