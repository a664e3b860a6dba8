"""What the gate goes by, as rows: read once for a batch of messages."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from campaigns.models import FrequencyCap, MessagePolicy, QuietHours, SendingRate, Suppression
from campaigns.rules.hours import SendWindow
from campaigns.rules.permits import Ruling
from integrations.channels.base import UNREACHABLE_FOR, available_channels, provider_of
from loyalty.models import Consent, Member


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


def suppressions(*, search: str = "", reason: str = "") -> QuerySet[Suppression]:
    """Those that stand, newest first."""
    rows = standing().select_related("by")
    if search:
        rows = rows.filter(address__icontains=search)
    return rows.filter(reason=reason) if reason else rows


def message_policies() -> QuerySet[MessagePolicy]:
    """What forbids, gates or allows; those in force first."""
    return MessagePolicy.objects.order_by("-is_in_force", "vertical", "state", "channel", "provider")


def quiet_hours() -> QuerySet[QuietHours]:
    return QuietHours.objects.order_by("-is_in_force", "state", "channel")


@dataclass(frozen=True)
class Speed:
    """How fast one provider is spoken to. Without a rate: as fast as it takes messages."""

    provider: str
    channels: list[str]
    rate: SendingRate | None
    is_paused: bool


def speeds(now: datetime) -> list[Speed]:
    """Of every provider that carries something, and of those that still have a rate or a pause."""
    carried: dict[str, list[str]] = {}
    for channel in available_channels():
        carried.setdefault(provider_of(channel), []).append(Consent.Channel(channel).label)
    rates = {rate.provider: rate for rate in SendingRate.objects.all()}
    return [
        Speed(name, carried.get(name, []), rates.get(name), bool(_pause(rates.get(name), now)))
        for name in sorted({*carried, *rates})
    ]


def _pause(rate: SendingRate | None, now: datetime) -> datetime | None:
    return rate.paused_until if rate and rate.paused_until and rate.paused_until > now else None


def providers_to_name() -> list[str]:
    """Those a rule may name: who carries something here, and whom a rule names already."""
    named = MessagePolicy.objects.exclude(provider="").values_list("provider", flat=True).distinct()
    return sorted({*named, *(provider_of(channel) for channel in available_channels())})


def left_alone(member: Member) -> list[Suppression]:
    """Those of a member's own addresses that are left alone."""
    own = Q(channel=Consent.Channel.EMAIL, address=member.email) | Q(channel=Consent.Channel.SMS, address=member.phone)
    return list(standing().filter(own).order_by("channel"))


def unreachable_providers(now: datetime, *, longer_than: timedelta = timedelta(0)) -> QuerySet[SendingRate]:
    """Those that have been tried of late, and not reached for so long."""
    tried = Q(paused_until__gt=now - 5 * UNREACHABLE_FOR)
    return SendingRate.objects.filter(tried, unreachable_since__lte=now - longer_than)


def paused_providers(now: datetime) -> QuerySet[SendingRate]:
    """Providers that asked to be left alone for a while."""
    return SendingRate.objects.filter(paused_until__gt=now)
