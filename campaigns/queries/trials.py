"""Letters that were sent as a test: they can be read in the browser for a week, and are nobody's message."""

from datetime import timedelta
from uuid import UUID

from django.core.cache import cache

from loyalty.models import Member

KEPT_FOR = timedelta(days=7)


def key_of(public_id: UUID) -> str:
    return f"trial:{public_id.hex}"


def letter_of_trial(public_id: UUID) -> str:
    """Its HTML; empty when there was none, it is longer ago, or the member it was filled in for has left."""
    html, member = cache.get(key_of(public_id)) or ("", None)
    if member and not Member.objects.filter(pk=member, left_at=None).exists():
        return ""
    return str(html)
