"""The pictures of messages."""

from django.conf import settings
from django.db.models import Count, Q, QuerySet

from campaigns.models import MediaFile

# Where somebody looks: what is in use, what of it has no text yet, and what was put aside.
SHELVES = {
    "": Q(archived_at=None),
    "silent": Q(archived_at=None, alt=""),
    "archived": Q(archived_at__isnull=False),
}


def pictures(*, q: str = "", shelf: str = "") -> QuerySet[MediaFile]:
    """The latest first. Every word of `q` stands somewhere in the name or the text."""
    rows = MediaFile.objects.filter(SHELVES.get(shelf, SHELVES[""])).order_by("-uploaded_at", "-pk")
    for word in q.split()[:6]:
        rows = rows.filter(Q(name__icontains=word) | Q(alt__icontains=word))
    return rows


def shelf_counts() -> dict[str, int]:
    """How many pictures stand on each of SHELVES."""
    counts = {shelf or "in_use": Count("pk", filter=which) for shelf, which in SHELVES.items()}
    found = MediaFile.objects.aggregate(**counts)
    return {shelf: found[shelf or "in_use"] for shelf in SHELVES}


def address_of(media: MediaFile) -> str:
    """Where anybody can see it: whole, as a message needs it."""
    url = media.file.url
    return url if url.startswith("http") else settings.PUBLIC_URL + url
