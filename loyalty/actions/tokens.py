"""API tokens of people: made by their owner, stopped by the owner, an Admin, a new password or leave."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from config.shared.errors import DomainError
from config.shared.trail import note_change
from loyalty.models import ApiToken, User
from loyalty.queries.tokens import tokens_of
from loyalty.rules.tokens import new_token

MOST = 50
USE_IS_NOTED_EVERY = timedelta(minutes=1)


class TooManyTokens(DomainError):
    code = "too_many_tokens"


class TokenGone(DomainError):
    code = "token_gone"


@dataclass(frozen=True)
class MadeToken:
    """A new token, and its words: shown this one time."""

    token: ApiToken
    shown: str


@transaction.atomic
def make_token(*, user: User, name: str, scope: str, days: int | None, now: datetime) -> MadeToken:
    """For `days`, or until it is revoked. Raises TooManyTokens."""
    User.objects.select_for_update().get(pk=user.pk)
    if sum(token.works_at(now) for token in tokens_of(user).filter(revoked_at=None)) >= MOST:
        raise TooManyTokens(f"You have {MOST} working tokens. Revoke one you no longer need first.")
    made = new_token()
    token = ApiToken.objects.create(
        user=user,
        name=name.strip(),
        scope=scope,
        prefix=made.prefix,
        digest=made.digest,
        created_at=now,
        expires_at=None if days is None else now + timedelta(days=days),
    )
    return MadeToken(token, made.shown)


@transaction.atomic
def revoke_token(token: ApiToken, *, now: datetime) -> None:
    """It opens nothing from this commit on. Raises TokenGone."""
    if not ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=now):
        raise TokenGone("This token was revoked already.")
    note_change(token, revoked_at=(None, now))


@transaction.atomic
def revoke_all_of(user: User, *, now: datetime) -> None:
    """For somebody who leaves, or whose password is a new one."""
    for token in ApiToken.objects.select_for_update().filter(user=user, revoked_at=None):
        revoke_token(token, now=now)


def note_use(token: ApiToken, *, now: datetime) -> None:
    """Written once a minute at most, however often a token is used."""
    lately = now - USE_IS_NOTED_EVERY
    if token.last_used_at is None or token.last_used_at < lately:
        stale = Q(last_used_at=None) | Q(last_used_at__lt=lately)
        ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=now)
