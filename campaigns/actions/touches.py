"""Openings, clicks and unsubscribes, as the links in a message tell them.

The web server keeps what it hears of openings and clicks (`receive`), and each second a worker takes it up (`take_up`),
set by set: a campaign is opened by thousands within the same minutes.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import OperationalError, connection, transaction
from django.db.models import F, Q

from campaigns.actions.reports import mark_delivered
from campaigns.events import MemberUnsubscribed, MessageClicked, MessageOpened
from campaigns.models import ReceivedTouch, Send, Touch
from campaigns.rules import machines
from campaigns.rules.progress import after_report
from campaigns.sending import dispatch
from config.shared.live import announce
from integrations.models import ProviderReport
from loyalty.actions.members import set_consent
from loyalty.models import Consent
from tracking.actions import Occurrence, record_all
from tracking.events import DomainEvent

Kind = Touch.Kind
REPEATED_OPEN = timedelta(minutes=1)
# Taken up in one transaction, with their members held meanwhile.
TOGETHER = 200
MOST_FAILURES, RETRIED_AFTER = 5, timedelta(minutes=5)
LONGEST_URL, LONGEST_AGENT = 2000, 300
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Heard:
    """One touch of a message: how it was asked for, and when."""

    send: Send
    kind: str
    at: datetime
    method: str = ""
    user_agent: str = ""
    url: str = ""


# --- What the web server heard --------------------------------------------------------------------------------------


def receive(touches: Sequence[ReceivedTouch]) -> None:
    """Keep what the web server heard, to be taken up in its order."""
    rows = [
        (each.send, each.kind, _fit(each.url, LONGEST_URL), each.method, _fit(each.user_agent, LONGEST_AGENT), each.at)
        for each in touches
    ]
    with connection.cursor() as cursor:
        cursor.execute(_RECEIVE, [list(column) for column in zip(*rows, strict=True)])


_RECEIVE = f"""
    INSERT INTO {ReceivedTouch._meta.db_table} (send, kind, url, method, user_agent, at, failures)
    SELECT *, 0 FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::timestamptz[])
