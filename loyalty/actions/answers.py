"""Answers to writes that carried an Idempotency-Key: the same request again gets the same answer, and does nothing.

The answer is kept in the transaction of the write itself: either both are there, or neither.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import OperationalError, connection
from django.utils.translation import gettext as _
from psycopg.errors import LockNotAvailable

from config.shared.errors import DomainError
from loyalty.models import Answer

KEPT_FOR = timedelta(days=1)
PATIENCE = "2s"  # Of a request whose twin is still at work.


class KeyReused(DomainError):
    code = "key_reused"


class InProgress(DomainError):
    code = "in_progress"


@dataclass(frozen=True, kw_only=True)
class Keyed:
    """A request with its key: whose key it is, and a digest of what is asked."""

    caller: str
    key: str
    digest: bytes


def given(asked: Keyed) -> Answer | None:
    """The answer that was given to this key before, if there is one. Raises KeyReused for another request."""
    answer = Answer.objects.filter(caller=asked.caller, key=asked.key).first()
    if answer is not None and bytes(answer.request_digest) != asked.digest:
        raise KeyReused(
            _("This Idempotency-Key was used for another request. Make a new one for each thing you ask for.")
        )
    return answer


def claim(asked: Keyed, *, now: datetime) -> Answer | None:
    """As `given()`, but when there is none, the caller of this is the first and now has to `keep` one.

    Waits for a twin that is at work. Raises KeyReused, and InProgress when the twin takes long.
    """
    if _is_first(asked, now):
        return None
    answer = given(asked)
    if answer is None:  # forgotten this very moment
        raise InProgress(_("The same request is being worked on. Ask again in a moment."))
    return answer


def _is_first(asked: Keyed, now: datetime) -> bool:
    """Of several who insert at once one succeeds; the others wait for its transaction to end, though not for long."""
    with connection.cursor() as cursor:
        try:
            cursor.execute(_CLAIM, [asked.caller, asked.key, asked.digest, now, PATIENCE])
        except OperationalError as error:
            if isinstance(error.__cause__, LockNotAvailable):
                raise InProgress(_("The same request is being worked on. Ask again in a moment.")) from None
            raise
        return cursor.fetchone() is not None


# One round trip: the patience is for this statement alone, and whoever is first waits for other locks as ever.
_CLAIM = f"""
    INSERT INTO {Answer._meta.db_table} (caller, key, request_digest, status, created_at)
    SELECT %s, %s, %s, 0, %s FROM set_config('lock_timeout', %s, true) AS patience WHERE patience <> ''
    ON CONFLICT (caller, key) DO NOTHING
    RETURNING set_config('lock_timeout', '0', true)
"""


def keep(asked: Keyed, *, status: int, body: Any) -> None:
    Answer.objects.filter(caller=asked.caller, key=asked.key).update(status=status, body=body)


def forget_old_answers(*, now: datetime) -> None:
    Answer.objects.filter(created_at__lt=now - KEPT_FOR).delete()
