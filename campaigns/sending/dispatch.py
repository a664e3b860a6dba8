"""The way of one send from due to done. A crash at any point leaves a row that says how far it got.

    PENDING -> CLAIMED (lease) -> HANDING_OFF (committed before the provider is spoken to) -> SENT

A lease that lapses before HANDING_OFF is simply taken again. After it, nobody knows whether the message left: the
send is UNKNOWN, shown, and never sent again by itself.

Every move is one conditional UPDATE of one row. Its conditions stay on that row (Exists, no joins): PostgreSQL looks
at them again when two workers meet, which it would not do for a row found by a subquery.
"""

import logging
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Case, Exists, F, OuterRef, Value, When
from django.db.models.functions import Coalesce

from campaigns.events import MessageFailed, MessageSent
from campaigns.models import Campaign, Send
from campaigns.queries.policy import policy
from campaigns.rules.wording import WordingFault
from campaigns.sending import gate, render
from config.shared.clock import Clock, ticking
from config.shared.live import announce
from integrations.channels.base import Channel, DeliveryFailed, Message, OutcomeUnknown, available_channels, channel
from loyalty.models import Member
from tracking.actions import record

BATCH = 100
LEASE = timedelta(minutes=5)
# A slow mail server must not keep a batch until its lease lapses, or until the worker's time limit ends it.
LONGEST_BATCH = timedelta(seconds=90)
OUR_FAULT = "Something went wrong on our side; the log says what."
Status = Send.Status
logger = logging.getLogger(__name__)


def claim(*, now: datetime, batch: int = BATCH) -> list[int]:
    """Up to `batch` due sends of running campaigns, now ours until the lease ends."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE {Send._meta.db_table} send SET status = 'CLAIMED', claimed_until = %s
            FROM (
                SELECT candidate.id FROM {Send._meta.db_table} candidate
                JOIN {Campaign._meta.db_table} campaign ON campaign.id = candidate.campaign_id
                WHERE candidate.status = 'PENDING' AND candidate.due_at <= %s AND campaign.status = 'RUNNING'
                  AND candidate.channel = ANY(%s)
                ORDER BY candidate.due_at, candidate.id
                LIMIT %s
                FOR UPDATE OF candidate SKIP LOCKED
            ) due
            WHERE send.id = due.id
            RETURNING send.id
            """,
            [now + LEASE, now, list(available_channels()), batch],
        )
        return sorted(row[0] for row in cursor.fetchall())


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
    clock = ticking(now)
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
                _send_one(send, outlet, clock)
                announce(f"campaign:{send.campaign.public_id}")


def _send_one(send: Send, outlet: Channel, clock: Clock) -> None:
    """Whatever goes wrong with this one is its own affair: the others must not wait for it."""
    try:
        message = render.message_for(send)
    except WordingFault as fault:
        _fail(send, str(fault), clock(), came_from=Status.CLAIMED)
        return
    except Exception:
        logger.exception("Send %s could not be written", send.pk)
        _fail(send, OUR_FAULT, clock(), came_from=Status.CLAIMED)
        return
    if begin_hand_off(send, message, clock()):
        _hand_off(send, message, outlet, clock)
    else:
        _put_aside(send, clock())


def begin_hand_off(send: Send, message: Message, now: datetime) -> bool:
    """Committed before the provider hears of it. False when it may not leave (any more), or is not ours.

    `attempts` grows with each hand-off: a worker whose lease lapsed cannot take up what another has tried since.
    """
    is_running = Exists(Campaign.objects.filter(pk=OuterRef("campaign_id"), status=Campaign.Status.RUNNING))
    ours = Send.objects.filter(is_running, gate.still_admitted(send, now=now), status=Status.CLAIMED)
    begun = ours.filter(pk=send.pk, attempts=send.attempts).update(
        status=Status.HANDING_OFF,
        attempts=F("attempts") + 1,
        provider_id=f"<{message.id}>",
        claimed_until=now + LEASE,
    )
    send.attempts += begun
    return bool(begun)


def _hand_off(send: Send, message: Message, outlet: Channel, clock: Clock) -> None:
    try:
        provider_id = outlet.send(message)
    except DeliveryFailed as error:
        _retry_or_fail(send, error, clock())
    except OutcomeUnknown as error:
        _settle(send, Status.HANDING_OFF, Status.UNKNOWN, failure=str(error)[:500])
    except Exception:
        logger.exception("Send %s ended in the middle of its hand-off", send.pk)
        _settle(send, Status.HANDING_OFF, Status.UNKNOWN, failure=OUR_FAULT)
    else:
        _mark_sent(send, provider_id, clock())


def _put_aside(send: Send, now: datetime) -> None:
    """What was claimed and may not leave: suppressed when that is due to its member, else back in its place."""
    member = Member.objects.get(pk=send.member_id)
    if reason := gate.refusal(member, channel=send.channel, recipient=send.recipient, now=now):
        _settle(send, Status.CLAIMED, Status.SUPPRESSED, failure=reason)
    else:
        _settle(send, Status.CLAIMED, Status.PENDING)


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
        event = MessageSent(
            subject=str(send.member.public_id),
            send=str(send.public_id),
            campaign=str(send.campaign.public_id),
            channel=send.channel,
        )
        record(event, key=str(send.public_id), at=now)


@transaction.atomic
def _retry_or_fail(send: Send, error: DeliveryFailed, now: datetime) -> None:
    rules = policy()
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


def _settle(send: Send, came_from: str, to: str, **fields: object) -> bool:
    """Move on what is still as this worker left it: `attempts` says whether another has tried since."""
    ours = Send.objects.filter(pk=send.pk, status=came_from, attempts=send.attempts)
    return bool(ours.update(status=to, claimed_until=None, **fields))
