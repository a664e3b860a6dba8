"""Pictures of rewards and products: read by Pillow, made small, and kept under their digest."""

import hashlib
import io
from datetime import datetime

from django.db import transaction
from PIL import Image, ImageOps

from config.shared.errors import DomainError
from loyalty.actions.business import BROKEN_PICTURE, FORMATS, LARGEST_SIDE
from loyalty.models import Picture

PIXELS = 640
LARGEST = 5 * 2**20
QUALITY = 82


class BadPicture(DomainError):
    code = "bad_picture"


@transaction.atomic
def keep(*, content: bytes, now: datetime) -> Picture:
    """A WebP of our own making, at most 640 pixels; what else the file carried is gone. Raises BadPicture."""
    made, (width, height) = small_webp(content)
    digest = hashlib.sha256(made).hexdigest()[:32]
    kept = {"content": made, "width": width, "height": height, "created_at": now}
    return Picture.objects.get_or_create(digest=digest, defaults=kept)[0]


def small_webp(content: bytes) -> tuple[bytes, tuple[int, int]]:
    """The picture as this product keeps it, and its size. Raises BadPicture."""
    if len(content) > LARGEST:
        raise BadPicture("The picture is larger than 5 MB. Save it smaller.")
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
            if max(picture.size) > LARGEST_SIDE:
                raise BadPicture(f"The picture is more than {LARGEST_SIDE:,} pixels wide or high. Save it smaller.")
            small = ImageOps.exif_transpose(picture).convert("RGBA" if picture.has_transparency_data else "RGB")
            small.thumbnail((PIXELS, PIXELS))
            out = io.BytesIO()
            small.save(out, "WEBP", quality=QUALITY)
    except BROKEN_PICTURE as error:
        raise BadPicture("This is not a picture we can read. Use PNG, JPEG or WebP.") from error
    return out.getvalue(), small.size