"""


@transaction.atomic
def take_up(*, now: datetime) -> int:
    """Note the oldest that were received; how many. One worker at a time: what is a machine's shows by their order.

    What cannot be noted does not hold up the others. It is tried again some minutes later, five times in all, and stays
    to be looked at.
    """
    if not _is_the_only_one():
        return 0
    again = Q(failures__lt=MOST_FAILURES, tried_at__lt=now - RETRIED_AFTER)
    received = list(ReceivedTouch.objects.filter(Q(tried_at=None) | again).order_by("pk")[:TOGETHER])
    named = {touch.send for touch in received}
    sends = Send.objects.only("public_id", "member").in_bulk(named, field_name="public_id")
    heard = {touch.pk: _heard(touch, sends[touch.send]) for touch in received if touch.send in sends}
    failed = _not_noted(heard)
    ReceivedTouch.objects.filter(pk__in=failed).update(failures=F("failures") + 1, tried_at=now)
    ReceivedTouch.objects.filter(pk__in={touch.pk for touch in received} - failed).delete()
    return len(received)


def _is_the_only_one() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext('campaigns.take_up_touches'))")
        return bool(cursor.fetchone()[0])


def _heard(touch: ReceivedTouch, send: Send) -> Heard:
    return Heard(send, touch.kind, method=touch.method, user_agent=touch.user_agent, at=touch.at, url=touch.url)


def _not_noted(heard: Mapping[int, Heard]) -> set[int]:
    """All of them together, or, if something is wrong with one, each alone: then it is known which."""
    if not heard:
        return set()
    dispatch.hold_members({each.send.member_id for each in heard.values()})
    try:
        note(list(heard.values()))
    except OperationalError:  # the database's own trouble: the next tick tries them all again
        raise
    except Exception:
        in_order = sorted(heard.items(), key=lambda pair: pair[1].send.pk)  # as everybody takes sends
        return {number for number, each in in_order if not _is_noted(number, each)}
    return set()


def _is_noted(number: int, heard: Heard) -> bool:
    try:
        note([heard])
    except OperationalError:
        raise
    except Exception:
        logger.exception("Received touch %s could not be taken up", number)
        return False
    return True


# --- What it was ----------------------------------------------------------------------------------------------------


def note_open(*, send: Send, method: str, user_agent: str, now: datetime) -> None:
    note([Heard(send, Kind.OPEN, method=method, user_agent=user_agent, at=now)])


def note_click(*, send: Send, url: str, method: str, user_agent: str, now: datetime) -> None:
    note([Heard(send, Kind.CLICK, method=method, user_agent=user_agent, at=now, url=url)])


@transaction.atomic
def note(heard: Sequence[Heard]) -> None:
    """Note openings and clicks in their order, as if each came alone.

    The same reader who opens again within a minute is not told twice, whichever was heard first. A click that shows
    others to be a machine's marks them, too. One touch of a message comes after the other: its member is held, and then
    itself.
    """
    sends = _locked(heard)
    known = _latest_of(sends, since=min(each.at for each in heard) - REPEATED_OPEN)
    before = [(touch, touch.machine) for touches in known.values() for touch in touches]
    news = _judged(heard, sends, known)
    unmasked = [touch for touch, machine in before if touch.machine != machine]
    Touch.objects.bulk_update(unmasked, ["machine"])
    Touch.objects.bulk_create(news)
    firsts = [touch.send_id for touch in news if not touch.machine and _is_a_first(sends[touch.send_id], touch)]
    _keep_firsts({*firsts, *(touch.send_id for touch in unmasked)})
    _tell(news, sends)


def _locked(heard: Sequence[Heard]) -> dict[int, Send]:
    dispatch.hold_members({each.send.member_id for each in heard})
    sends = Send.objects.filter(pk__in={each.send.pk for each in heard}).select_related("member", "campaign")
    return {send.pk: send for send in sends.select_for_update(of=("self",)).order_by("pk")}


def _latest_of(sends: Collection[int], *, since: datetime) -> dict[int, list[Touch]]:
    known: dict[int, list[Touch]] = {send: [] for send in sends}
    for touch in Touch.objects.filter(send__in=sends, at__gt=since).order_by("at", "pk"):
        known[touch.send_id].append(touch)
    return known


def _judged(heard: Sequence[Heard], sends: Mapping[int, Send], known: Mapping[int, list[Touch]]) -> list[Touch]:
    """Those that are news. In `known`, which grows by them, others may turn out to be a machine's."""
    news = []
    for each in heard:
        if each.send.pk not in sends:  # it went meanwhile
            continue
        judge = _opening if each.kind == Kind.OPEN else _click
        if touch := judge(each, sends[each.send.pk], known[each.send.pk]):
            known[each.send.pk].append(touch)
            news.append(touch)
    return news


def _opening(heard: Heard, send: Send, before: Sequence[Touch]) -> Touch | None:
    machine = machines.opened_by_machine(
        method=heard.method, user_agent=heard.user_agent, since_sent=_since_sent(send, heard.at)
    )
    opened = (touch for touch in before if touch.kind == Kind.OPEN and touch.machine == machine)
    if any(abs(touch.at - heard.at) < REPEATED_OPEN for touch in opened):
        return None
    return _touch(heard, send, machine)


def _click(heard: Heard, send: Send, before: Sequence[Touch]) -> Touch:
    url = _fit(heard.url, LONGEST_URL)
    others = [
        touch
        for touch in before
        if touch.kind == Kind.CLICK and touch.url != url and abs(touch.at - heard.at) < machines.TOO_FAST
    ]
    machine = machines.clicked_by_machine(
        method=heard.method,
        user_agent=heard.user_agent,
        since_sent=_since_sent(send, heard.at),
        since_other_link=min((abs(touch.at - heard.at) for touch in others), default=None),
    )
    if machine == machines.EVERY_LINK:
        for touch in others:
            touch.machine = touch.machine or machine
    return _touch(heard, send, machine)


