"""Days and hours as they begin where the shop is."""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from django.utils import timezone


def start_of(day: date, zone: str = "") -> datetime:
    """Midnight of the shop's time zone, or of the one that is named."""
    return timezone.make_aware(datetime.combine(day, time.min), ZoneInfo(zone) if zone else None)


def hour_of(at: datetime) -> datetime:
    """When its hour began: sums go by that, so whole hours make whole days."""
    return timezone.localtime(at).replace(minute=0, second=0, microsecond=0)
