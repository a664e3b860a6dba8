"""Half a million events leave as a file without being held."""

import os
from collections.abc import Iterable

import pytest
from django.db import connection
from django.urls import reverse

from tests.tracking.received import a_system

pytestmark = pytest.mark.django_db
ROWS, MOST_MORE = 500_000, 80 * 2**20


def resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture
def events() -> None:
    system = a_system()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO tracking_trackedevent (id, occurred_at, received_at, partner_id, system_id, partner_name,
                system_name, kind, name, message_id, person, user_id, anonymous_id, properties, is_valid, errors)
            SELECT lpad(to_hex(number), 32, '0')::uuid, now() - number * interval '1 second', now(), %s, %s, 'Acme',
                'Website', 'track', 'Viewed', number::text, 'person-' || number %% 1000, '', '',
                jsonb_build_object('sku', 'sku-' || number, 'words', repeat('word ', 20)), true, '[]'
            FROM generate_series(1, %s) number
            """,
            [system.partner_id, system.pk, ROWS],
        )


def watched(pieces: Iterable[bytes]) -> tuple[int, int]:
    """How many bytes came, and how much more memory was ever held than after the first few of them."""
    sent, most, base = 0, 0, 0
    for number, piece in enumerate(pieces):
        sent += len(piece)
        if number % 500 == 0 or len(piece) > 100_000:
            base = base or (resident() if sent > 1_000_000 else 0)
            most = max(most, resident())
    return sent, most - base


@pytest.mark.fault
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_half_a_million_events_are_exported_in_flat_memory(events, manager, client_of, kind):
    answer = client_of(manager).get(reverse("tracking:tracked"), {"format": kind, "first": "2001-01-01"})
    sent, more = watched(answer.streaming_content)
    assert sent > ROWS
    assert more < MOST_MORE
