"""What the gate goes by, as rows: read once for a batch of messages."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q, QuerySet

from campaigns.models import FrequencyCap, MessagePolicy, QuietHours, SendingRate, Suppression
from campaigns.rules.hours import SendWindow
from campaigns.rules.permits import Ruling


def rulings() -> tuple[Ruling, ...]:
    rows = MessagePolicy.objects.filter(is_in_force=True)
    return tuple(Ruling(row.vertical, row.state, row.channel, row.provider, row.verdict, row.reason) for row in rows)


def state_hours() -> dict[tuple[str, str], SendWindow]:
    """By state and channel."""
    rows = QuietHours.objects.filter(is_in_force=True)
    return {(row.state, row.channel): SendWindow(row.send_from, row.send_until, row.sunday_from) for row in rows}


def caps() -> dict[tuple[str, str], FrequencyCap]:
    """By channel and topic; the topic is empty for all of them together."""
    return {(cap.channel, cap.topic): cap for cap in FrequencyCap.objects.all()}


def standing() -> QuerySet[Suppression]:
    return Suppression.objects.filter(lifted_at=None)


def suppressed(addresses: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Why, for those (channel, address) that are left alone."""
    wanted: dict[str, set[str]] = {}
    for channel, address in addresses:
        wanted.setdefault(channel, set()).add(address)
    where = Q(pk__in=[])
    for channel, texts in wanted.items():
        where |= Q(channel=channel, address__in=texts)
    return {(row.channel, row.address): row.get_reason_display() for row in standing().filter(where)}


def suppressions(*, search: str = "", reason: str = "") -> QuerySet[Suppression]:
    """Those that stand, newest first."""
    rows = standing().select_related("by")
    if search:
        rows = rows.filter(address__icontains=search)
    return rows.filter(reason=reason) if reason else rows


def paused_providers(now: datetime) -> QuerySet[SendingRate]:
    """Providers that asked to be left alone for a while."""
    return SendingRate.objects.filter(paused_until__gt=now)
