"""The way of one send from due to done. A crash at any point leaves a row that says how far it got.

    PENDING -> CLAIMED (lease) -> HANDING_OFF (committed before the provider is spoken to) -> SENT

A lease that lapses before HANDING_OFF is simply taken again. After it, nobody knows whether the message left: the
send is UNKNOWN, shown, and never sent again by itself, unless its provider takes the same id twice for one message.

A send that comes due outside the hours at which its member may be written to stays PENDING and gets a later due time.
Sends are claimed by the hundred and handed off in small groups: as many at once as the provider takes in a tenth of a
second. So a slow provider gets them one by one, and whoever pauses a campaign or unsubscribes is heard at once.
Every move of a claimed send is a conditional UPDATE. Its conditions stay on that row (Exists, no joins): PostgreSQL
looks at them again when two workers meet, which it would not do for a row found by a subquery.
"""

import logging
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Case, F, QuerySet, Value, When
from django.db.models.functions import Coalesce

from campaigns.events import MessageFailed, MessageSent
from campaigns.models import Action, Campaign, Send
from campaigns.rules.wording import WordingFault
from campaigns.sending import gate, rates, render
from campaigns.writing.press import CannotPress
from config.shared.clock import Clock, ticking
from config.shared.live import announce
from integrations.channels.base import (
    Channel,
    DeliveryFailed,
    Message,
    OutcomeUnknown,
    Told,
    Unreachable,
    at_once,
    available_channels,
    channel,
    send_many,
)
from loyalty.models import Member
from tracking.actions import Occurrence, record_all

# What is loaded at once: twice as many are no quicker, and take 6 MB more.
BATCH = 500
HELD_AT_ONCE = 10_000
LEASE = timedelta(minutes=5)
# A slow mail server must not keep a batch until its lease lapses, or until the worker's time limit ends it.
LONGEST_BATCH = timedelta(seconds=90)
# How long a group of messages may take from the gate's word to the last of them, and how many they are at most.
LONGEST_GROUP = timedelta(seconds=0.1)
LARGEST_GROUP = 50
# How long whoever pauses a campaign may wait for a group that a slow provider has side by side.
LONGEST_WAIT = timedelta(seconds=0.5)
# Between our last look at the clock and the provider's look at an id: as long as a slow answer takes.
MARGIN = timedelta(seconds=30)
OUR_FAULT = "Something went wrong on our side; the log says what."
STOPPED = "The worker stopped while the message was being handed off; it may or may not have left."
IN_DOUBT = "The provider did not answer; it may or may not have left, and cannot be handed over again."
Status = Send.Status
_WAS_DUE = Coalesce(F("held_from"), F("due_at"))  # Put off twice, it still remembers the first time.
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """What became of a message that was handed off: `error`, or the provider's id."""

    send: Send
    provider_id: str = ""
    error: Exception | None = None


# --- Claiming ------------------------------------------------------------------------------------------------------


def claim(*, now: datetime, batch: int = BATCH) -> list[int]:
    """Up to `batch` due sends of each channel that gate and provider let go, now ours until the lease ends.

    What the gate holds back gets a new due time and what it refuses is settled: neither is looked at again and again.
    """
    waiting = [name for name in available_channels() if _due(name, now).exists()]
    if not waiting:
        return []
    terms, ours = gate.terms(), list[int]()
    for name in waiting:
        provider = terms.providers[name]
        granted = rates.take(provider, batch, now=now)
        claimed = _claim_of(name, terms, now, granted) if granted else []
        rates.give_back(provider, granted - len(claimed))
        ours += claimed
    return ours


def _claim_of(name: str, terms: gate.Terms, now: datetime, batch: int) -> list[int]:
    while verdicts := _judge_due(name, terms, now, batch):
        if ours := [send for send, verdict in verdicts.items() if verdict.may_leave]:
            return sorted(ours)
        _hold_where_it_is_night(name, terms, now)
    return []


