"""What is asked of the forecasts: a row, which a worker takes up."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from config.shared.errors import DomainError
from config.shared.live import announce
from config.shared.nudge import nudge
from loyalty.models import ForecastRun, ForecastVersion, User

TOPIC = "loyalty.forecasts"
LEFT_BEHIND = timedelta(minutes=1)
Status = ForecastRun.Status


class NotPinned(DomainError):
    code = "not_pinned"


@transaction.atomic
def request_refit(*, by: User | None, now: datetime) -> ForecastRun:
    """Have a new version fitted and everybody scored. One that waits already is the one."""
    waiting = ForecastRun.objects.filter(status=Status.WAITING, version=None).first()
    return waiting or _ask(ForecastRun(created_by=by, created_at=now))


@transaction.atomic
def use_version(*, version: ForecastVersion, by: User, now: datetime) -> ForecastRun:
    """Go back to a version, or on to one that was kept aside: everybody is scored with it, and it stays in use until
    somebody lets newer ones take over.
    """
    waiting = ForecastRun.objects.filter(status=Status.WAITING, version=version).first()
    return waiting or _ask(ForecastRun(version=version, created_by=by, created_at=now))


@transaction.atomic
def let_refits_take_over(*, by: User) -> None:
    """The pinned version stays in use until the next fit. Raises NotPinned."""
    if not ForecastVersion.objects.exclude(pinned_at=None).update(pinned_at=None, pinned_by=None):
        raise NotPinned("No version is pinned: each night's version takes over unless it is clearly worse.")
    announce(TOPIC)


def waiting(now: datetime) -> list[int]:
    """Runs that no worker is busy with, the oldest first."""
    return list(unattended(now).order_by("pk").values_list("pk", flat=True))


def unattended(now: datetime) -> QuerySet[ForecastRun]:
    is_left = Q(status=Status.RUNNING, beat_at__lt=now - LEFT_BEHIND)
    return ForecastRun.objects.filter(Q(status=Status.WAITING) | is_left)


def _ask(row: ForecastRun) -> ForecastRun:
    row.save(force_insert=True)
    nudge("loyalty.run_forecasts", run_id=row.pk)
    announce(TOPIC)
    return row
