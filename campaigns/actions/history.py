"""How long the history of messages is kept. Every figure is counted from the messages themselves, which stay."""

from datetime import datetime, timedelta

from django.conf import settings

from campaigns.models import SendMove
from config.shared.retention import drop_older, months_before
from integrations.models import ProviderReport

# For each table, so that one task does not meet the time limit of workers; the rest goes the next day.
PATIENCE = timedelta(seconds=60)
# What people said of themselves is the evidence for what they are sent, and stays.
_CHOICES = (ProviderReport.Kind.UNSUBSCRIBED, ProviderReport.Kind.SUBSCRIBED)


def forget_old_history(*, now: datetime) -> tuple[int, int]:
    """Drop moves of messages, and reports that were applied, older than HISTORY_RETENTION_MONTHS: how many of each."""
    if not settings.HISTORY_RETENTION_MONTHS:
        return 0, 0
    oldest = months_before(now, settings.HISTORY_RETENTION_MONTHS)
    reports = ProviderReport.objects.filter(applied_at__isnull=False).exclude(kind__in=_CHOICES)
    return (
        drop_older(SendMove.objects.all(), field="at", than=oldest, within=PATIENCE),
        drop_older(reports, field="received_at", than=oldest, within=PATIENCE),
    )
