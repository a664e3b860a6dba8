"""Whose token it is, and which ones there are."""

from datetime import datetime

from django.db.models import Q, QuerySet

from loyalty.models import ApiToken, User
from tracking.rules.keys import digest_of

STATES = ("working", "expired", "revoked")


def working_token(credential: str, *, now: datetime) -> ApiToken | None:
    """The token behind these words, unless it, or its owner's account, is out of use."""
    found = ApiToken.objects.filter(_in_state("working", now), digest=digest_of(credential), user__is_active=True)
    return found.select_related("user").first()


def tokens_of(user: User) -> QuerySet[ApiToken]:
    return ApiToken.objects.filter(user=user).order_by("-pk")


def all_tokens(*, now: datetime, q: str = "", state: str = "") -> QuerySet[ApiToken]:
    """Everybody's. `q` is looked for in the person, the name and the visible beginning."""
    rows = ApiToken.objects.select_related("user").order_by("-pk")
    if q:
        person = Q(user__name__icontains=q) | Q(user__email__icontains=q)
        rows = rows.filter(person | Q(name__icontains=q) | Q(prefix__startswith=q[:10]))
    return rows.filter(_in_state(state, now)) if state in STATES else rows


def _in_state(state: str, now: datetime) -> Q:
    if state == "revoked":
        return Q(revoked_at__isnull=False)
    if state == "expired":
        return Q(revoked_at=None, expires_at__lte=now)
    return Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=now))
