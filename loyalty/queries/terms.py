"""The terms of the programme as they stand."""

from django.conf import settings

from loyalty.models import Programme
from loyalty.rules.lots import Terms


def terms() -> Programme:
    """The one row; config.shipped writes it."""
    return Programme.objects.get(pk=1)


def lot_terms_of(programme: Programme) -> Terms:
    return Terms(
        pending=programme.pending,
        pending_days=programme.pending_days,
        pending_event=programme.pending_event,
        expiry=programme.expiry,
        expiry_days=programme.expiry_days,
        expires_on=programme.expires_on,
        zone=settings.TIME_ZONE,
    )
