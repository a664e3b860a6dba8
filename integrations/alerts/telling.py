"""What staff should know is a row for each place they look at, told by whichever worker comes first."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Max, Q, QuerySet

from config.shared.masking import masked
from config.shared.nudge import nudge
from integrations.alerts.base import Alert, NotTold, Outlet, outlets
from integrations.models import AlertDelivery, StaffAlert

LEASE = timedelta(minutes=2)
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=1)
# Later than this it is no news any more.
GIVEN_UP_AFTER = timedelta(hours=24)
AT_ONCE = 50
NOT_SET = "This outlet is not in ALERT_URLS any more."
Status = AlertDelivery.Status


def tell_staff(*, key: str, severity: str, title: str, text: str, link: str, now: datetime) -> bool:
    """To be told to every outlet; False when this `key` was told before. Addresses in it are masked."""
    alert = StaffAlert(
        key=key, severity=severity, title=masked(title)[:150], text=masked(text)[:500], link=link, created_at=now
    )
    return _keep(alert, to=outlets())


@transaction.atomic
def _keep(alert: StaffAlert, *, to: Iterable[str]) -> bool:
    """The alert, and a row for each outlet that is to hear of it. Nothing when there is one of its key."""
    StaffAlert.objects.bulk_create([alert], ignore_conflicts=True)
    kept = StaffAlert.objects.get(key=alert.key)
    if kept.public_id != alert.public_id:
        return False
    AlertDelivery.objects.bulk_create(AlertDelivery(alert=kept, outlet=name, due_at=kept.created_at) for name in to)
    nudge("integrations.tell_staff")
    return True


def deliver(*, now: datetime) -> int:
    """Tell what is due; how many were told. Whatever fails is tried again, for a day."""
    known = outlets()
    due = _free(now).filter(due_at__lte=now).select_related("alert").order_by("due_at", "pk")
    return sum(_tell(delivery, known.get(delivery.outlet), now) for delivery in due[:AT_ONCE])


def _free(now: datetime) -> QuerySet[AlertDelivery]:
    """In nobody's hands: a worker's lease lapses when it dies."""
    return AlertDelivery.objects.filter(Q(claimed_until=None) | Q(claimed_until__lt=now), status=Status.WAITING)


def _tell(delivery: AlertDelivery, outlet: Outlet | None, now: datetime) -> bool:
    """No transaction is open while the other side answers."""
    lease = now + LEASE
    if not _free(now).filter(pk=delivery.pk).update(claimed_until=lease, attempts=F("attempts") + 1):
        return False
    ours = AlertDelivery.objects.filter(pk=delivery.pk, claimed_until=lease)
    try:
        if outlet is None:
            raise NotTold(NOT_SET, permanent=True)
        outlet.tell(_alert(delivery.alert))
    except NotTold as failure:
        ours.update(**_consequence(delivery, failure, now))
        return False
    return bool(ours.update(status=Status.TOLD, told_at=now, claimed_until=None, error=""))


def _alert(row: StaffAlert) -> Alert:
    return Alert(
        id=str(row.public_id),
        severity=row.severity,
        title=row.title,
        text=row.text,
        link=row.link,
        at=row.created_at,
    )


def _consequence(delivery: AlertDelivery, failure: NotTold, now: datetime) -> dict[str, object]:
    wait = max(min(FIRST_WAIT * 2**delivery.attempts, LONGEST_WAIT), failure.retry_after or timedelta())
    is_over = failure.permanent or now + wait > delivery.alert.created_at + GIVEN_UP_AFTER
    told = {"failed_at": now, "error": str(failure)[:300], "claimed_until": None}
    return {**told, "status": Status.FAILED} if is_over else {**told, "due_at": now + wait}


# --- Trying one ----------------------------------------------------------------------------------------------------


def send_test(*, name: str, by: str, link: str, now: datetime) -> str:
    """Tell one outlet at once that this is a test; why that failed, or nothing. Raises KeyError for an unknown one."""
    outlet = outlets()[name]
    test = StaffAlert(
        key=f"test {name} {now.isoformat()}",
        severity=StaffAlert.Severity.INFO,
        title="A test from Regulars",
        text=f"{by} tried whether this place hears of what happens to messages. It does.",
        link=link,
        created_at=now,
    )
    _keep(test, to=[name])
    delivery = AlertDelivery.objects.select_related("alert").get(alert__key=test.key)
    if _tell(delivery, outlet, now):
        return ""
    return AlertDelivery.objects.get(pk=delivery.pk).error or "A worker is telling it this very moment."


# --- What became of it ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class OutletState:
    """One of ALERT_URLS: when it last heard of something, when that last failed and why, and what waits for it."""

    name: str
    title: str
    place: str
    told_at: datetime | None
    failed_at: datetime | None
    error: str
    waiting: int

    @property
    def is_failing(self) -> bool:
        return self.failed_at is not None and (self.told_at is None or self.failed_at > self.told_at)


def outlet_states() -> list[OutletState]:
    found = []
    for name, outlet in outlets().items():
        to_it = AlertDelivery.objects.filter(outlet=name)
        failed = to_it.filter(failed_at__isnull=False).order_by("-failed_at").first()
        found.append(
            OutletState(
                name=name,
                title=outlet.title,
                place=outlet.place,
                told_at=to_it.aggregate(last=Max("told_at"))["last"],
                failed_at=failed.failed_at if failed else None,
                error=failed.error if failed else "",
                waiting=to_it.filter(status=Status.WAITING).count(),
            )
        )
    return found