def _since_sent(send: Send, at: datetime) -> timedelta | None:
    """No time at all while the message is still being handed off: only a machine in between can have it yet."""
    if send.sent_at is not None:
        return at - send.sent_at
    return timedelta(0) if send.status == Send.Status.HANDING_OFF else None


def _touch(heard: Heard, send: Send, machine: str = "") -> Touch:
    """Of who has left meanwhile, what they read with is not kept."""
    return Touch(
        send_id=heard.send.pk,
        kind=heard.kind,
        at=heard.at,
        url=_fit(heard.url, LONGEST_URL),
        machine=machine,
        user_agent="" if send.member.left_at else _fit(heard.user_agent, LONGEST_AGENT),
    )


def _fit(text: str, longest: int) -> str:
    return text.replace("\x00", "")[:longest]


def _is_a_first(send: Send, touch: Touch) -> bool:
    """Whether it comes before all that is known. Most are opened more than once."""
    known = [send.opened_at] if touch.kind == Kind.OPEN else [send.opened_at, send.clicked_at]
    return any(first is None or touch.at < first for first in known)


def _keep_firsts(sends: Collection[int]) -> None:
    """When a person first opened and first clicked. A click proves an opening: many readers load no pictures."""
    if sends:
        with connection.cursor() as cursor:
            cursor.execute(_FIRSTS, [list(sends)])


_FIRSTS = f"""
    UPDATE {Send._meta.db_table} send SET opened_at = read.opened_at, clicked_at = read.clicked_at
    FROM (
        SELECT touched.id, min(touch.at) AS opened_at, min(touch.at) FILTER (WHERE touch.kind = 'CLICK') AS clicked_at
        FROM unnest(%s::bigint[]) AS touched (id)
        LEFT JOIN {Touch._meta.db_table} touch
            ON touch.send_id = touched.id AND touch.machine = '' AND touch.kind IN ('OPEN', 'CLICK')
        GROUP BY touched.id
    ) read
    WHERE send.id = read.id
"""


def _tell(news: Sequence[Touch], sends: Mapping[int, Send]) -> None:
    """Whoever holds a link has the message, whatever the mail server said or did not say."""
    arrived: dict[int, datetime] = {}
    for touch in news:
        if after_report(sends[touch.send_id].status, ProviderReport.Kind.DELIVERED) != sends[touch.send_id].status:
            arrived.setdefault(touch.send_id, touch.at)
    mark_delivered(arrived)
    for kind in Kind:
        record_all([_occurrence(touch, sends[touch.send_id]) for touch in news if touch.kind == kind])
    for campaign in {sends[touch.send_id].campaign.public_id for touch in news}:
        announce(f"campaign:{campaign}")


def _occurrence(touch: Touch, send: Send) -> Occurrence:
    return Occurrence(_event(touch, send), str(touch.pk), touch.at)


def _event(touch: Touch, send: Send) -> DomainEvent:
    member, message, campaign = (str(each.public_id) for each in (send.member, send, send.campaign))
    match touch.kind:
        case Kind.OPEN:
            return MessageOpened(subject=member, send=message, campaign=campaign, machine=touch.machine)
        case Kind.CLICK:
            return MessageClicked(subject=member, send=message, campaign=campaign, url=touch.url, machine=touch.machine)
    return MemberUnsubscribed(subject=member, send=message, campaign=campaign, channel=send.channel)


# --- No more of it --------------------------------------------------------------------------------------------------


@transaction.atomic
def unsubscribe(*, send: Send, address: str | None, now: datetime) -> None:
    """Withdraw the consent to marketing on this send's channel. Doing it twice changes nothing."""
    heard = Heard(send, Kind.UNSUBSCRIBE, at=now)
    sends = _locked([heard])
    set_consent(
        member=send.member,
        channel=send.channel,
        topic=Consent.Topic.MARKETING,
        is_granted=False,
        wording="Unsubscribe link in a message",
        source="unsubscribe link",
        address=address,
        by=None,
        now=now,
    )
    if Send.objects.filter(pk=send.pk, unsubscribed_at=None).update(unsubscribed_at=now):
        touch = _touch(heard, sends[send.pk])
        touch.save()
        _tell([touch], sends)
