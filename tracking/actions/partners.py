"""Who may send events. A key is shown once, by the action that made it, and is a digest ever after."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q

from config.shared.errors import DomainError
from config.shared.trail import note_change
from tracking.models import Partner, PartnerAccess, PartnerSystem, SystemKey
from tracking.rules import keys

LONGEST_OVERLAP = timedelta(days=90)
USE_IS_NOTED_EVERY = timedelta(minutes=1)
Person = Any  # Whoever is signed in: the user model lives above.


class NameTaken(DomainError):
    code = "name_taken"


class KeyGone(DomainError):
    code = "key_gone"


class BadOverlap(DomainError):
    code = "bad_overlap"


class OurOwn(DomainError):
    """The system of this product's own events is nobody else's to send to or to change."""

    code = "our_own"


class WorksHere(DomainError):
    code = "works_here"


@dataclass(frozen=True)
class MadeKey:
    """A new key and what is shown of it this one time: a write key, or the secret of a pair whose id is `prefix`."""

    key: SystemKey
    shown: str


@contextmanager
def name_still_free(refusal: str) -> Iterator[None]:
    """Raises NameTaken with these words where the database finds the name taken, and undoes what was done inside."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError:
        raise NameTaken(refusal) from None


def add_partner(*, name: str, is_active: bool = True) -> Partner:
    """Raises NameTaken."""
    with name_still_free(f"There is a partner called {name.strip()} already."):
        return Partner.objects.create(name=name.strip(), is_active=is_active)


def change_partner(partner: Partner, *, name: str, is_active: bool) -> None:
    """An inactive partner's keys stop working at once, and work again when it is active again. Raises NameTaken."""
    with name_still_free(f"There is a partner called {name.strip()} already."):
        Partner.objects.filter(pk=partner.pk).update(name=name.strip(), is_active=is_active)
        note_change(partner, name=(partner.name, name.strip()), is_active=(partner.is_active, is_active))


def add_system(
    *, partner: Partner, name: str, kind: str, events_per_second: int = 0, is_active: bool = True
) -> PartnerSystem:
    """Raises NameTaken, OurOwn."""
    _refuse_own(kind)
    with name_still_free(f"{partner.name} has a system called {name.strip()} already."):
        return PartnerSystem.objects.create(
            partner=partner, name=name.strip(), kind=kind, events_per_second=events_per_second, is_active=is_active
        )


def change_system(system: PartnerSystem, *, name: str, kind: str, events_per_second: int, is_active: bool) -> None:
    """Raises NameTaken, OurOwn."""
    _refuse_own(kind, system.kind)
    changes = {"name": name.strip(), "kind": kind, "events_per_second": events_per_second, "is_active": is_active}
    with name_still_free(f"{system.partner.name} has a system called {name.strip()} already."):
        PartnerSystem.objects.filter(pk=system.pk).update(**changes)
        note_change(system, **{field: (getattr(system, field), value) for field, value in changes.items()})


@transaction.atomic
def add_write_key(*, system: PartnerSystem, by: Person) -> MadeKey:
    """Raises OurOwn."""
    made = keys.new_write_key()
    return _kept(system, SystemKey.Kind.WRITE_KEY, made, by)


@transaction.atomic
def add_pair(*, system: PartnerSystem, by: Person) -> MadeKey:
    """Raises OurOwn."""
    _, made = keys.new_pair()
    return _kept(system, SystemKey.Kind.PAIR, made, by)


@transaction.atomic
def rotate(key: SystemKey, *, overlap: timedelta, by: Person, now: datetime) -> MadeKey:
    """A new key of the same kind; the old one works for `overlap` more. Raises KeyGone, BadOverlap."""
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise BadOverlap(f"Let the old key work for at most {LONGEST_OVERLAP.days} days more.")
    working = SystemKey.objects.filter(pk=key.pk, revoked_at=None).filter(Q(expires_at=None) | Q(expires_at__gt=now))
    if not working.update(expires_at=now + overlap):
        raise KeyGone("This key works no more, so there is nothing to rotate. Make a new one.")
    note_change(key, expires_at=(key.expires_at, now + overlap))
    made = add_pair if key.kind == SystemKey.Kind.PAIR else add_write_key
    return made(system=key.system, by=by)


@transaction.atomic
def revoke(key: SystemKey, *, now: datetime) -> None:
    """It stops everywhere at this commit. Raises KeyGone."""
    if not SystemKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now):
        raise KeyGone("This key was revoked already.")
    note_change(key, revoked_at=(None, now))


def note_use(key: SystemKey, *, now: datetime) -> None:
    """Written once a minute at most, however often a key is used."""
    lately = now - USE_IS_NOTED_EVERY
    if key.last_used_at is None or key.last_used_at < lately:
        stale = Q(last_used_at=None) | Q(last_used_at__lt=lately)
        SystemKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)


def give_access(*, user: Person, partner: Partner) -> PartnerAccess:
    """From now on this login sees this partner and nothing else. Raises WorksHere for one of the shop's own people."""
    if user.is_superuser or user.groups.exists():
        raise WorksHere(f"{user} works here and sees every partner. Invite another address for the partner.")
    access, _ = PartnerAccess.objects.update_or_create(user=user, defaults={"partner": partner})
    return access


def _refuse_own(*kinds: str) -> None:
    if PartnerSystem.Kind.REGULARS in kinds:
        raise OurOwn("The shop's own events are switched on and off on the page of the partner they stand with.")


def _kept(system: PartnerSystem, kind: str, made: keys.Made, by: Person) -> MadeKey:
    if system.is_own:
        raise OurOwn("Nobody sends to this system: its events are the shop's own. Make the key for another one.")
    key = SystemKey.objects.create(system=system, kind=kind, prefix=made.prefix, digest=made.digest, created_by=by)
    return MadeKey(key, made.shown)
