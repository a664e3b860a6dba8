"""Calls as rows: kept as they came, read set by set, read again, and forgotten.

The provider waits for one INSERT and no more. What the call says is read a moment later by a sweep, many calls at once;
only somebody who wrote to us and waits for an answer is read, and answered, at once.
"""

import hashlib
import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection, transaction
from django.utils.module_loading import import_string

from config.shared.errors import DomainError
from config.shared.masking import masked
from config.shared.nudge import nudge
from integrations.inbound.base import Answer, Call, Kept, Report, Sender
from integrations.inbound.senders import senders
from integrations.models import InboundCall, ProviderReport

logger = logging.getLogger(__name__)

READ_AT_ONCE = 100  # calls of up to a megabyte each
FORGOTTEN_AT_ONCE = 1_000


class AlreadyRead(DomainError):
    code = "already_read"


def take(sender: Sender, call: Call) -> Answer:
    """Keep a call whose proof was right. The same one again changes nothing, and is answered all the same."""
    if not (person := sender.asked_by(call.body)):
        keep([row_of(sender, call)])
        return sender.silence()
    with transaction.atomic():
        _one_at_a_time(person)
        new = keep([row_of(sender, call)])
        if not new:
            return sender.silence()
        had_left = _has_left(person)
        _read(InboundCall.objects.filter(pk__in=new), now=call.received_at)
    return sender.answer(call.body, had_left=had_left, shop=import_string(settings.SHOP_BRAND)().name)


class Row(NamedTuple):
    """A call on its way into the table."""

    sender: str
    content_type: str
    query: str
    body: bytes
    digest: bytes
    received_at: datetime


def row_of(sender: Sender, call: Call) -> Row:
    return Row(
        sender.name,
        _fit(call.headers.get("content-type", ""), 100),
        _fit(urlsplit(call.url).query, 500),
        call.body,
        hashlib.sha256(sender.identity(call)).digest(),
        call.received_at,
    )


def keep(rows: Sequence[Row]) -> list[int]:
    """The numbers of those that are new. In one order, so that two who keep the same ones wait for each other."""
    columns = zip(*sorted(rows, key=lambda row: (row.sender, row.digest)), strict=True)
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, [list(column) for column in columns])
        return [number for (number,) in cursor.fetchall()]


_KEEP = f"""
    INSERT INTO {InboundCall._meta.db_table}
        (public_id, sender, content_type, query, body, digest, received_at)
    SELECT gen_random_uuid(), *
    FROM unnest(%s::text[], %s::text[], %s::text[], %s::bytea[], %s::bytea[], %s::timestamptz[])
    ON CONFLICT (sender, digest) DO NOTHING
    RETURNING id
"""


