"""How fast each provider is spoken to: one bucket of tokens a provider, in the database, shared by all workers."""

from dataclasses import dataclass
from datetime import datetime
from math import floor

from django.db import connection, transaction
from django.db.models import F, Q

from campaigns.models import SendingRate

# As much as a bucket holds: what leaves at once after a quiet while.
SECONDS_HELD = 1.0


@transaction.atomic
def take(provider: str, wanted: int, *, now: datetime) -> int:
    """How many of `wanted` messages may be handed to `provider` now; they are taken from its bucket.

    None while the provider has asked for quiet. All of them where no rate is set.
    """
    rate = SendingRate.objects.select_for_update().filter(provider=provider).first()
    if rate is None:
        return wanted
    if rate.paused_until and rate.paused_until > now:
        return 0
    if rate.per_second is None:
        return wanted
    per_second = float(rate.per_second)
    holds = max(1.0, per_second * SECONDS_HELD)
    since = (now - rate.filled_at).total_seconds() if rate.filled_at else SECONDS_HELD
    tokens = min(holds, rate.tokens + max(0.0, since) * per_second)
    granted = min(wanted, floor(tokens))
    # Who looked at the clock first may come second: no moment fills the bucket twice.
    rate.tokens, rate.filled_at = tokens - granted, max(now, rate.filled_at or now)
    rate.save(update_fields=["tokens", "filled_at"])
    return granted


def give_back(provider: str, unspent: int) -> None:
    """Tokens that no message was found for."""
    if unspent > 0:
        SendingRate.objects.filter(provider=provider, per_second__isnull=False).update(tokens=F("tokens") + unspent)


@dataclass(frozen=True)
class Standing:
    """How a provider stands. `is_unreachable`: it was when it was last spoken to."""

    is_paused: bool = False
    is_unreachable: bool = False


def standing(provider: str, *, now: datetime) -> Standing:
    with connection.cursor() as cursor:
        cursor.execute(_STANDING, [now, provider])
        return Standing(*(cursor.fetchone() or ()))


_STANDING = f"""
    SELECT paused_until IS NOT NULL AND paused_until > %s, unreachable_since IS NOT NULL
    FROM {SendingRate._meta.db_table} WHERE provider = %s
"""


def note_unreachable(provider: str, *, now: datetime) -> None:
    """Kept from the first time on, until it is reached."""
    SendingRate.objects.filter(provider=provider, unreachable_since=None).update(unreachable_since=now)


def note_reached(provider: str) -> None:
    SendingRate.objects.filter(provider=provider).update(unreachable_since=None)


def pause(provider: str, *, until: datetime, why: str) -> None:
    """Nothing is handed to `provider` before `until`, by any worker. A longer pause is never cut short."""
    told = {"paused_until": until, "paused_because": why[:300]}
    _, is_new = SendingRate.objects.get_or_create(provider=provider, defaults=told)
    if not is_new:
        shorter = Q(paused_until=None) | Q(paused_until__lt=until)
        SendingRate.objects.filter(shorter, provider=provider).update(**told)