def _due(name: str, now: datetime) -> QuerySet[Send]:
    running = Campaign.Status.RUNNING
    due = Send.objects.filter(
        status=Status.PENDING, waits_for_winner=False, due_at__lte=now, campaign__status=running, channel=name
    )
    return due.order_by("due_at", "pk")


def _held(due: QuerySet[Send]) -> QuerySet[Send]:
    """For this transaction; what another worker holds is left to it."""
    return due.select_for_update(of=("self",), skip_locked=True)


@transaction.atomic
def _hold_where_it_is_night(name: str, terms: gate.Terms, now: datetime) -> None:
    """Thousands at a time, so that what may leave need not wait until each of them was judged."""
    for opening, night in gate.nights(terms, name, now=now):
        asleep = list(_held(_due(name, now).filter(night)).values_list("pk", flat=True)[:HELD_AT_ONCE])
        Send.objects.filter(pk__in=asleep).update(due_at=opening, held_from=_WAS_DUE)


@transaction.atomic
def _judge_due(name: str, terms: gate.Terms, now: datetime, batch: int) -> dict[int, gate.Verdict]:
    held = list(_held(_due(name, now)).values_list("pk", flat=True)[:batch])
    verdicts = gate.judge(held, terms=terms, now=now)
    alike: dict[gate.Verdict, list[int]] = {}
    for send, verdict in verdicts.items():
        alike.setdefault(verdict, []).append(send)
    for verdict, sends in alike.items():
        Send.objects.filter(pk__in=sends).update(**_consequence(verdict, now))
    _leave_in_doubt([send for send, verdict in verdicts.items() if verdict.refusal])
    kept = [send for send, verdict in verdicts.items() if not verdict.may_leave]
    _announce(Campaign.objects.filter(sends__in=kept).distinct().values_list("public_id", flat=True) if kept else ())
    return verdicts


def _consequence(verdict: gate.Verdict, now: datetime) -> dict[str, Any]:
    """What becomes of a due send."""
    if verdict.refusal:
        return {"status": Status.SUPPRESSED, "failure": verdict.refusal}
    if verdict.held_until:
        return {"status": Status.PENDING, "due_at": verdict.held_until, "held_from": _WAS_DUE}
    return {"status": Status.CLAIMED, "claimed_until": now + LEASE, "held_from": None}


def _leave_in_doubt(refused: list[int]) -> None:
    """What may have left already cannot be said not to have, though the gate would refuse it now."""
    if refused:
        doubtful = Send.objects.filter(pk__in=refused, doubtful_since__isnull=False, status=Status.SUPPRESSED)
        doubtful.update(status=Status.UNKNOWN, failure=IN_DOUBT)


@transaction.atomic
def release_lapsed(*, now: datetime) -> tuple[int, int]:
    """Settle the sends of workers that died: (taken back to pending, now unknown).

    What was being handed off goes again only to a provider that still remembers its id.
    """
    lapsed = Send.objects.filter(claimed_until__lt=now)
    back = _lapsed(lapsed.filter(status=Status.CLAIMED)).update(status=Status.PENDING, claimed_until=None)
    for outlet in (channel(name) for name in available_channels()):
        if outlet.remembers_for:
            remembered = lapsed.filter(
                status=Status.HANDING_OFF, provider=outlet.provider, handed_off_at__gt=now - outlet.remembers_for
            )
            since = Coalesce("doubtful_since", "handed_off_at")
            back += _lapsed(remembered).update(status=Status.PENDING, claimed_until=None, doubtful_since=since)
    doubtful = _lapsed(lapsed.filter(status=Status.HANDING_OFF))
    return back, doubtful.update(status=Status.UNKNOWN, claimed_until=None, failure=STOPPED)


def _lapsed(sends: QuerySet[Send]) -> QuerySet[Send]:
    """What is in somebody's hands this very moment has not lapsed."""
    free = sends.select_for_update(skip_locked=True).values("pk")
    return Send.objects.filter(pk__in=list(free.values_list("pk", flat=True)))


# --- Handing off ---------------------------------------------------------------------------------------------------


