"""The way of one send from due to done. A crash at any point leaves a row that says how far it got.

    PENDING -> CLAIMED (lease) -> HANDING_OFF (committed before the provider is spoken to) -> SENT

A lease that lapses before HANDING_OFF is simply taken again. After it, nobody knows whether the message left: the
send is UNKNOWN, shown, and never sent again by itself.
"""

import logging
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Case, F, Value, When
from django.db.models.functions import Coalesce, Now

from campaigns.events import MessageFailed, MessageSent
from campaigns.models import Campaign, Send
from campaigns.queries.policy import policy
from campaigns.rules.wording import WordingFault
from campaigns.sending import gate, render
from config.shared.live import announce
from integrations.channels.base import Channel, DeliveryFailed, OutcomeUnknown, channel
from tracking.actions import record

BATCH = 100
LEASE = timedelta(minutes=2)
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
                ORDER BY candidate.due_at, candidate.id
                LIMIT %s
                FOR UPDATE OF candidate SKIP LOCKED
            ) due
            WHERE send.id = due.id
            RETURNING send.id
            """,
            [now + LEASE, now, batch],
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
    """Hand off what was claimed, one connection per channel."""
    sends = list(
        Send.objects.filter(pk__in=send_ids)
        .select_related(
            "campaign", "action__step__offer", "member__stats", "member__points_account", "member__home_store"
        )
        .prefetch_related("member__consents")
        .order_by("channel", "pk")
    )
    for name in sorted({send.channel for send in sends}):
        with channel(name) as outlet:
            for send in sends:
                if send.channel == name:
                    _send_one(send, outlet, now)
                    announce(f"campaign:{send.campaign.public_id}")


def _send_one(send: Send, outlet: Channel, now: datetime) -> None:
    if reason := _refusal(send, now):
        _settle(send, Status.CLAIMED, Status.SUPPRESSED, failure=reason)
        return
    try:
        message = render.message_for(send)
    except WordingFault as fault:
        _fail(send, str(fault), now, came_from=Status.CLAIMED)
        return
    if not _begin_hand_off(send, f"<{message.id}>"):
        return
    try:
        provider_id = outlet.send(message)
    except DeliveryFailed as error:
        _retry_or_fail(send, error, now)
    except OutcomeUnknown as error:
        _settle(send, Status.HANDING_OFF, Status.UNKNOWN, failure=str(error)[:500])
    else:
        _mark_sent(send, provider_id, now)


def _refusal(send: Send, now: datetime) -> str | None:
    """Asked of the rows as they are this instant, not as they were when the batch was read."""
    send.member.refresh_from_db(fields=["email", "phone", "birth_date"])
    send.member._prefetched_objects_cache = {}  # type: ignore[attr-defined]
    return gate.refusal(send.member, channel=send.channel, recipient=send.recipient, now=now)


def _begin_hand_off(send: Send, provider_id: str) -> bool:
    """Committed before the provider hears of it. False when the campaign was paused or cancelled meanwhile."""
    running = Send.objects.filter(pk=send.pk, status=Status.CLAIMED, campaign__status=Campaign.Status.RUNNING)
    lease = Now() + Value(LEASE)
    if running.update(
        status=Status.HANDING_OFF, attempts=F("attempts") + 1, provider_id=provider_id, claimed_until=lease
    ):
        send.attempts += 1
        return True
    _settle(send, Status.CLAIMED, Status.PENDING)
    return False


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


def _retry_or_fail(send: Send, error: DeliveryFailed, now: datetime) -> None:
    rules = policy()
    if error.permanent or send.attempts > rules.max_retries:
        _fail(send, str(error), now, came_from=Status.HANDING_OFF)
        return
    due = now + timedelta(minutes=rules.retry_minutes)
    _settle(send, Status.HANDING_OFF, Status.PENDING, failure=str(error)[:500], due_at=due)


def _fail(send: Send, reason: str, now: datetime, *, came_from: str) -> None:
    with transaction.atomic():
        if _settle(send, came_from, Status.FAILED, failure=reason[:500], failed_at=now):
            event = MessageFailed(
                subject=str(send.member.public_id),
                send=str(send.public_id),
                campaign=str(send.campaign.public_id),
                channel=send.channel,
            )
            record(event, key=str(send.public_id), at=now)


def _settle(send: Send, came_from: str, to: str, **fields: object) -> bool:
    return bool(Send.objects.filter(pk=send.pk, status=came_from).update(status=to, claimed_until=None, **fields))
