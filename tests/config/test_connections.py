"""What becomes of connections to PostgreSQL that wait for the next visitor."""

from collections.abc import Iterator

import pytest
from django.db import connection
from django.db.backends.postgresql.base import DatabaseWrapper


@pytest.fixture
def pooled(db: None) -> Iterator[DatabaseWrapper]:
    """A connection as the product takes it from its pool; the suite itself runs without one."""
    known = connection.settings_dict
    wrapper = DatabaseWrapper(known | {"OPTIONS": known["OPTIONS"] | {"pool": {"min_size": 1, "timeout": 5}}})
    yield wrapper
    wrapper.close()
    wrapper.close_pool()


def test_a_connection_that_died_while_it_waited_is_met_by_no_visitor(pooled: DatabaseWrapper):
    first = _backend(pooled)
    pooled.close()  # At the end of a request: back to the pool.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [first])
        assert cursor.fetchone() == (True,)
    assert _backend(pooled) != first


def _backend(wrapper: DatabaseWrapper) -> int:
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()[0]