def send_claimed(send_ids: list[int], *, now: datetime) -> None:
    """Hand off what was claimed, one connection per channel. What there is no time for goes back."""
    terms, clock = gate.terms(), ticking(now)
    sends = render.to_write(send_ids)
    for name in sorted({send.channel for send in sends}):
        own = [send for send in sends if send.channel == name]
        with channel(name) as outlet:
            _send_all(own, outlet, terms, clock, until=now + LONGEST_BATCH)
        _announce({send.campaign.public_id for send in own})


def _send_all(sends: list[Send], outlet: Channel, terms: gate.Terms, clock: Clock, *, until: datetime) -> None:
    """In groups that grow while the provider is quick."""
    size, writer, looked_at, standing = 1, render.Writer(terms.shop), None, rates.Standing()
    while sends and clock() < until:
        if looked_at is None or clock() - looked_at >= LONGEST_GROUP:
            looked_at = clock()
            _announce({send.campaign.public_id for send in sends})
            standing = rates.standing(outlet.provider, now=looked_at)
            if standing.is_paused:
                break
            if (current := gate.still(terms)) is not terms:
                terms, writer = current, render.Writer(current.shop)
        group, sends = sends[:size], sends[size:]
        outcomes, unspoken, took = _send_group(group, outlet, terms, writer, clock)
        sends = unspoken + sends
        if standing.is_unreachable and any(_was_reached(outcome) for outcome in outcomes):
            rates.note_reached(outlet.provider)
        if asked := _asked_quiet(outcomes):
            rates.pause(outlet.provider, until=clock() + asked[0], why=asked[1])
            if not all(_was_reached(outcome) for outcome in outcomes):
                rates.note_unreachable(outlet.provider, now=clock())
            break
        size = _next_size(size, took, at_once(outlet))
    _put_back(sends)