def _one_at_a_time(person: str) -> None:
    """Two messages of one person wait for each other, so that leaving is confirmed once."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [person.replace("\x00", "")])


def _has_left(person: str) -> bool:
    """Whether STOP was the last thing they said about it."""
    kinds = ProviderReport.Kind
    said = ProviderReport.objects.filter(
        channel="sms", address=_fit(person, 254), kind__in=[kinds.UNSUBSCRIBED, kinds.SUBSCRIBED]
    )
    return said.order_by("-pk").values_list("kind", flat=True).first() == kinds.UNSUBSCRIBED


# --- Reading ------------------------------------------------------------------------------------------------------


@transaction.atomic
def read_calls(*, now: datetime) -> int:
    """Turn the oldest calls that wait into reports. Returns how many were looked at."""
    waiting = InboundCall.objects.filter(status=InboundCall.Status.NEW).order_by("pk")
    return _read(waiting.select_for_update(skip_locked=True)[:READ_AT_ONCE], now=now)


@transaction.atomic
def read_again(*, call: InboundCall, now: datetime) -> bool:
    """Try once more what was not understood. True when it is now. Raises AlreadyRead."""
    unread = InboundCall.objects.select_for_update().exclude(status=InboundCall.Status.READ).filter(pk=call.pk)
    if not _read(unread, now=now):
        raise AlreadyRead("This call has been read in the meantime.")
    return InboundCall.objects.filter(pk=call.pk, status=InboundCall.Status.READ).exists()


def read_all_again() -> int:
    """Have the sweep try whatever was not understood. Returns how many wait for it now."""
    unread = InboundCall.objects.filter(status=InboundCall.Status.UNREADABLE)
    return unread.update(status=InboundCall.Status.NEW)


def _read(calls: Iterable[InboundCall], *, now: datetime) -> int:
    """Reports that are here already stay as they are, so reading twice is harmless."""
    rows: list[ProviderReport] = []
    read: list[int] = []
    faults: dict[int, str] = {}
    for call in calls:
        try:
            rows += [_row(call.sender, report, received_at=call.received_at, call=call) for report in _translated(call)]
            read.append(call.pk)
        except Exception as error:
            faults[call.pk] = _fault(error)
            logger.warning("A call of %s cannot be read: %s", call.sender, faults[call.pk])
    # In one order, so that two who read the same things wait for each other instead of for ever.
    rows.sort(key=lambda row: (row.sender, row.key))
    ProviderReport.objects.bulk_create(rows, batch_size=1_000, ignore_conflicts=True)
    _note(read, InboundCall.Status.READ, "", now)
    for number, fault in faults.items():
        _note([number], InboundCall.Status.UNREADABLE, fault, now)
    if rows:
        nudge("campaigns.apply_reports")
    return len(read) + len(faults)


def _note(numbers: Sequence[int], status: InboundCall.Status, fault: str, now: datetime) -> None:
    InboundCall.objects.filter(pk__in=numbers).update(status=status, fault=fault, read_at=now)


def _translated(call: InboundCall) -> list[Report]:
    key = bytes(call.digest).hex()
    kept = Kept(key=key, body=bytes(call.body), received_at=call.received_at, query=call.query)
    return senders()[call.sender].translate(kept)


@transaction.atomic
def note_answer(*, sender: str, report: Report) -> None:
    """What a provider said in answer to a call of ours, as if it had reported it. Once, by its key."""
    row = _row(sender, report, received_at=report.occurred_at)
    ProviderReport.objects.bulk_create([row], ignore_conflicts=True)
    nudge("campaigns.apply_reports")


def _row(sender: str, report: Report, *, received_at: datetime, call: InboundCall | None = None) -> ProviderReport:
    return ProviderReport(
        call=call,
        sender=sender,
        key=_key(report.key),
        channel=report.channel,
        kind=report.kind,
        message_id=_fit(report.message_id, 250),
        provider_id=_fit(report.provider_id, 250),
        address=_fit(report.address, 254),
        is_permanent=report.is_permanent,
        reason=_fit(report.reason, 500),
        occurred_at=report.occurred_at,
        received_at=received_at,
    )


def _key(key: str) -> str:
    """As it is while it fits, else its digest: two that differ must not become one."""
    fitting = _fit(key, 200)
    return fitting if fitting == key else hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def _fit(text: str, longest: int) -> str:
    """What PostgreSQL can keep in so many letters."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()[:longest]


def _fault(fault: Exception) -> str:
    return _fit(masked(str(fault) or type(fault).__name__), 500)


def forget_old_calls(*, now: datetime) -> int:
    """Drop calls older than INBOUND_RETENTION_DAYS, batch by batch; what they said stays. Returns how many."""
    old = InboundCall.objects.filter(received_at__lt=now - timedelta(days=settings.INBOUND_RETENTION_DAYS))
    dropped = 0
    while numbers := list(old.order_by("received_at").values_list("pk", flat=True)[:FORGOTTEN_AT_ONCE]):
        InboundCall.objects.filter(pk__in=numbers).delete()
        dropped += len(numbers)
    return dropped
