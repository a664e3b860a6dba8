"""Who sees which systems: the shop's own people all of them, a partner's people and keys that partner's only."""

from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from tracking.models import EventStructure, Partner, PartnerAccess, PartnerSystem, SystemKey
from tracking.rules.keys import digest_of


def partner_of(user: Any) -> Partner | None:
    """The partner this login belongs to; None for the shop's own people."""
    access = PartnerAccess.objects.filter(user_id=user.pk).select_related("partner").first() if user.pk else None
    return access.partner if access else None


def partners_seen_by(user: Any) -> QuerySet[Partner]:
    if own := partner_of(user):
        return Partner.objects.filter(pk=own.pk, is_active=True)
    return Partner.objects.all() if user.has_perm("tracking.view_partner") else Partner.objects.none()


def systems_seen_by(user: Any) -> QuerySet[PartnerSystem]:
    return PartnerSystem.objects.filter(partner__in=partners_seen_by(user)).select_related("partner")


def keys_seen_by(user: Any) -> QuerySet[SystemKey]:
    return SystemKey.objects.filter(system__partner__in=partners_seen_by(user)).select_related("system__partner")


def structures_seen_by(user: Any) -> QuerySet[EventStructure]:
    return EventStructure.objects.filter(system__partner__in=partners_seen_by(user)).select_related("system__partner")


def may_look(user: Any) -> bool:
    """Whether tracking shows this login anything at all."""
    return user.has_perm("tracking.view_partner") or partners_seen_by(user).exists()


def may_see_people(user: Any) -> bool:
    """Whether names and addresses are shown as they are: a partner's people see their own data whole."""
    return user.has_perm("loyalty.view_pii") or partner_of(user) is not None


def working_key(credential: str, *, now: datetime) -> SystemKey | None:
    """The key behind a write key or `id:secret`, unless it, its system or its partner is out of use."""
    keys = SystemKey.objects.filter(Q(expires_at=None) | Q(expires_at__gt=now), digest=digest_of(credential))
    in_use = keys.filter(revoked_at=None, system__is_active=True, system__partner__is_active=True)
    return in_use.select_related("system__partner").first()
