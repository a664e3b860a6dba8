"""The log's events become deliveries: one statement for however many, in the transaction that moves the follower on."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection

from config.shared.nudge import nudge
from integrations.outbound.notices import told, untold_with

FOLLOWER = "integrations.outbound"

# A delivery is kept as long as its event is young enough for this, so reading the log again tells nothing twice.
_OWE = """
    INSERT INTO integrations_outbounddelivery (
        public_id, destination_id, event_id, event_name, status, attempts, attempts_before, due_at, error, created_at
    )
    SELECT gen_random_uuid(), destination.id, event.id, event.name, 'waiting', 0, 0, %(now)s, '', %(now)s
    FROM tracking_event event
    JOIN integrations_destination destination
        ON destination.is_enabled AND event.name = ANY(destination.events)
        AND event.recorded_at >= destination.told_since
    WHERE event.id = ANY(%(events)s) AND event.name = ANY(%(names)s) AND event.recorded_at >= %(oldest)s
      AND coalesce(event.properties ->> (%(untold_with)s::jsonb ->> event.name), '') = ''
    ORDER BY event.transaction_id, event.id
    ON CONFLICT DO NOTHING
"""


def owe(event_ids: Sequence[int], *, now: datetime) -> int:
    """A delivery of each of these events to each enabled destination that asks for it; how many were new."""
    asked: dict[str, Any] = {
        "events": list(event_ids),
        "names": list(told()),
        "untold_with": json.dumps(untold_with()),
        "oldest": now - timedelta(days=settings.OUTBOUND_RETENTION_DAYS),
        "now": now,
    }
    with connection.cursor() as cursor:
        cursor.execute(_OWE, asked)
        owed = cursor.rowcount
    if owed:
        nudge("integrations.deliver_outbound")
    return owed