def _next_size(size: int, took: timedelta, at_once: int) -> int:
    """A provider that answers late may still be given as many as it takes side by side: nobody waits longer for it."""
    if took < LONGEST_GROUP:
        return min(2 * size, LARGEST_GROUP)
    if took < LONGEST_WAIT:
        return max(size // 2, min(2 * size, at_once))
    return max(1, size // 2)


def _send_group(
    group: list[Send], outlet: Channel, terms: gate.Terms, writer: render.Writer, clock: Clock
) -> tuple[list[Outcome], list[Send], timedelta]:
    """What became of those that were handed off, those there was no time for, and how long the provider took."""
    messages = dict(_written(group, writer, clock))
    begun = begin_hand_off(messages, outlet=outlet, terms=terms, now=clock())
    began = clock()
    told = list(zip(begun, _hand_off([messages[send] for send in begun], outlet), strict=True))
    took = clock() - began
    outcomes = [_outcome(send, word) for send, word in told if word is not None]
    unspoken = [send for send, word in told if word is None]
    _settle_all(outcomes, outlet, terms, clock())
    _take_back(unspoken, clock())
    return outcomes, unspoken, took


def _asked_quiet(outcomes: list[Outcome]) -> tuple[timedelta, str] | None:
    """The longest that was asked for, and in which words."""
    errors = [each.error for each in outcomes if isinstance(each.error, DeliveryFailed)]
    return max(((error.retry_after, str(error)) for error in errors if error.retry_after), default=None)


def _was_reached(outcome: Outcome) -> bool:
    return not isinstance(outcome.error, Unreachable)


def _written(group: list[Send], writer: render.Writer, clock: Clock) -> Iterator[tuple[Send, Message]]:
    """Whatever goes wrong with one is its own affair: the others must not wait for it."""
    for send in group:
        try:
            yield send, writer.message_for(send)
        except (WordingFault, CannotPress) as fault:
            _fail([(send, str(fault))], clock(), came_from=Status.CLAIMED)
        except Exception:
            logger.exception("Send %s could not be written", send.pk)
            _fail([(send, OUR_FAULT)], clock(), came_from=Status.CLAIMED)


@transaction.atomic
def begin_hand_off(messages: dict[Send, Message], *, outlet: Channel, terms: gate.Terms, now: datetime) -> list[Send]:
    """Committed before the provider hears of them: those that may leave and are still ours.

    The gate is asked with the members and their sends held: of two messages to one member the second sees the first,
    and a consent withdrawn at this moment is withdrawn before or after. `attempts` grows with each hand-off: a worker
    whose lease lapsed cannot take up what another has tried since. Nor what was given other words since: it has moved
    to another step.
    """
    ours = {send.pk: send for send in messages}
    held = _hold_claimed(messages)
    verdicts = gate.judge(held, terms=terms, now=now)
    for found, verdict in verdicts.items():
        if not verdict.may_leave:
            _settle(ours[found], Status.CLAIMED, **_consequence(verdict, now))
    leaving = [ours[found] for found, verdict in verdicts.items() if verdict.may_leave]
    for send in leaving:
        if send.doubtful_since and not _is_remembered(send, outlet, now):
            _settle(send, Status.CLAIMED, Status.UNKNOWN, failure=IN_DOUBT)
    begun = _begin(leaving, messages, outlet.provider, now)
    _put_back(send for send in leaving if send.pk not in begun)
    for send in leaving:
        if send.pk in begun:
            send.attempts, send.provider, send.handed_off_at = send.attempts + 1, outlet.provider, now
    return [send for send in messages if send.pk in begun]


def hold_members(members: Iterable[int]) -> None:
    """Until the transaction ends, in one order for everybody, and always before their sends."""
    with connection.cursor() as cursor:
        cursor.execute(_HOLD_MEMBERS, [list(set(members))])


def _hold_claimed(sends: Collection[Send]) -> list[int]:
    """Their members and then themselves, in the same round trip: those that are still claimed."""
    ids, members = [send.pk for send in sends], {send.member_id for send in sends}
    with connection.cursor() as cursor:
        cursor.execute(f"{_HOLD_MEMBERS};{_HOLD_CLAIMED}", [list(members), ids])
        cursor.nextset()
        return [row[0] for row in cursor.fetchall()]


_HOLD_MEMBERS = f"SELECT id FROM {Member._meta.db_table} WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
_HOLD_CLAIMED = f"""
    SELECT id FROM {Send._meta.db_table} WHERE id = ANY(%s) AND status = 'CLAIMED' ORDER BY id FOR NO KEY UPDATE
"""
# An UPDATE of many rows has an order of its own. With this in front of it, it takes them as everybody does.
_IN_ORDER = f"SELECT id FROM {Send._meta.db_table} WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"


def _is_remembered(send: Send, outlet: Channel, now: datetime) -> bool:
    """Whether the provider that may have it still knows its id, and will when it is asked."""
    assert send.doubtful_since
    return send.provider == outlet.provider and now + MARGIN < send.doubtful_since + outlet.remembers_for


def _begin(leaving: list[Send], messages: dict[Send, Message], provider: str, now: datetime) -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            _BEGIN,
            [
                provider, now, now + LEASE, [send.pk for send in leaving], [send.attempts for send in leaving],
                [f"<{messages[send].id}>" for send in leaving], [send.action.step_id for send in leaving],
            ],
        )  # fmt: skip
        return {row[0] for row in cursor.fetchall()}


_BEGIN = f"""
    UPDATE {Send._meta.db_table} send
    SET status = 'HANDING_OFF', attempts = send.attempts + 1, provider = %s, provider_id = ours.message_id,
        handed_off_at = %s, claimed_until = %s
    FROM unnest(%s::bigint[], %s::int[], %s::text[], %s::bigint[]) AS ours (id, attempts, message_id, step_id)
    WHERE send.id = ours.id AND send.status = 'CLAIMED' AND send.attempts = ours.attempts AND EXISTS (
        SELECT FROM {Campaign._meta.db_table} campaign
        WHERE campaign.id = send.campaign_id AND campaign.status = 'RUNNING'
    ) AND EXISTS (
        SELECT FROM {Action._meta.db_table} action WHERE action.id = send.action_id AND action.step_id = ours.step_id
    )
    RETURNING send.id
"""


def _hand_off(messages: list[Message], outlet: Channel) -> list[Told]:
    try:
        return send_many(outlet, messages, within=LONGEST_GROUP)
    except Exception as error:
        logger.exception("The channel broke in the middle of a group")
        return [error] * len(messages)


def _outcome(send: Send, told: str | Exception) -> Outcome:
    if isinstance(told, str):
        return Outcome(send, provider_id=told)
    if not isinstance(told, DeliveryFailed | OutcomeUnknown):
        logger.error("Send %s ended in the middle of its hand-off", send.pk, exc_info=told)
    return Outcome(send, error=told)


# --- What became of it ---------------------------------------------------------------------------------------------


def _settle_all(outcomes: list[Outcome], outlet: Channel, terms: gate.Terms, now: datetime) -> None:
    most = terms.policy.max_retries
    _mark_sent([outcome for outcome in outcomes if outcome.error is None], now)
    for outcome in outcomes:
        match outcome.error:
            case None:
                pass
            case DeliveryFailed() as error:
                _retry_or_fail(outcome.send, error, terms, now)
            case OutcomeUnknown() as error if outlet.remembers_for and outcome.send.attempts <= most:
                since = outcome.send.doubtful_since or outcome.send.handed_off_at
                again = now + timedelta(minutes=terms.policy.retry_minutes)
                _try_again(outcome.send, str(error), again, doubtful_since=since)
            case OutcomeUnknown() as error:
                _settle(outcome.send, Status.HANDING_OFF, Status.UNKNOWN, failure=str(error)[:500])
            case _:
                _settle(outcome.send, Status.HANDING_OFF, Status.UNKNOWN, failure=OUR_FAULT)


@transaction.atomic
def _mark_sent(outcomes: list[Outcome], now: datetime) -> None:
    """The provider has it: that is so, whatever was believed or decided of it meanwhile, and it never goes out again.

    A report of what came after may have been quicker than this worker, and stays.
    """
    if not outcomes:
        return
    ids, provider_ids = [outcome.send.pk for outcome in outcomes], [outcome.provider_id for outcome in outcomes]
    with connection.cursor() as cursor:
        cursor.execute(_SENT, [ids, now, ids, provider_ids])
    tell_sent([outcome.send for outcome in outcomes], now)


_SENT = f"""
    WITH held AS ({_IN_ORDER})
    UPDATE {Send._meta.db_table} send
    SET status = CASE WHEN {{has_more}} THEN send.status ELSE 'SENT' END,
        failure = CASE WHEN {{has_more}} THEN send.failure ELSE '' END,
        sent_at = coalesce(send.sent_at, %s), provider_id = ours.provider_id, claimed_until = NULL,
        doubtful_since = NULL, failed_at = CASE WHEN {{has_more}} THEN send.failed_at END
    FROM held JOIN unnest(%s::bigint[], %s::text[]) AS ours (id, provider_id) USING (id)
    WHERE send.id = held.id
""".format(has_more="send.status IN ('DELIVERED', 'BOUNCED', 'COMPLAINED')")


def tell_sent(sends: Iterable[Send], at: datetime) -> None:
    """However it became known that messages left: the log hears of each once."""
    record_all(
        [
            Occurrence(
                MessageSent(
                    subject=str(send.member.public_id),
                    send=str(send.public_id),
                    campaign=str(send.campaign.public_id),
                    channel=send.channel,
                ),
                str(send.public_id),
                at,
            )
            for send in sends
        ],
        is_urgent=False,
    )


@transaction.atomic
def _retry_or_fail(send: Send, error: DeliveryFailed, terms: gate.Terms, now: datetime) -> None:
    """A provider that only asks for quiet has not tried: that is no try of ours either."""
    if error.permanent or (send.attempts > terms.policy.max_retries and error.retry_after is None):
        _fail([(send, str(error))], now, came_from=Status.HANDING_OFF)
        return
    if error.retry_after is None:
        _try_again(send, str(error), now + timedelta(minutes=terms.policy.retry_minutes))
    else:
        _try_again(send, str(error), now + error.retry_after, tries=send.attempts - 1)


@transaction.atomic
def _try_again(
    send: Send, why: str, due_at: datetime, *, doubtful_since: datetime | None = None, tries: int | None = None
) -> None:
    # Whoever cancels a campaign moves its row first: with the row held, no send can slip back into a cancelled one.
    campaign = Campaign.objects.select_for_update().get(pk=send.campaign_id)
    is_over = campaign.status == Campaign.Status.CANCELLED
    status = Status.CANCELLED if is_over else Status.PENDING
    send.doubtful_since = doubtful_since or send.doubtful_since
    _settle(
        send, Status.HANDING_OFF, status, failure=why[:500], due_at=due_at, doubtful_since=send.doubtful_since,
        attempts=send.attempts if tries is None else tries,
    )  # fmt: skip


@transaction.atomic
def _fail(failed: list[tuple[Send, str]], now: datetime, *, came_from: str) -> None:
    ours = [
        send for send, reason in failed if _settle(send, came_from, Status.FAILED, failure=reason[:500], failed_at=now)
    ]
    tell_failed(ours, now)


def tell_failed(sends: Iterable[Send], at: datetime) -> None:
    record_all(
        [
            Occurrence(
                MessageFailed(
                    subject=str(send.member.public_id),
                    send=str(send.public_id),
                    campaign=str(send.campaign.public_id),
                    channel=send.channel,
                ),
                str(send.public_id),
                at,
            )
            for send in sends
        ]
    )


def _take_back(unspoken: list[Send], now: datetime) -> None:
    """They did not leave and are still ours: nobody has spoken of them, so that was no try."""
    _hand_back(unspoken, Status.HANDING_OFF, Status.CLAIMED, claimed_until=now + LEASE, tries=1)
    for send in unspoken:
        send.attempts -= 1


def _put_back(sends: Iterable[Send]) -> None:
    _hand_back(list(sends), Status.CLAIMED, Status.PENDING)


def _hand_back(
    sends: list[Send], came_from: str, status: str, *, claimed_until: datetime | None = None, tries: int = 0
) -> None:
    """What surely did not leave, and is still as this worker left it."""
    if not sends:
        return
    with connection.cursor() as cursor:
        ids, attempts = [send.pk for send in sends], [send.attempts for send in sends]
        cursor.execute(_HAND_BACK, [ids, status, claimed_until, tries, ids, attempts, came_from])


_HAND_BACK = f"""
    WITH held AS ({_IN_ORDER})
    UPDATE {Send._meta.db_table} send SET status = %s, claimed_until = %s, attempts = send.attempts - %s
    FROM held JOIN unnest(%s::bigint[], %s::int[]) AS ours (id, attempts) USING (id)
    WHERE send.id = held.id AND send.attempts = ours.attempts AND send.status = %s
"""


def _settle(
    send: Send, came_from: str, status: str = Status.PENDING, *, claimed_until: datetime | None = None, **fields: object
) -> bool:
    """Move on what is still as this worker left it: `attempts` says whether another has tried since.

    What may have left before cannot end as if it had not.
    """
    if send.doubtful_since and status in Send.NEVER_LEFT:
        status, fields = Status.UNKNOWN, {"failure": fields.get("failure", IN_DOUBT)}
    if "failure" in fields and send.recipient:  # of who left meanwhile, not even what a provider repeats is kept
        fields["failure"] = Case(When(recipient="", then=Value("")), default=Value(fields["failure"]))
    ours = Send.objects.filter(pk=send.pk, status=came_from, attempts=send.attempts)
    return bool(ours.update(status=status, claimed_until=claimed_until, **fields))


def _announce(campaigns: Iterable[UUID]) -> None:
    for public_id in campaigns:
        announce(f"campaign:{public_id}")
