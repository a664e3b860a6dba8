"""Keys of tills: each belongs to a store, is shown once, and stops at once when it is revoked."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from config.shared.errors import DomainError
from config.shared.trail import note_change
from loyalty.models import Store, TillKey, User
from loyalty.rules.shopper_tokens import new_till_key

USE_IS_NOTED_EVERY = timedelta(minutes=1)


class NoScope(DomainError):
    code = "no_scope"


class KeyGone(DomainError):
    code = "key_gone"


@dataclass(frozen=True)
class MadeKey:
    """A new key, and its words: shown this one time."""

    key: TillKey
    shown: str


@transaction.atomic
def make_till_key(*, store: Store, name: str, scopes: Collection[str], by: User | None, now: datetime) -> MadeKey:
    """Raises NoScope."""
    if not scopes:
        raise NoScope("Say what this till may do.")
    made = new_till_key()
    key = TillKey.objects.create(
        store=store,
        name=name.strip(),
        scopes=[scope for scope in TillKey.Scope.values if scope in scopes],
        prefix=made.prefix,
        digest=made.digest,
        created_by=by,
        created_at=now,
    )
    return MadeKey(key, made.shown)


@transaction.atomic
def revoke_till_key(key: TillKey, *, now: datetime) -> None:
    """It opens nothing from this commit on. Raises KeyGone."""
    if not TillKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now):
        raise KeyGone("This key was revoked already.")
    note_change(key, revoked_at=(None, now))


def note_use(key: TillKey, *, now: datetime) -> None:
    """Written once a minute at most, however often a key is used."""
    lately = now - USE_IS_NOTED_EVERY
    if key.last_used_at is None or key.last_used_at < lately:
        stale = Q(last_used_at=None) | Q(last_used_at__lt=lately)
        TillKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)
