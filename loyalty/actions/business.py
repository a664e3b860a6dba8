import hashlib
import io

from django.core.cache import cache
from django.db import transaction
from PIL import Image, ImageOps

from config.shared.errors import DomainError
from config.shared.trail import note_change
from loyalty.models import Business
from loyalty.queries import brand

LOGO_PIXELS = 256
LARGEST_LOGO = 2 * 2**20
LARGEST_SIDE = 6_000
FORMATS = ("PNG", "JPEG", "WEBP")
# What Pillow raises for bytes that are no picture, or one that was made to harm.
BROKEN_PICTURE = (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError)


class BadLogo(DomainError):
    code = "bad_logo"


def ship_business() -> None:
    Business.objects.get_or_create(pk=1)


@transaction.atomic
def change_business(
    *,
    name: str,
    vertical: str,
    accent: str,
    currency: str,
    website: str,
    address: str,
    legal_age: int,
) -> Business:
    business = brand.business()
    business.name, business.vertical, business.accent = name, vertical, accent.lower()
    business.currency, business.website = currency, website
    business.address, business.legal_age = address, legal_age
    business.save(update_fields=["name", "vertical", "accent", "currency", "website", "address", "legal_age"])
    _forget_brand()
    return business


@transaction.atomic
def change_logo(*, content: bytes) -> None:
    """Keep a picture as a small PNG of our own making; what else the file carried is gone. Raises BadLogo."""
    png = small_png(content)
    digest = hashlib.sha256(png).hexdigest()[:16]
    business = brand.business()
    note_change(business, logo=(business.logo_digest, digest))
    Business.objects.filter(pk=business.pk).update(logo=png, logo_digest=digest)
    _forget_brand()


@transaction.atomic
def remove_logo() -> None:
    business = brand.business()
    note_change(business, logo=(business.logo_digest, ""))
    Business.objects.filter(pk=business.pk).update(logo=b"", logo_digest="")
    _forget_brand()


def small_png(content: bytes) -> bytes:
    """The picture as this product keeps it. Raises BadLogo."""
    if len(content) > LARGEST_LOGO:
        raise BadLogo("The picture is larger than 2 MB. Save it smaller.")
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
            if max(picture.size) > LARGEST_SIDE:
                raise BadLogo(f"The picture is more than {LARGEST_SIDE:,} pixels wide or high. Save it smaller.")
            small = ImageOps.exif_transpose(picture).convert("RGBA")
            small.thumbnail((LOGO_PIXELS * 4, LOGO_PIXELS))
            out = io.BytesIO()
            small.save(out, "PNG", optimize=True)
    except BROKEN_PICTURE as error:
        raise BadLogo("This is not a picture we can read. Use PNG, JPEG or WebP.") from error
    return out.getvalue()


def _forget_brand() -> None:
    transaction.on_commit(lambda: cache.delete(brand.CACHE_KEY))
