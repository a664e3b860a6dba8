"""What people do with destinations and deliveries. Each change is in the trail."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet

from config.shared.errors import DomainError
from config.shared.nudge import nudge
from config.shared.sealing import seal
from config.shared.trail import note_change
from integrations.models import Destination, OutboundDelivery
from integrations.outbound.delivering import drop
from integrations.outbound.kinds import kinds
from integrations.outbound.notices import told

OVERLAP = timedelta(hours=24)  # in which the old secret signs beside the new one
TASK = "integrations.deliver_outbound"
Status = OutboundDelivery.Status


class NameTaken(DomainError):
    code = "name_taken"


class NothingChosen(DomainError):
    code = "nothing_chosen"


class SecretMissing(DomainError):
    code = "secret_missing"


class AlreadySo(DomainError):
    code = "already_so"


@dataclass(frozen=True)
class Made:
    """A destination, and its new secret where we made it: shown this one time."""

    destination: Destination
    secret: str


@transaction.atomic
def create(
    *,
    kind: str,
    name: str,
    options: Mapping[str, Any],
    events: Collection[str],
    tells_people: bool,
    secret: str,
    by_id: int | None,
    now: datetime,
) -> Made:
    """Told of what is recorded from now on. `secret` is the one they gave; empty for a kind whose secrets we make.

    Raises NameTaken, NothingChosen, SecretMissing.
    """
    made = "" if kinds()[kind].asks_for else kinds()[kind].new_secret()
    if not (secret or made):
        raise SecretMissing(f"Enter the {kinds()[kind].asks_for}.")
    _refuse_taken(name)
    destination = Destination.objects.create(
        kind=kind,
        name=name,
        options=dict(options),
        events=_chosen(events),
        tells_people=tells_people,
        secret=seal(made or secret),
        told_since=now,
        created_at=now,
        created_by_id=by_id,
    )
    return Made(destination, made)


@transaction.atomic
def change(
    *,
    destination: Destination,
    name: str,
    options: Mapping[str, Any],
    events: Collection[str],
    tells_people: bool,
    secret: str,
) -> None:
    """An empty `secret` leaves it as it is. Raises NameTaken, NothingChosen."""
    _refuse_taken(name, but=destination)
    new = {"name": name, "options": dict(options), "events": _chosen(events), "tells_people": tells_people}
    if secret:
        new["secret"] = seal(secret)
    was = {field: getattr(destination, field) for field in new}
    # Whatever asked for a rest was asked at the old place, perhaps.
    Destination.objects.filter(pk=destination.pk).update(**new, rests_until=None)
    if secret:
        was["secret"], new["secret"] = "earlier", "new"
    note_change(destination, **{field: (was[field], new[field]) for field in new})
    nudge(TASK)


def _chosen(events: Collection[str]) -> list[str]:
    chosen = [name for name in told() if name in events]
    if not chosen:
        raise NothingChosen("Choose at least one event.")
    return chosen


def _refuse_taken(name: str, *, but: Destination | None = None) -> None:
    others = Destination.objects.exclude(pk=but.pk) if but else Destination.objects.all()
    if others.filter(name=name).exists():
        raise NameTaken(f"There is a destination called {name} already. Choose another name.")


@transaction.atomic
def rotate(*, destination: Destination, now: datetime) -> str:
    """A new secret, shown this one time. The one before signs as well for a day. Raises AlreadySo."""
    kind = kinds()[destination.kind]
    if kind.asks_for:
        raise AlreadySo(f"The {kind.asks_for} is made over there. Enter the new one on the form.")
    made, until = kind.new_secret(), now + OVERLAP
    row = Destination.objects.select_for_update().get(pk=destination.pk)
    Destination.objects.filter(pk=row.pk).update(secret=seal(made), old_secret=row.secret, old_secret_until=until)
    note_change(destination, secret=("earlier", "new"))
    return made


@transaction.atomic
def enable(*, destination: Destination, now: datetime) -> None:
    """Told of what is recorded from now on, and of what still waits. Raises AlreadySo."""
    off = Destination.objects.filter(pk=destination.pk, is_enabled=False)
    if not off.update(
        is_enabled=True, told_since=now, disabled_because="", failing_since=None, rests_until=None, last_error=""
    ):
        raise AlreadySo(f"{destination.name} is on already.")
    note_change(destination, is_enabled=(False, True))
    nudge(TASK)


@transaction.atomic
def disable(*, destination: Destination) -> None:
    """Nothing is told from this commit on but what is under way. Raises AlreadySo."""
    if not Destination.objects.filter(pk=destination.pk, is_enabled=True).update(is_enabled=False):
        raise AlreadySo(f"{destination.name} is off already.")
    note_change(destination, is_enabled=(True, False))


def delete(*, destination: Destination) -> None:
    """With every delivery of it. First it is switched off, so that nothing new comes while the rest goes."""
    Destination.objects.filter(pk=destination.pk).update(is_enabled=False)
    drop(destination.deliveries.all())
    Destination.objects.get(pk=destination.pk).delete()


@transaction.atomic
def send_test(*, destination: Destination, event_name: str, now: datetime) -> OutboundDelivery:
    """An example of this event, about nobody, on the way every event takes. Raises NothingChosen, AlreadySo."""
    if event_name not in told():
        raise NothingChosen("Choose which event to send.")
    if not Destination.objects.filter(pk=destination.pk, is_enabled=True).update(rests_until=None):
        raise AlreadySo(f"{destination.name} is off. Switch it on first.")
    test = OutboundDelivery.objects.create(destination=destination, event_name=event_name, due_at=now, created_at=now)
    nudge(TASK)
    return test


@transaction.atomic
def replay(*, delivery: OutboundDelivery, now: datetime) -> None:
    """Tell it once more, under the same id, with all attempts before it. Raises AlreadySo."""
    if not _begin_anew(OutboundDelivery.objects.filter(pk=delivery.pk), now):
        raise AlreadySo("This delivery is waiting for its next attempt already.")


@transaction.atomic
def replay_failed(*, destination: Destination, since: datetime, now: datetime) -> int:
    """Tell all that failed of what happened here since then; how many."""
    return _begin_anew(destination.deliveries.filter(status=Status.FAILED, created_at__gte=since), now)


@transaction.atomic
def try_now(*, delivery: OutboundDelivery, now: datetime) -> None:
    """Do not wait for the next attempt. Raises AlreadySo."""
    waiting = OutboundDelivery.objects.filter(pk=delivery.pk, status=Status.WAITING, due_at__gt=now)
    if not waiting.update(due_at=now):
        raise AlreadySo("It is being told at this moment, or was told in the meantime.")
    Destination.objects.filter(pk=delivery.destination_id).update(rests_until=None)
    nudge(TASK)


def _begin_anew(deliveries: QuerySet[OutboundDelivery], now: datetime) -> int:
    begun = deliveries.exclude(status=Status.WAITING).update(
        status=Status.WAITING, due_at=now, attempts_before=F("attempts"), settled_at=None, claimed_until=None
    )
    if begun:
        nudge(TASK)
    return begun
