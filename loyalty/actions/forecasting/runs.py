"""A run of the forecasts is a row: a new fit, or everybody scored with a version that somebody chose.

One at a time: an advisory lock says whose turn it is, and a token on the row who may write there. A run that was cut
short is taken up from its beginning, because doing it again changes nothing that is done.
"""

import logging
import uuid
from collections.abc import Callable
from datetime import datetime

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import QuerySet

from config.shared.errors import DomainError
from config.shared.live import announce
from config.shared.nudge import nudge
from loyalty.actions.forecasting import fitting, foretelling, habits, reading
from loyalty.actions.forecasting.fitting import Model
from loyalty.actions.forecasting.requests import TOPIC, Status, unattended
from loyalty.actions.imports import turns
from loyalty.models import ForecastRun, ForecastVersion
from loyalty.queries import forecasts

TURN = TOPIC
READING, FITTING, FORETELLING, WRITING, HABITS = (
    "Reading the orders", "Learning from them", "Forecasting", "Writing what moved", "Finding what goes together",
)  # fmt: skip
Clock = Callable[[], datetime]
logger = logging.getLogger(__name__)


class _NoLongerOurs(Exception):
    """Another worker has the run."""


def run(run_id: int, *, clock: Clock) -> bool:
    """Do what the row says. False when it is not wanted (any more), or when another run is at work: then it waits."""
    with turns.turn(TURN) as is_ours:
        row = _claim(run_id, clock()) if is_ours else None
        return row is not None and _run(row, clock)


def _claim(run_id: int, now: datetime) -> ForecastRun | None:
    token = uuid.uuid4()
    claimed = unattended(now).filter(pk=run_id)
    if not claimed.update(status=Status.RUNNING, run_token=token, beat_at=now, started_at=now, phase=READING):
        return None
    announce(TOPIC)
    return ForecastRun.objects.select_related("version").get(pk=run_id, run_token=token)


def _ours(row: ForecastRun) -> QuerySet[ForecastRun]:
    return ForecastRun.objects.filter(pk=row.pk, status=Status.RUNNING, run_token=row.run_token)


def _run(row: ForecastRun, clock: Clock) -> bool:
    try:
        _work(row, clock)
    except _NoLongerOurs:
        return False
    except (OperationalError, InterfaceError):
        raise  # The database went away: the row stays as it is, and is taken up again.
    except DomainError as refusal:
        _finish(row, Status.FAILED, clock(), error=str(refusal))
    except Exception:
        logger.exception("Forecast run %s failed", row.pk)
        _finish(row, Status.FAILED, clock(), error="Something went wrong on our side. The forecasts are as they were.")
    else:
        _finish(row, Status.DONE, clock())
    finally:
        if not connection.needs_rollback:
            foretelling.forget()
    nudge("loyalty.sweep_forecasts")  # Another may have waited for us.
    return True


def _work(row: ForecastRun, clock: Clock) -> None:
    now = clock()
    extent = forecasts.extent(now=now)
    version, is_new = row.version, False
    if version is None:
        _tell(row, FITTING, clock())
        version, is_new = _refit(extent, now)
    _tell(row, FORETELLING, clock(), total=extent.members)
    foretelling.foretell(
        Model.of(version),
        extent,
        watch=lambda done: _tell(row, FORETELLING, clock(), done=done, total=extent.members),
    )
    _tell(row, WRITING, clock())
    _put_to_use(row, version, extent, now, is_new=is_new)
    _tell(row, HABITS, clock())
    habits.learn(extent.as_of)


def _refit(extent: forecasts.Extent, now: datetime) -> tuple[ForecastVersion, bool]:
    """The version to score with: the new one, unless it was kept aside. It is kept in either case."""
    if extent.missing:
        raise reading.NotEnoughOrders(extent.missing)
    in_use = ForecastVersion.objects.filter(is_in_use=True).first()
    fitted = fitting.fit(extent, reading.fitted(extent), *reading.sample(extent), in_use=in_use, now=now)
    fitted.save(force_insert=True)
    is_taken = in_use is None or fitted.verdict == ForecastVersion.Verdict.TAKEN
    return (fitted, True) if in_use is None or is_taken else (in_use, False)


@transaction.atomic
def _put_to_use(
    row: ForecastRun, version: ForecastVersion, extent: forecasts.Extent, now: datetime, *, is_new: bool
) -> None:
    """The forecasts and the version they were made with, at once."""
    written = foretelling.write_moved(is_exact=row.version is not None)
    if not _ours(row).update(written=written):
        raise _NoLongerOurs
    ForecastVersion.objects.filter(is_in_use=True).exclude(pk=version.pk).update(
        is_in_use=False, pinned_at=None, pinned_by=None
    )
    ForecastVersion.objects.filter(pk=version.pk).update(is_in_use=True, scored_on=extent.as_of, scored_at=now)
    if row.version is not None:
        ForecastVersion.objects.filter(pk=version.pk).update(pinned_at=now, pinned_by=row.created_by)


def _tell(row: ForecastRun, phase: str, now: datetime, *, done: int = 0, total: int = 0) -> None:
    if not _ours(row).update(phase=phase, beat_at=now, done=done, total=total):
        raise _NoLongerOurs
    announce(TOPIC)


@transaction.atomic
def _finish(row: ForecastRun, status: Status, now: datetime, *, error: str = "") -> None:
    if _ours(row).update(status=status, finished_at=now, error=error[:300], run_token=None, phase=""):
        announce(TOPIC)
