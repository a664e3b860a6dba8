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
from integrations.outbound.kinds import kinds
from integrations.outbound.notices import told

OVERLAP = timedelta(hours=24)  # in which the old secret signs beside the new one
AT_ONCE = 10_000  # deliveries told again by one click
TASK = "integrations.deliver_outbound"
HIDDEN = (
    "This destination is told who people are, which you may not see. You may rename it and switch it off; ask somebody "
    "who may see personal data to change where it leads, its events or its secret, or to switch it on."
)
Status = OutboundDelivery.Status


class NameTaken(DomainError):
    code = "name_taken"


class NothingChosen(DomainError):
    code = "nothing_chosen"


class SecretMissing(DomainError):
    code = "secret_missing"


class AlreadySo(DomainError):
    code = "already_so"


class PeopleHidden(DomainError):
    """Whoever may not see people may not lead what is told of them elsewhere, either."""

    code = "people_hidden"


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
    note_change(destination, options=("", _place(kind, options)))
    return Made(destination, made)


@transaction.atomic
def change(
    *,
    destination: Destination,
    name: str,
    options: Mapping[str, Any],
    events: Collection[str],
    tells_people: bool | None,
    secret: str,
    may_see_people: bool,
) -> None:
    """An empty `secret` leaves it as it is, and so does no `tells_people`. `may_see_people`: whoever asks for it.

    Raises NameTaken, NothingChosen, AlreadySo, PeopleHidden.
    """
    _refuse_taken(name, but=destination)
    row = _locked(destination)
    new: dict[str, Any] = {"name": name, "options": dict(options), "events": _chosen(events)}
    new["tells_people"] = row.tells_people if tells_people is None else tells_people
    if secret:
        new["secret"] = seal(secret)
    was = {field: getattr(row, field) for field in new}
    was["events"] = [event for event in told() if event in row.events]
    if not may_see_people and (was["tells_people"] or new["tells_people"]) and {**was, "name": name} != new:
        raise PeopleHidden(HIDDEN)
    # Whatever asked for a rest was asked at the old place, perhaps.
    Destination.objects.filter(pk=destination.pk).update(**new, rests_until=None)
    if secret:
        was["secret"], new["secret"] = "earlier", "new"
    if was["options"] != new["options"]:
        was["options"], new["options"] = _places(destination.kind, was["options"], new["options"])
    note_change(destination, **{field: (was[field], new[field]) for field in new})
    nudge(TASK)


def _places(kind: str, was: Any, new: Any) -> tuple[str, str]:
    """For the trail: where it led and leads, without what may be a key in an address."""
    places = _place(kind, was), _place(kind, new)
    return places if len(set(places)) == 2 else (f"{places[0]}, earlier", f"{places[0]}, new")


def _place(kind: str, options: Mapping[str, Any]) -> str:
    return kinds()[kind](options, ()).place


def _locked(destination: Destination) -> Destination:
    """As it is now. Raises AlreadySo when somebody deleted it meanwhile."""
    row = Destination.objects.select_for_update(no_key=True).filter(pk=destination.pk, going_since=None).first()
    if row is None:
        raise AlreadySo(f"{destination.name} is being deleted.")
    return row


def _chosen(events: Collection[str]) -> list[str]:
    chosen = [name for name in told() if name in events]
    if not chosen:
        raise NothingChosen("Choose at least one event.")
    return chosen


def _refuse_taken(name: str, *, but: Destination | None = None) -> None:
    others = Destination.objects.filter(name=name, going_since=None)
    if others.exclude(pk=but.pk if but else 0).exists():
        raise NameTaken(f"There is a destination called {name} already. Choose another name.")


@transaction.atomic
def rotate(*, destination: Destination, may_see_people: bool, now: datetime) -> str:
    """A new secret, shown this one time. The one before signs as well for a day. Raises AlreadySo, PeopleHidden."""
    kind = kinds()[destination.kind]
    if kind.asks_for:
        raise AlreadySo(f"The {kind.asks_for} is made over there. Enter the new one on the form.")
    made, until = kind.new_secret(), now + OVERLAP
    row = _locked(destination)
    if row.tells_people and not may_see_people:
        raise PeopleHidden(HIDDEN)
    Destination.objects.filter(pk=row.pk).update(secret=seal(made), old_secret=row.secret, old_secret_until=until)
    note_change(destination, secret=("earlier", "new"))
    return made


@transaction.atomic
def enable(*, destination: Destination, may_see_people: bool, now: datetime) -> None:
    """Told of what is recorded from now on, and of what still waits. Raises AlreadySo, PeopleHidden."""
    if _locked(destination).tells_people and not may_see_people:
        raise PeopleHidden(HIDDEN)
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


@transaction.atomic
def delete(*, destination: Destination, now: datetime) -> None:
    """It is told nothing from this commit on, and goes with every delivery of it, bit by bit. Raises AlreadySo."""
    if not Destination.objects.filter(pk=destination.pk, going_since=None).update(is_enabled=False, going_since=now):
        raise AlreadySo(f"{destination.name} is being deleted already.")
    note_change(destination, is_enabled=(destination.is_enabled, False), going_since=(None, now))
    nudge("integrations.finish_outbound_deletions")


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
    """Tell what failed of what happened here since then, the oldest AT_ONCE of it; how many."""
    failed = destination.deliveries.filter(status=Status.FAILED, created_at__gte=since).order_by("pk")
    return _begin_anew(OutboundDelivery.objects.filter(pk__in=list(failed.values_list("pk", flat=True)[:AT_ONCE])), now)


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
