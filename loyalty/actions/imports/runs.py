"""An import is a row: uploaded, checked, imported. Whoever works on it keeps a beat on the row; a row without one is
taken up by somebody else, from the beginning, because entering what is there already changes nothing. The one who has
it holds a lock and a token: nobody takes up a row whose worker is alive, and nobody writes on a row he lost."""

import logging
import uuid
from collections.abc import Callable
from dataclasses import asdict, fields
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import available_timezones

from django.conf import settings
from django.core.files import File
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Q, QuerySet

from config.shared.errors import DomainError
from config.shared.live import announce
from config.shared.nudge import nudge
from loyalty.actions.imports import files, turns
from loyalty.actions.imports.importer import Progress, Reading, Report, import_file
from loyalty.events import PurchasesImported
from loyalty.models import PurchaseImport, User
from loyalty.rules import purchases
from tracking.actions import record

LARGEST_UPLOAD = 200 * 2**20
SAMPLES_SHOWN = 8
LEFT_BEHIND = timedelta(minutes=1)
WAITING = "Waiting for another import to finish"
Status = PurchaseImport.Status
Clock = Callable[[], datetime]
logger = logging.getLogger(__name__)


class WrongState(DomainError):
    code = "wrong_state"


class BadReading(DomainError):
    """The columns or styles chosen cannot be used; the message names each fault."""

    code = "bad_reading"


class _NoLongerOurs(Exception):
    """Somebody cancelled the import, or another worker has it."""


def take_in(*, file: File, name: str, time_zone: str | None, by: User | None, now: datetime) -> PurchaseImport:
    """Keep an uploaded file, to be read as the last one with the same columns was, or else as it is guessed.

    Without a time zone, the last file's is taken, or the house's. Raises UnreadableFile; then nothing is kept.
    """
    if file.size > LARGEST_UPLOAD:
        raise files.UnreadableFile(
            f"The file has {file.size // 2**20:,} MB and at most {LARGEST_UPLOAD // 2**20} are taken "
            "here. Split it, pack it with gzip, or use “manage.py import_purchases” on the server."
        )
    row = PurchaseImport(file_name=name[:200], size_bytes=file.size, created_by=by, created_at=now)
    row.file.save(Path(name).name[-80:] or "purchases.csv", file, save=False)
    try:
        shape = files.examine(Path(row.file.path))
    except files.UnreadableFile:
        row.file.delete(save=False)
        raise
    last = _last_of_this_shape(shape)
    reading = _reading_of_new(shape, last, time_zone)
    for field in fields(reading):
        setattr(row, field.name, getattr(reading, field.name))
    row.read_like, row.doubts = last, [] if last else shape.doubts(reading.mapping)
    row.samples = [[cell.replace("\x00", "�")[:200] for cell in cells] for cells in shape.samples[:SAMPLES_SHOWN]]
    row.save(force_insert=True)
    return row


def _last_of_this_shape(shape: files.Shape) -> PurchaseImport | None:
    """The last import of a file with the same header that was checked at least."""
    if not shape.has_header:
        return None
    alike = PurchaseImport.objects.filter(has_header=True, columns=shape.columns).exclude(report={})
    return alike.order_by("-started_at", "-pk").first()


def _reading_of_new(shape: files.Shape, last: PurchaseImport | None, time_zone: str | None) -> Reading:
    if last is None:
        return Reading.guessed(shape, time_zone=time_zone or settings.TIME_ZONE)
    return Reading.guessed(
        shape,
        time_zone=time_zone or last.time_zone,
        mapping=last.mapping,
        decimal_mark=last.decimal_mark,
        time_style=last.time_style,
    )


def change_reading(
    purchase_import: PurchaseImport, *, mapping: dict[str, str], decimal_mark: str, time_style: str, time_zone: str
) -> None:
    """Say how the file is to be read. What was checked before must be checked again. Raises BadReading, WrongState."""
    mapping = {name: column for name, column in mapping.items() if column}
    faults = purchases.faults(mapping, purchase_import.columns)
    if decimal_mark not in (".", ",") or time_style not in purchases.STYLES or time_zone not in available_timezones():
        faults.append("Choose the decimal mark, the style of times and the time zone from the lists.")
    if faults:
        raise BadReading(" ".join(faults))
    changeable = PurchaseImport.objects.filter(
        pk=purchase_import.pk, status__in=[Status.UPLOADED, Status.CHECKED, Status.FAILED]
    )
    changed = changeable.update(
        mapping=mapping, decimal_mark=decimal_mark, time_style=time_style, time_zone=time_zone, status=Status.UPLOADED
    )
    if not changed:
        raise WrongState("This import can no longer be changed. Upload the file again.")


def start_check(purchase_import: PurchaseImport) -> None:
    """Have the file read and compared, entering nothing."""
    _start(
        purchase_import, Status.CHECKING, "This file cannot be checked now. Reload the page to see what happens to it."
    )


def start_import(purchase_import: PurchaseImport) -> None:
    _start(purchase_import, Status.IMPORTING, "Check the file first, then import it.")


