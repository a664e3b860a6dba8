"""Pictures for messages: taken in, described, put aside. None is ever deleted, for letters show them for years."""

import logging
from datetime import datetime

from botocore.exceptions import BotoCoreError, ClientError
from django.core.files.base import ContentFile
from django.db import transaction

from campaigns.models import MediaFile
from campaigns.rules import pictures
from config.shared.errors import DomainError
from loyalty.models import User

logger = logging.getLogger(__name__)


class BadPicture(DomainError):
    code = "bad_picture"


class StoreAway(DomainError):
    code = "picture_store_away"


def keep(*, content: bytes, name: str, alt: str, by: User, now: datetime) -> MediaFile:
    """A picture made fit for mail. The same one again is the same row, in use again. Raises BadPicture, StoreAway.

    No transaction is open while the store answers; what only the store has when we fall over is written again under
    the same name.
    """
    try:
        made = pictures.fitted(content)
    except pictures.NotForMail as fault:
        raise BadPicture(str(fault)) from None
    path = _stored(made)
    with transaction.atomic():
        media, is_new = MediaFile.objects.select_for_update().get_or_create(
            digest=made.digest,
            defaults={
                "name": name, "alt": alt, "file": path, "content_type": made.content_type, "size": len(made.content),
                "width": made.width, "height": made.height, "uploaded_by": by, "uploaded_at": now,
            },
        )  # fmt: skip
        if not is_new:
            media.archived_at, media.alt = None, media.alt or alt
            media.save(update_fields=["archived_at", "alt"])
    return media


@transaction.atomic
def describe(*, media: MediaFile, name: str, alt: str) -> MediaFile:
    """What it is called here, and what those read who cannot see it."""
    media.name, media.alt = name, alt
    media.save(update_fields=["name", "alt"])
    return media


@transaction.atomic
def archive(*, media: MediaFile, now: datetime) -> None:
    """Offered to nobody who writes any more. Letters that show it go on showing it."""
    media.archived_at = media.archived_at or now
    media.save(update_fields=["archived_at"])


@transaction.atomic
def bring_back(*, media: MediaFile) -> None:
    media.archived_at = None
    media.save(update_fields=["archived_at"])


def _stored(made: pictures.Fitted) -> str:
    media = MediaFile()
    try:
        media.file.save(f"{made.digest}.{made.extension}", ContentFile(made.content), save=False)
    except (OSError, BotoCoreError, ClientError) as fault:
        logger.exception("A picture could not be stored")
        raise StoreAway(
            "The place where pictures are kept does not take it now. Try again; if it stays so, MEDIA_STORAGE_URL is"
            " what to check."
        ) from fault
    return str(media.file.name)
