"""Whose key a till shows, and which ones there are."""

from django.db.models import Q, QuerySet

from loyalty.models import TillKey
from tracking.rules.keys import VISIBLE, digest_of

STATES = ("working", "revoked")


def working_till_key(credential: str) -> TillKey | None:
    """With its store."""
    rows = TillKey.objects.select_related("store")
    return rows.filter(digest=digest_of(credential), revoked_at=None).first()


def till_keys(*, q: str = "", state: str = "") -> QuerySet[TillKey]:
    """`q` is looked for in the store, the name and the visible beginning."""
    rows = TillKey.objects.select_related("store", "created_by").order_by("-pk")
    if q:
        rows = rows.filter(Q(store__name__icontains=q) | Q(name__icontains=q) | Q(prefix__startswith=q[:VISIBLE]))
    return rows.filter(revoked_at__isnull=state == "working") if state in STATES else rows