@transaction.atomic
def cancel(purchase_import: PurchaseImport, *, now: datetime) -> None:
    """Stop before the next batch. What was entered by then stays, and is known when the file is imported again."""
    if not purchase_import.move_to(Status.CANCELLED):
        raise WrongState("This import is over already.")
    PurchaseImport.objects.filter(pk=purchase_import.pk).update(finished_at=now)
    announce(topic(purchase_import))


def topic(purchase_import: PurchaseImport) -> str:
    """Where this import's progress is announced."""
    return f"import:{purchase_import.public_id}"


def waiting(now: datetime) -> list[int]:
    """Imports somebody asked for that no worker is busy with."""
    return list(_unattended(now).order_by("pk").values_list("pk", flat=True))


def run(import_id: int, *, clock: Clock) -> bool:
    """Check or import, as the row says.

    False when it is not wanted (any more), when another worker has it, or when another import is entering: then the
    row waits, and the sweep takes it up again.
    """
    # A beat is late whenever one statement takes long. Who is still at work is known from the lock, not from the beat.
    with turns.turn(f"loyalty.import:{import_id}") as is_ours:
        row = _claim(import_id, clock()) if is_ours else None
        return row is not None and _run(row, clock)


def _claim(import_id: int, now: datetime) -> PurchaseImport | None:
    """The row under a new token: whoever had it before can write on it no more."""
    token = uuid.uuid4()
    unattended = _unattended(now).filter(pk=import_id)
    if not unattended.update(run_token=token, beat_at=now, started_at=now, finished_at=None):
        return None
    return PurchaseImport.objects.filter(pk=import_id, run_token=token).first()


def _run(row: PurchaseImport, clock: Clock) -> bool:
    try:
        report = _work(row, clock)
    except _NoLongerOurs:
        return False
    except turns.AnotherImportIsRunning:
        _wait(row)
        return False
    except (OperationalError, InterfaceError):
        raise  # The database went away: the row stays as it is, and is taken up again.
    except DomainError as refusal:
        _finish(row, Status.FAILED, clock(), error=str(refusal))
    except Exception:
        logger.exception("Import %s failed", row.pk)
        _finish(row, Status.FAILED, clock(), error="Something went wrong on our side. Nothing is lost; try again.")
    else:
        done = Status.CHECKED if row.status == Status.CHECKING else Status.DONE
        _finish(row, done, clock(), report=report)
    nudge("loyalty.sweep_imports")  # Another may have waited for us.
    return True


def reading_of(row: PurchaseImport) -> Reading:
    return Reading(
        encoding=row.encoding,
        delimiter=row.delimiter,
        has_header=row.has_header,
        columns=row.columns,
        mapping=row.mapping,
        decimal_mark=row.decimal_mark,
        time_style=row.time_style,
        time_zone=row.time_zone,
    )


@transaction.atomic
def _start(purchase_import: PurchaseImport, target: Status, otherwise: str) -> None:
    if not purchase_import.move_to(target):
        raise WrongState(otherwise)
    PurchaseImport.objects.filter(pk=purchase_import.pk).update(beat_at=None, run_token=None, error="", progress={})
    nudge("loyalty.run_import", import_id=purchase_import.pk)
    announce(topic(purchase_import))


def _unattended(now: datetime) -> QuerySet[PurchaseImport]:
    wanted = PurchaseImport.objects.filter(status__in=[Status.CHECKING, Status.IMPORTING])
    return wanted.filter(Q(beat_at=None) | Q(beat_at__lt=now - LEFT_BEHIND))


def _ours(row: PurchaseImport) -> QuerySet[PurchaseImport]:
    """The row, while it is still in the state and the hands in which we took it up."""
    return PurchaseImport.objects.filter(pk=row.pk, status=row.status, run_token=row.run_token)


def _work(row: PurchaseImport, clock: Clock) -> Report:
    def watch(progress: Progress) -> None:
        if not _ours(row).update(beat_at=clock(), progress=asdict(progress)):
            raise _NoLongerOurs
        announce(topic(row))

    return import_file(
        Path(row.file.path),
        reading_of(row),
        now=clock(),
        dry_run=row.status == Status.CHECKING,
        refused_csv=row.refused_csv,
        owner=row,
        watch=watch,
    )


def _wait(row: PurchaseImport) -> None:
    """Leave the row to the sweep, which finds it without a beat."""
    waiting = asdict(Progress(WAITING, 0, 0))
    if _ours(row).update(beat_at=None, run_token=None, started_at=None, progress=waiting) and row.progress != waiting:
        announce(topic(row))


@transaction.atomic
def _finish(
    row: PurchaseImport, status: Status, now: datetime, *, report: Report | None = None, error: str = ""
) -> None:
    values = {} if report is None else {"report": report.as_json()}
    if not _ours(row).update(status=status, finished_at=now, run_token=None, error=error[:500], progress={}, **values):
        return
    if report is not None and status == Status.DONE:
        imported = PurchasesImported(subject=str(row.public_id), lines_new=report.lines_new)
        record(imported, key=str(row.public_id), at=now)
    announce(topic(row))
