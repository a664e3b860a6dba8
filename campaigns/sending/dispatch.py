"""The way of one send from due to done. A crash at any point leaves a row that says how far it got.

    PENDING -> CLAIMED (lease) -> HANDING_OFF (committed before the provider is spoken to) -> SENT

A lease that lapses before HANDING_OFF is simply taken again. After it, nobody knows whether the message left: the
send is UNKNOWN, shown, and never sent again by itself.

A send that comes due outside the hours at which its member may be written to stays PENDING and gets a later due time.
Every move of a claimed send is one conditional UPDATE of one row. Its conditions stay on that row (Exists, no joins):
PostgreSQL looks at them again when two workers meet, which it would not do for a row found by a subquery.
"""

import logging
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Case, Exists, F, OuterRef, QuerySet, Value, When
from django.db.models.functions import Coalesce

from campaigns.events import MessageFailed, MessageSent
from campaigns.models import Campaign, CampaignPolicy, Send
from campaigns.rules.wording import WordingFault
from campaigns.sending import gate, render
from config.shared.clock import Clock, ticking
from config.shared.live import announce
from integrations.channels.base import Channel, DeliveryFailed, Message, OutcomeUnknown, available_channels, channel
from tracking.actions import record

BATCH = 100
HELD_AT_ONCE = 10_000
LEASE = timedelta(minutes=5)
# A slow mail server must not keep a batch until its lease lapses, or until the worker's time limit ends it.
LONGEST_BATCH = timedelta(seconds=90)
OUR_FAULT = "Something went wrong on our side; the log says what."
Status = Send.Status
_WAS_DUE = Coalesce(F("held_from"), F("due_at"))  # Put off twice, it still remembers the first time.
logger = logging.getLogger(__name__)


def claim(*, now: datetime, batch: int = BATCH) -> list[int]:
    """Up to `batch` due sends of running campaigns that the gate lets go, now ours until the lease ends.

    What it holds back gets a new due time and what it refuses is settled, so neither is looked at again and again.
    """
    terms = gate.terms()
    while verdicts := _judge_due(terms, now, batch):
        if ours := [send for send, verdict in verdicts.items() if verdict.may_leave]:
            return sorted(ours)
        _hold_where_it_is_night(terms, now)
    return []


def _due(now: datetime) -> QuerySet[Send]:
    """Held for this transaction; what another worker holds is left to it."""
    due = Send.objects.filter(
        status=Status.PENDING,
        due_at__lte=now,
        campaign__status=Campaign.Status.RUNNING,
        channel__in=available_channels(),
    )
    return due.order_by("due_at", "pk").select_for_update(of=("self",), skip_locked=True)


@transaction.atomic
def _hold_where_it_is_night(terms: gate.Terms, now: datetime) -> None:
    """Thousands at a time, so that what may leave need not wait until each of them was judged."""
    for opening, night in gate.nights(terms, now=now):
        asleep = list(_due(now).filter(night).values_list("pk", flat=True)[:HELD_AT_ONCE])
        Send.objects.filter(pk__in=asleep).update(due_at=opening, held_from=_WAS_DUE)


@transaction.atomic
def _judge_due(terms: gate.Terms, now: datetime, batch: int) -> dict[int, gate.Verdict]:
    verdicts = gate.judge(_due(now)[:batch], terms=terms, now=now)
    alike: dict[gate.Verdict, list[int]] = {}
    for send, verdict in verdicts.items():
        alike.setdefault(verdict, []).append(send)
    for verdict, sends in alike.items():
        Send.objects.filter(pk__in=sends).update(**_consequence(verdict, now))
    turned_away = [send for send, verdict in verdicts.items() if not verdict.may_leave]
    for campaign in Campaign.objects.filter(sends__in=turned_away).distinct():
        announce(f"campaign:{campaign.public_id}")
    return verdicts


def _consequence(verdict: gate.Verdict, now: datetime) -> dict[str, Any]:
    """What becomes of a due send."""
    if verdict.refusal:
        return {"status": Status.SUPPRESSED, "failure": verdict.refusal}
    if verdict.held_until:
        return {"status": Status.PENDING, "due_at": verdict.held_until, "held_from": _WAS_DUE}
    return {"status": Status.CLAIMED, "claimed_until": now + LEASE, "held_from": None}


def release_lapsed(*, now: datetime) -> tuple[int, int]:
    """Settle the sends of workers that died: (taken back to pending, now unknown)."""
    lapsed = Send.objects.filter(claimed_until__lt=now)
    back = lapsed.filter(status=Status.CLAIMED).update(status=Status.PENDING, claimed_until=None)
    unknown = lapsed.filter(status=Status.HANDING_OFF).update(
        status=Status.UNKNOWN,
        claimed_until=None,
        failure="The worker stopped while the message was being handed off; it may or may not have left.",
    )
    return back, unknown


def send_claimed(send_ids: list[int], *, now: datetime) -> None:
    """Hand off what was claimed, one connection per channel. What there is no time for goes back."""
    terms, clock = gate.terms(), ticking(now)
    sends = list(
        Send.objects.filter(pk__in=send_ids)
        .select_related(
            "campaign", "action__step__offer", "member__stats", "member__points_account", "member__home_store"
        )
        .order_by("channel", "pk")
    )
    for name in sorted({send.channel for send in sends}):
        with channel(name) as outlet:
            for send in sends:
                if send.channel != name:
                    continue
                if clock() > now + LONGEST_BATCH:
                    _settle(send, Status.CLAIMED, Status.PENDING)
                    continue
                _send_one(send, outlet, terms, clock)
                announce(f"campaign:{send.campaign.public_id}")


