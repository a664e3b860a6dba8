"""One at a time: advisory locks that say whose turn it is.

What an import knows of the shop is compared once, before the first order is entered. Two imports that compare side by
side both take an order for new, and the second then tells nobody that it amended it; so from the comparison to the
last batch one import alone may be at work, and a lock for each batch would come too late.

The lock belongs to the database session, like the temporary tables the lines wait in. It cannot outlive its worker,
it cannot lapse while a statement takes long, and whoever can still write the batch still holds it. Both need a pooler
in front of PostgreSQL to keep a session together (pgbouncer: `pool_mode = session`); `confirm` stops a batch that
finds itself in another session than the one that has the turn. Inside a transaction of the caller the lock is that
transaction's, because what it guards can be seen by others no earlier.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from config.shared.errors import DomainError
from loyalty.actions.imports.staging import execute, rows

ENTERING = "loyalty.imports.entering"


class AnotherImportIsRunning(DomainError):
    """Purchases are being entered from another file. Nothing was done; try again when that one is over."""

    code = "another_import_is_running"


class UnfitSession(DomainError):
    """Statements reach the database through changing sessions; the message says what to set."""

    code = "unfit_session"


@contextmanager
def turn(name: str) -> Iterator[bool]:
    """True while nobody else has the turn of this name, in which case nobody gets it until we are done."""
    if connection.in_atomic_block:
        yield _try("pg_try_advisory_xact_lock", name)
        return
    is_ours = _try("pg_try_advisory_lock", name)
    try:
        yield is_ours
    finally:
        if is_ours:
            execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [name])


@contextmanager
def entering() -> Iterator[None]:
    """The one import that may compare and enter now. Raises AnotherImportIsRunning."""
    with turn(ENTERING) as is_ours:
        if not is_ours:
            raise AnotherImportIsRunning("Purchases are being imported from another file; this one waits its turn.")
        yield


def confirm() -> None:
    """Inside a batch's transaction: that this session has the turn. A lock can be taken twice where it is held."""
    if not _try("pg_try_advisory_xact_lock", ENTERING):
        raise UnfitSession(
            "The database session changed during the import. An import needs one session from beginning to end: "
            "give it a direct DATABASE_URL, or a pooler in session mode."
        )


def _try(function: str, name: str) -> bool:
    return bool(rows(f"SELECT {function}(hashtextextended(%s, 0))", [name])[0][0])
