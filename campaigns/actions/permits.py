"""The rules the gate goes by: what is shipped, and how the shop changes it. Each change is kept in the trail."""

from datetime import date
from decimal import Decimal

from django.db import transaction

from campaigns.models import FrequencyCap, MessagePolicy, QuietHours, SendingRate
from campaigns.rules import shipped
from config.shared.errors import DomainError
from config.shared.nudge import nudge
from config.shared.trail import note_change
from loyalty.rules.reward_policies import STATES


class BadPermit(DomainError):
    code = "bad_permit"


def ship_permits() -> None:
    """Those of rules.shipped that the shop has not got yet. What it has changed stays as it is."""
    for row in shipped.RULINGS:
        MessagePolicy.objects.get_or_create(
            vertical=row.vertical,
            state="",
            channel=row.channel,
            provider=row.provider,
            defaults={
                "verdict": row.verdict, "reason": row.reason, "source": row.source, "as_of": shipped.READ_ON,
            },
        )  # fmt: skip
    for hours in shipped.STATE_HOURS:
        QuietHours.objects.get_or_create(
            state=hours.state,
            channel="sms",
            defaults={
                "send_from": hours.send_from, "send_until": hours.send_until, "sunday_from": hours.sunday_from,
                "source": hours.source, "as_of": shipped.READ_ON,
            },
        )  # fmt: skip


@transaction.atomic
def save_message_policy(
    *,
    policy: MessagePolicy | None,
    vertical: str,
    state: str,
    channel: str,
    provider: str,
    verdict: str,
    reason: str,
    source: str,
    as_of: date,
    is_in_force: bool,
) -> MessagePolicy:
    """Make a rule for messages or change one; the gate goes by it at once. Raises BadPermit."""
    state = _state(state, may_be_empty=True)
    same = MessagePolicy.objects.filter(vertical=vertical, state=state, channel=channel, provider=provider)
    if (same.exclude(pk=policy.pk) if policy else same).exists():
        raise BadPermit("There is a rule for this trade, state, channel and provider already. Change that one.")
    policy = policy or MessagePolicy()
    policy.vertical, policy.state, policy.channel, policy.provider = vertical, state, channel, provider
    policy.verdict, policy.reason, policy.source = verdict, reason.strip(), source.strip()
    policy.as_of, policy.is_in_force = as_of, is_in_force
    policy.save()
    return policy


@transaction.atomic
def save_quiet_hours(
    *,
    hours: QuietHours | None,
    state: str,
    channel: str,
    send_from: int,
    send_until: int,
    sunday_from: int | None,
    source: str,
    as_of: date,
    is_in_force: bool,
) -> QuietHours:
    """Make a state's hours or change them; the gate goes by them at once. Raises BadPermit."""
    state = _state(state)
    if send_from >= send_until:
        raise BadPermit("The hours must end after they begin.")
    same = QuietHours.objects.filter(state=state, channel=channel)
    if (same.exclude(pk=hours.pk) if hours else same).exists():
        raise BadPermit(f"There are hours for {state} and this channel already. Change those.")
    hours = hours or QuietHours()
    hours.state, hours.channel, hours.sunday_from = state, channel, sunday_from
    hours.send_from, hours.send_until = send_from, send_until
    hours.source, hours.as_of, hours.is_in_force = source.strip(), as_of, is_in_force
    hours.save()
    return hours


@transaction.atomic
def put_in_force(*, row: MessagePolicy | QuietHours, is_in_force: bool) -> None:
    """Let the gate go by a rule, or pass it over, from now on."""
    row.is_in_force = is_in_force
    row.save(update_fields=["is_in_force"])
    nudge("campaigns.send_due")


@transaction.atomic
def save_cap(*, cap: FrequencyCap | None, channel: str, topic: str, most: int, days: int) -> FrequencyCap:
    """Make a cap or change one. Raises BadPermit."""
    same = FrequencyCap.objects.filter(channel=channel, topic=topic)
    if (same.exclude(pk=cap.pk) if cap else same).exists():
        raise BadPermit("There is a cap for this channel and topic already. Change that one.")
    cap = cap or FrequencyCap()
    cap.channel, cap.topic, cap.most, cap.days = channel, topic, most, days
    cap.save()
    nudge("campaigns.send_due")
    return cap


@transaction.atomic
def remove_cap(*, cap: FrequencyCap) -> None:
    cap.delete()
    nudge("campaigns.send_due")


@transaction.atomic
def set_rate(*, provider: str, per_second: Decimal | None) -> SendingRate:
    """How many messages a second `provider` is given from now on; None: as fast as it takes them. Raises BadPermit."""
    if per_second is not None and per_second <= 0:
        raise BadPermit("Write a rate above zero, or leave it empty for no limit.")
    rate, _ = SendingRate.objects.select_for_update().get_or_create(provider=provider)
    note_change(rate, per_second=(rate.per_second, per_second))
    rate.per_second, rate.tokens, rate.filled_at = per_second, 0, None
    rate.save(update_fields=["per_second", "tokens", "filled_at"])
    return rate


@transaction.atomic
def end_pause(*, rate: SendingRate) -> None:
    """Speak to a provider again before the time it asked for is over."""
    told = {"paused_until": None, "paused_because": "", "unreachable_since": None}
    if SendingRate.objects.filter(pk=rate.pk).exclude(paused_until=None).update(**told):
        note_change(rate, paused_until=(rate.paused_until, None))
    nudge("campaigns.send_due")


def _state(text: str, *, may_be_empty: bool = False) -> str:
    state = text.strip().upper()
    if state not in STATES and not (may_be_empty and not state):
        raise BadPermit(f"{state or 'An empty field'} is no state we know. Write two letters, such as TX.")
    return state