def _send_one(send: Send, outlet: Channel, terms: gate.Terms, clock: Clock) -> None:
    """Whatever goes wrong with this one is its own affair: the others must not wait for it."""
    try:
        message = render.message_for(send, terms.shop)
    except WordingFault as fault:
        _fail(send, str(fault), clock(), came_from=Status.CLAIMED)
        return
    except Exception:
        logger.exception("Send %s could not be written", send.pk)
        _fail(send, OUR_FAULT, clock(), came_from=Status.CLAIMED)
        return
    if begin_hand_off(send, message, terms=terms, now=clock()):
        _hand_off(send, message, outlet, terms, clock)


@transaction.atomic
def begin_hand_off(send: Send, message: Message, *, terms: gate.Terms, now: datetime) -> bool:
    """Committed before the provider hears of it. False when it may not leave (any more), or is not ours.

    The gate is asked with the send and its member held: of two messages to one member the second sees the first, and
    a consent withdrawn at this moment is withdrawn before or after. `attempts` grows with each hand-off: a worker
    whose lease lapsed cannot take up what another has tried since.
    """
    held = Send.objects.filter(pk=send.pk).select_for_update(of=("self", "member"), no_key=True)
    verdict = gate.judge(held, terms=terms, now=now)[send.pk]
    if not verdict.may_leave:
        _settle(send, Status.CLAIMED, **_consequence(verdict, now))
        return False
    is_running = Exists(Campaign.objects.filter(pk=OuterRef("campaign_id"), status=Campaign.Status.RUNNING))
    ours = Send.objects.filter(is_running, pk=send.pk, status=Status.CLAIMED, attempts=send.attempts)
    begun = ours.update(
        status=Status.HANDING_OFF,
        attempts=F("attempts") + 1,
        provider_id=f"<{message.id}>",
        handed_off_at=now,
        claimed_until=now + LEASE,
    )
    if not begun:
        _settle(send, Status.CLAIMED, Status.PENDING)
    send.attempts += begun
    return bool(begun)


def _hand_off(send: Send, message: Message, outlet: Channel, terms: gate.Terms, clock: Clock) -> None:
    try:
        provider_id = outlet.send(message)
    except DeliveryFailed as error:
        _retry_or_fail(send, error, terms.policy, clock())
    except OutcomeUnknown as error:
        _settle(send, Status.HANDING_OFF, Status.UNKNOWN, failure=str(error)[:500])
    except Exception:
        logger.exception("Send %s ended in the middle of its hand-off", send.pk)
        _settle(send, Status.HANDING_OFF, Status.UNKNOWN, failure=OUR_FAULT)
    else:
        _mark_sent(send, provider_id, clock())


def _mark_sent(send: Send, provider_id: str, now: datetime) -> None:
    """The provider may have reported the delivery before we got here: a state never moves back."""
    with transaction.atomic():
        Send.objects.filter(pk=send.pk).update(
            status=Case(
                When(status__in=[Status.HANDING_OFF, Status.UNKNOWN], then=Value(Status.SENT)), default=F("status")
            ),
            sent_at=Coalesce(F("sent_at"), Value(now)),
            provider_id=provider_id,
            claimed_until=None,
            failure="",
        )
        tell_sent(send, now)


def tell_sent(send: Send, at: datetime) -> None:
    """However it became known that a message left: the log hears it once."""
    event = MessageSent(
        subject=str(send.member.public_id),
        send=str(send.public_id),
        campaign=str(send.campaign.public_id),
        channel=send.channel,
    )
    record(event, key=str(send.public_id), at=at)


@transaction.atomic
def _retry_or_fail(send: Send, error: DeliveryFailed, rules: CampaignPolicy, now: datetime) -> None:
    if error.permanent or send.attempts > rules.max_retries:
        _fail(send, str(error), now, came_from=Status.HANDING_OFF)
        return
    # Whoever cancels a campaign moves its row first: with the row held, no send can slip back into a cancelled one.
    campaign = Campaign.objects.select_for_update().get(pk=send.campaign_id)
    is_over = campaign.status == Campaign.Status.CANCELLED
    _settle(
        send,
        Status.HANDING_OFF,
        Status.CANCELLED if is_over else Status.PENDING,
        failure=str(error)[:500],
        due_at=now + timedelta(minutes=rules.retry_minutes),
    )


@transaction.atomic
def _fail(send: Send, reason: str, now: datetime, *, came_from: str) -> None:
    if _settle(send, came_from, Status.FAILED, failure=reason[:500], failed_at=now):
        event = MessageFailed(
            subject=str(send.member.public_id),
            send=str(send.public_id),
            campaign=str(send.campaign.public_id),
            channel=send.channel,
        )
        record(event, key=str(send.public_id), at=now)


def _settle(send: Send, came_from: str, status: str, **fields: object) -> bool:
    """Move on what is still as this worker left it: `attempts` says whether another has tried since."""
    ours = Send.objects.filter(pk=send.pk, status=came_from, attempts=send.attempts)
    return bool(ours.update(status=status, claimed_until=None, **fields))
