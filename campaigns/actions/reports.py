"""What providers say of messages is applied to the sends: a thousand reports in a few statements, each once."""

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import OperationalError, connection, transaction
from django.db.models import QuerySet

from campaigns.actions import suppressions
from campaigns.events import MessageBounced, MessageComplained, MessageDelivered
from campaigns.models import Send
from campaigns.rules.progress import after_report
from campaigns.sending import dispatch
from config.shared.live import announce
from integrations.models import ProviderReport
from tracking.actions import Occurrence, record_all

BATCH = 1_000
logger = logging.getLogger(__name__)
Kind, Status = ProviderReport.Kind, Send.Status


@dataclass
class Told:
    """A send, and what its provider has said of it, in the order it came."""

    send: Send
    status: str
    heard: list[ProviderReport] = field(default_factory=list)
    news: list[tuple[ProviderReport, str]] = field(default_factory=list)

    def hear(self, report: ProviderReport) -> None:
        self.heard.append(report)
        status = after_report(self.status, report.kind)
        if status != self.status:
            self.status = status
            self.news.append((report, status))


def apply_reports(*, now: datetime, batch: int = BATCH) -> int:
    """Apply the oldest reports that wait; how many. Any number of workers: states only move on, in whatever order.

    One that cannot be applied holds up nobody: fewer are tried at a time, until it stands alone and is put aside.
    """
    tried = list[int]()
    try:
        return _apply(now, batch, tried)
    except OperationalError:  # the database's own trouble, or a deadlock: the next tick tries again
        raise
    except Exception:
        if batch > 1:
            return apply_reports(now=now, batch=batch // 10 or 1)
        logger.exception("Report %s could not be applied, and is put aside.", tried)
        return ProviderReport.objects.filter(pk__in=tried, applied_at=None).update(applied_at=now)


@transaction.atomic
def _apply(now: datetime, batch: int, tried: list[int]) -> int:
    """`tried` tells which they were: another worker may hold older ones."""
    waiting = ProviderReport.objects.filter(applied_at=None).order_by("pk")
    reports = list(waiting.select_for_update(skip_locked=True)[:batch])
    tried += [report.pk for report in reports]
    told = _told_by(reports)
    _move(each for each in told.values() if each.news)
    suppressions.heed(reports, {report.pk: each.send for each in told.values() for report in each.heard}, now=now)
    ProviderReport.objects.filter(pk__in=[report.pk for report in reports]).update(applied_at=now)
    for public_id in {each.send.campaign.public_id for each in told.values() if each.news}:
        announce(f"campaign:{public_id}")
    return len(reports)


@transaction.atomic
def mark_delivered(at: Mapping[int, datetime]) -> None:
    """Somebody used a link in these sends at that time, so they had arrived, whatever was believed of them."""
    if not at:
        return
    rows = [Told(send, send.status) for send in _locked(at)]
    for each in rows:
        each.hear(ProviderReport(kind=Kind.DELIVERED, occurred_at=at[each.send.pk]))
    _move(each for each in rows if each.news)


def _told_by(reports: Sequence[ProviderReport]) -> dict[int, Told]:
    """By our own id where the provider gives it back, else by the one it gave the message."""
    own_ids = {public_id for report in reports if (public_id := _send_named_by(report))}
    provider_ids = {report.provider_id for report in reports if report.provider_id}
    # Said in words of its index, which answers a list of any length then.
    theirs = Send.objects.exclude(provider_id="").filter(provider_id__in=provider_ids)
    named = {*Send.objects.filter(public_id__in=own_ids).values_list("pk", flat=True)}
    named |= {*theirs.values_list("pk", flat=True)}
    told = {send.pk: Told(send, send.status) for send in _locked(named, suppressions.members_who_said(reports))}
    by_own = {each.send.public_id: each for each in told.values()}
    by_provider = {(each.send.channel, each.send.provider_id): each for each in told.values() if each.send.provider_id}
    for report in reports:
        own = by_own.get(public_id) if (public_id := _send_named_by(report)) else None
        if found := own or by_provider.get((report.channel, report.provider_id)):
            found.hear(report)
    return told


def _send_named_by(report: ProviderReport) -> UUID | None:
    try:
        return UUID(report.message_id.partition("@")[0])
    except ValueError:
        return None


def _locked(ids: Collection[int], members: Collection[int] = ()) -> QuerySet[Send]:
    """Their members first, with all others who are about to lose a consent: everybody takes them in this order."""
    sends = Send.objects.filter(pk__in=ids).order_by("pk")
    dispatch.hold_members([*sends.values_list("member_id", flat=True), *members])
    return sends.select_related("member", "campaign").select_for_update(of=("self",))


def _move(told: Iterable[Told]) -> None:
    moved = list(told)
    if not moved:
        return
    with connection.cursor() as cursor:
        cursor.execute(_MOVE, [list(column) for column in zip(*(_columns(each) for each in moved), strict=True)])
    # Told of a send before its worker heard that it was taken: the log hears of the sending first.
    unsent = [each for each in moved if each.send.sent_at is None and each.status in Send.LEFT]
    for each in unsent:
        dispatch.tell_sent([each.send], each.news[0][0].occurred_at)
    _record(moved)


def _columns(each: Told) -> tuple[object, ...]:
    when = {status: report.occurred_at for report, status in each.news}
    report = each.news[-1][0]
    is_bad = each.status in (Status.BOUNCED, Status.FAILED, Status.COMPLAINED)
    left_at = each.news[0][0].occurred_at if each.status in Send.LEFT else None
    return (
        each.send.pk, each.status, left_at, when.get(Status.DELIVERED),
        when.get(Status.BOUNCED) or when.get(Status.FAILED), when.get(Status.COMPLAINED),
        report.reason or report.get_kind_display() if is_bad else "",
        next((report.is_permanent for report, status in each.news if status == Status.BOUNCED), None),
    )  # fmt: skip


_MOVE = f"""
    UPDATE {Send._meta.db_table} send
    SET status = told.status, sent_at = coalesce(send.sent_at, told.left_at),
        delivered_at = coalesce(told.delivered_at, send.delivered_at), failed_at = told.failed_at,
        doubtful_since = NULL,
        complained_at = coalesce(told.complained_at, send.complained_at), failure = told.failure, claimed_until = NULL,
        is_hard_bounce = coalesce(told.is_hard_bounce, send.is_hard_bounce)
    FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[],
                %s::text[], %s::bool[])
        AS told (id, status, left_at, delivered_at, failed_at, complained_at, failure, is_hard_bounce)
    WHERE send.id = told.id
"""


def _record(moved: Iterable[Told]) -> None:
    """Each class of events by itself. `message.failed` stays the word for what never left and for what was refused."""
    of_kind: dict[str, list[Occurrence]] = defaultdict(list)
    failed: list[tuple[Send, datetime]] = []
    for each in moved:
        send = each.send
        named = {
            "subject": str(send.member.public_id),
            "send": str(send.public_id),
            "campaign": str(send.campaign.public_id),
            "channel": send.channel,
        }
        for report, status in each.news:
            match status:
                case Status.DELIVERED:
                    event: object = MessageDelivered(**named)
                case Status.BOUNCED:
                    event = MessageBounced(**named, is_permanent=report.is_permanent)
                case Status.COMPLAINED:
                    event = MessageComplained(**named)
                case Status.FAILED:
                    failed.append((send, report.occurred_at))
                    continue
                case _:
                    continue
            of_kind[status].append(Occurrence(event, str(send.public_id), report.occurred_at))  # type: ignore[arg-type]
    for occurrences in of_kind.values():
        record_all(occurrences)
    for send, at in failed:
        dispatch.tell_failed([send], at)
