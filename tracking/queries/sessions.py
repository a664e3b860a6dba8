"""Visits: what one anonymous id did without pausing for half an hour."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

PAUSE = timedelta(minutes=30)

_SESSIONS = """
    WITH seen AS (
        SELECT anonymous_id, person, name, occurred_at,
               coalesce(occurred_at - lag(occurred_at) OVER visitor > %(pause)s, true) AS begins
        FROM tracking_trackedevent
        WHERE system_id = ANY(%(systems)s) AND occurred_at >= %(since)s AND occurred_at < %(until)s
          AND anonymous_id <> ''
        WINDOW visitor AS (PARTITION BY anonymous_id ORDER BY occurred_at)
    ),
    numbered AS (
        SELECT *, count(*) FILTER (WHERE begins) OVER (
            PARTITION BY anonymous_id ORDER BY occurred_at ROWS UNBOUNDED PRECEDING
        ) AS number
        FROM seen
    ),
    sessions AS (
        SELECT anonymous_id, max(person) AS person, min(occurred_at) AS started_at, max(occurred_at) AS ended_at,
               count(*) AS events, (array_agg(name ORDER BY occurred_at))[1] AS first_event,
               (array_agg(name ORDER BY occurred_at DESC))[1] AS last_event
        FROM numbered GROUP BY anonymous_id, number
    )
"""


@dataclass(frozen=True)
class Session:
    anonymous_id: str
    person: str
    started_at: datetime
    ended_at: datetime
    events: int
    first_event: str
    last_event: str


@dataclass(frozen=True)
class SessionSums:
    """`median_seconds` is the length of the middle session; a single event is a session of no length."""

    sessions: int
    visitors: int
    events_per_session: float
    median_seconds: float


def sessions(
    system_ids: Sequence[int],
    *,
    since: datetime,
    until: datetime,
    before: datetime | None = None,
    visitor: str = "",
    limit: int = 50,
) -> list[Session]:
    """The newest first; `before` and `visitor` are the beginning and the anonymous id of the last one already seen."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            {_SESSIONS} SELECT * FROM sessions
            WHERE started_at < %(before)s OR started_at = %(before)s AND anonymous_id > %(visitor)s
            ORDER BY started_at DESC, anonymous_id LIMIT %(limit)s
            """,
            _asked(system_ids, since, until) | {"before": before or until, "visitor": visitor, "limit": limit},
        )
        return [Session(*row) for row in cursor.fetchall()]


def session_sums(system_ids: Sequence[int], *, since: datetime, until: datetime) -> SessionSums:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            {_SESSIONS} SELECT count(*), count(DISTINCT anonymous_id), coalesce(avg(events), 0)::float,
                coalesce(percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM ended_at - started_at)), 0)
            FROM sessions
            """,
            _asked(system_ids, since, until),
        )
        return SessionSums(*cursor.fetchone())


def _asked(system_ids: Sequence[int], since: datetime, until: datetime) -> dict[str, Any]:
    return {"systems": list(system_ids), "since": since, "until": until, "pause": PAUSE}
