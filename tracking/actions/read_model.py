"""The follower that makes the read side out of what was received. Sets only: no row passes through Python.

Each step takes whole transactions of the log, in order, and its writes commit with its place. So a step that is cut
short is done again from the start, and what it did before is gone.
"""

import json
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection

from config.shared.live import announce
from tracking.actions.partitions import MONTHS_BACK, make_months
from tracking.actions.values import COUNT_VALUES, GROWN, WANTED, begin_anew, give_up_on_too_many
from tracking.models import Projection, TrackedEvent

WORK_MEMORY = "64MB"  # A step is sorted and joined in memory.
PASSIVE = "passive"  # The kind of what was done to somebody, or for them: it makes nobody active.

# The rows of the step, with the names they go by and the person as known before this step's events.
_BATCH = """
    SELECT r.id, r.transaction_id, r.occurred_at, r.received_at, r.system_id, r.kind, r.name, r.message_id, r.user_id,
           r.anonymous_id, r.properties, md5(r.message_id)::uuid AS digest,
           coalesce(verdict.errors, r.errors) AS errors, coalesce(verdict.errors, r.errors) = '[]' AS is_valid,
           coalesce(system.partner_id, 0) AS partner_id, coalesce(partner.name, '') AS partner_name,
           coalesce(system.name, '') AS system_name,
           coalesce(merged.into_user_id, nullif(r.user_id, ''), link.user_id, r.anonymous_id) AS person
    FROM tracking_receivedevent r
    LEFT JOIN tracking_partnersystem system ON system.id = r.system_id
    LEFT JOIN tracking_partner partner ON partner.id = system.partner_id
    LEFT JOIN tracking_replayverdict verdict ON verdict.event_id = r.id
    LEFT JOIN tracking_identitylink link
        ON r.user_id = '' AND link.partner_id = system.partner_id AND link.anonymous_id = r.anonymous_id
    LEFT JOIN tracking_usermerge merged
        ON merged.partner_id = system.partner_id AND merged.undone_at IS NULL
        AND merged.user_id = coalesce(nullif(r.user_id, ''), link.user_id)
    WHERE r.transaction_id > %(after)s::xid8 AND r.transaction_id <= %(upto)s::xid8
"""
_TRACKED = (
    "id, occurred_at, received_at, partner_id, system_id, partner_name, system_name, kind, name, message_id, person, "
    "user_id, anonymous_id, properties, is_valid, errors"
)

# From `days (system_id, person, day)` to the bits that are kept.
ACTIVE = """
    INSERT INTO tracking_personactivity AS known (system_id, person, first_day, days, first_week, weeks)
    SELECT system_id, person, min(first), bit_or(tracking_bit(day - first)),
           min(week), bit_or(tracking_bit((date_trunc('week', day)::date - week) / 7))
    FROM (
        SELECT system_id, person, day, min(day) OVER whole AS first,
               date_trunc('week', min(day) OVER whole)::date AS week
        FROM days WINDOW whole AS (PARTITION BY system_id, person)
    ) seen
    GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (system_id, person) DO UPDATE SET
        first_day = least(known.first_day, excluded.first_day),
        days = tracking_shifted(known.days, known.first_day - least(known.first_day, excluded.first_day))
            | tracking_shifted(excluded.days, excluded.first_day - least(known.first_day, excluded.first_day)),
        first_week = least(known.first_week, excluded.first_week),
        weeks = tracking_shifted(known.weeks, (known.first_week - least(known.first_week, excluded.first_week)) / 7)
            | tracking_shifted(
                excluded.weeks, (excluded.first_week - least(known.first_week, excluded.first_week)) / 7
            )
    WHERE excluded.first_day < known.first_day
       OR known.days IS DISTINCT FROM
          known.days | tracking_shifted(excluded.days, excluded.first_day - known.first_day)
       OR known.weeks IS DISTINCT FROM
          known.weeks | tracking_shifted(excluded.weeks, (excluded.first_week - known.first_week) / 7)
"""

# In a rebuild, sums of hours before this are kept, so what came late for them is not counted again. Else all count.
_KEPT_BEFORE = "regulars.kept_before"
_KEPT = f"coalesce(nullif(current_setting('{_KEPT_BEFORE}', true), '')::timestamptz, '-infinity')"

_HOUR = "date_trunc('hour', occurred_at, %(zone)s)"  # On the shop's clock, whose midnight may be half past in UTC.

_ENTER = f"""
    WITH batch AS MATERIALIZED ({_BATCH}),
    fresh AS (
        INSERT INTO tracking_seenmessage (system_id, digest, event_id, seen_at)
        SELECT DISTINCT ON (system_id, digest) system_id, digest, id, received_at FROM batch
        ORDER BY system_id, digest, transaction_id, id
        ON CONFLICT DO NOTHING
        RETURNING event_id
    ),
    told AS MATERIALIZED (
        SELECT batch.*, event_id IS NOT NULL AS is_fresh FROM batch LEFT JOIN fresh ON fresh.event_id = batch.id
    ),
    arrived AS NOT MATERIALIZED (SELECT * FROM told WHERE is_fresh),
    entered AS (INSERT INTO tracking_trackedevent ({_TRACKED}) SELECT {_TRACKED} FROM arrived),
    counted AS (
        INSERT INTO tracking_hourcount AS known (system_id, hour, name, valid, invalid, duplicates)
        SELECT system_id, {_HOUR}, name,
               count(*) FILTER (WHERE is_fresh AND is_valid), count(*) FILTER (WHERE is_fresh AND NOT is_valid),
               count(*) FILTER (WHERE NOT is_fresh)
        FROM told WHERE {_HOUR} >= {_KEPT}
        GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        ON CONFLICT (system_id, hour, name) DO UPDATE SET
            valid = known.valid + excluded.valid, invalid = known.invalid + excluded.invalid,
            duplicates = known.duplicates + excluded.duplicates
    ),
    days AS (
        SELECT DISTINCT system_id, person, (occurred_at AT TIME ZONE %(zone)s)::date AS day
        FROM arrived
        WHERE person <> '' AND is_valid AND kind <> '{PASSIVE}'
    ),
    active AS ({ACTIVE}),
    wanted AS ({WANTED}),
    {COUNT_VALUES}
    SELECT count(*) FILTER (WHERE NOT is_fresh), array_agg(DISTINCT system_id), {GROWN} FROM told
"""

# The same message id with another content is not a repetition: it is kept, as invalid, and said to be so. From then on
# it is known by its content, too: delivered again, it is a repetition.
_COLLISIONS = f"""
    WITH batch AS MATERIALIZED ({_BATCH}),
    colliding AS (
        SELECT batch.*, md5(jsonb_build_array(
            batch.message_id, batch.name, batch.user_id, batch.properties
        )::text)::uuid AS whole
        FROM batch
        JOIN tracking_seenmessage seen
            ON seen.system_id = batch.system_id AND seen.digest = batch.digest AND seen.event_id <> batch.id
        JOIN tracking_receivedevent first ON first.id = seen.event_id
        WHERE (first.name, first.user_id, first.properties) <> (batch.name, batch.user_id, batch.properties)
    ),
    fresh AS (
        INSERT INTO tracking_seenmessage (system_id, digest, event_id, seen_at)
        SELECT DISTINCT ON (system_id, whole) system_id, whole, id, received_at FROM colliding
        ORDER BY system_id, whole, transaction_id, id
        ON CONFLICT DO NOTHING
        RETURNING event_id
    ),
    arrived AS (SELECT colliding.* FROM colliding JOIN fresh ON fresh.event_id = colliding.id),
    entered AS (
        INSERT INTO tracking_trackedevent ({_TRACKED})
        SELECT {_TRACKED.replace("is_valid, errors", "false, errors || %(collision)s::jsonb")} FROM arrived
    ),
    wanted AS ({WANTED}),
    {COUNT_VALUES}
    UPDATE tracking_hourcount known
    SET invalid = known.invalid + wrong.number, duplicates = known.duplicates - wrong.number
    FROM (
        SELECT system_id, {_HOUR} AS hour, name, count(*) AS number
        FROM arrived WHERE {_HOUR} >= {_KEPT} GROUP BY 1, 2, 3
    ) wrong
    WHERE (known.system_id, known.hour, known.name) = (wrong.system_id, wrong.hour, wrong.name)
"""
COLLISION = (
    '[{"type": "id_collision", "pointer": "", "message": "Another event of this system has the same message id."}]'
)

# An anonymous id becomes a user by the first identify or alias that names both; what it did before follows.
_LINK = """
    WITH told AS (
        INSERT INTO tracking_identitylink (partner_id, anonymous_id, user_id, event_id, linked_at)
        SELECT DISTINCT ON (system.partner_id, r.anonymous_id)
               system.partner_id, r.anonymous_id, r.user_id, r.id, r.received_at
        FROM tracking_receivedevent r JOIN tracking_partnersystem system ON system.id = r.system_id
        WHERE r.transaction_id > %(after)s::xid8 AND r.transaction_id <= %(upto)s::xid8
          AND r.kind IN ('identify', 'alias') AND r.user_id <> '' AND r.anonymous_id <> ''
          AND r.user_id <> r.anonymous_id
        ORDER BY system.partner_id, r.anonymous_id, r.transaction_id, r.id
        ON CONFLICT DO NOTHING
        RETURNING partner_id, anonymous_id, user_id
    )
    SELECT partner_id, anonymous_id, user_id FROM told
"""


def enter_received(after: int, upto: int) -> None:
    """Enter the events of all transactions after `after` and up to `upto`."""
    step = {"after": str(after), "upto": str(upto), "zone": settings.TIME_ZONE, "collision": COLLISION}
    _make_missing_months(step)
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL work_mem = '{WORK_MEMORY}'")
        cursor.execute(_LINK, step)
        links = cursor.fetchall()
        if links:
            _follow_links(links)
        cursor.execute(_ENTER, step)
        repeated, systems, grown = cursor.fetchone()
        if repeated:
            cursor.execute(_COLLISIONS, step)
    give_up_on_too_many(grown)
    for system_id in systems or ():
        announce(tail_topic(system_id))


def tail_topic(system_id: int) -> str:
    """Where it is announced that events of this system have arrived: once for each step, however many they are."""
    return f"events:{system_id}"


_EDGE = "(%(begins_at)s::timestamptz AT TIME ZONE %(zone)s)::date"
_FORGET = (
    "DELETE FROM tracking_trackedevent",
    "DELETE FROM tracking_valuecount",
    "DELETE FROM tracking_seenmessage WHERE seen_at >= %(begins_at)s",
    "DELETE FROM tracking_hourcount WHERE hour >= %(begins_at)s",
    "DELETE FROM tracking_identitylink WHERE linked_at >= %(begins_at)s",
    f"DELETE FROM tracking_personactivity WHERE first_day > {_EDGE}",
    f"""
    UPDATE tracking_personactivity SET
        days = days & (tracking_bit({_EDGE} - first_day + 1) - 1),
        weeks = weeks & (tracking_bit((date_trunc('week', {_EDGE})::date - first_week) / 7 + 1) - 1)
    """,
)


def forget_received() -> None:
    """Empty the read side of what the log can make again; merges and verdicts stay, for people made them.

    Rows are deleted, not truncated: readers see them until the rebuild commits, where TRUNCATE would shut them out.

    Where months were dropped, all that happened since the log begins can be made again, for nothing happens after it
    was received. Of before, the sums stay as they are (see _ENTER), with links, days and weeks of activity.
    """
    follower = Projection.objects.filter(name=Projection.READ_MODEL).first()
    begins_at = follower.log_begins_at.isoformat() if follower and follower.log_begins_at else "-infinity"
    asked = {"begins_at": begins_at, "zone": settings.TIME_ZONE}
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config(%s, %s, true)", [_KEPT_BEFORE, begins_at])
        for statement in _FORGET:
            cursor.execute(statement, asked)
    begin_anew(settings.TIME_ZONE)


# Verdicts on events that are invalid, entered where the events stand. A collision of ids is none of theirs.
_JUDGE = f"""
    WITH verdicts AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(%(verdicts)s::jsonb)
            AS told (id uuid, occurred_at timestamptz, structure_id bigint, errors jsonb)
    ),
    kept AS (
        INSERT INTO tracking_replayverdict (event_id, replay_id, structure_id, errors, at)
        SELECT id, %(replay)s, structure_id, errors, %(now)s FROM verdicts
        ON CONFLICT (event_id) DO UPDATE SET
            replay_id = excluded.replay_id, structure_id = excluded.structure_id, errors = excluded.errors,
            at = excluded.at
    ),
    judged AS (
        UPDATE tracking_trackedevent event
        SET errors = told.errors, is_valid = told.errors = '[]'
        FROM (
            SELECT verdicts.id, verdicts.occurred_at, verdicts.errors || jsonb_path_query_array(
                found.errors, '$[*] ? (@.type == "id_collision")'
            ) AS errors
            FROM verdicts JOIN tracking_trackedevent found USING (id, occurred_at)
        ) told
        WHERE event.id = told.id AND event.occurred_at = told.occurred_at AND NOT event.is_valid
        RETURNING event.system_id, event.name, event.occurred_at, event.person, event.is_valid
    ),
    counted AS (
        UPDATE tracking_hourcount known
        SET valid = known.valid + mended.number, invalid = known.invalid - mended.number
        FROM (
            SELECT system_id, {_HOUR} AS hour, name, count(*) AS number
            FROM judged WHERE is_valid GROUP BY 1, 2, 3
        ) mended
        WHERE (known.system_id, known.hour, known.name) = (mended.system_id, mended.hour, mended.name)
    ),
    days AS (
        SELECT DISTINCT system_id, person, (occurred_at AT TIME ZONE %(zone)s)::date AS day
        FROM judged WHERE person <> '' AND is_valid
    ),
    active AS ({ACTIVE})
    SELECT count(*) FROM judged WHERE is_valid
"""


def hold_the_follower() -> None:
    """Keep the follower, a rebuild and everybody else who writes here waiting until this transaction ends."""
    Projection.objects.get_or_create(name=Projection.READ_MODEL)
    Projection.objects.select_for_update().get(name=Projection.READ_MODEL)


def enter_verdicts(verdicts: list[dict[str, Any]], *, replay_id: int, now: datetime) -> int:
    """Each {"id", "occurred_at", "structure_id", "errors"}. How many of the events became valid.

    Sums and activity move along. Needs `hold_the_follower` in the same transaction.
    """
    asked: dict[str, Any] = {"replay": replay_id, "now": now, "zone": settings.TIME_ZONE}
    asked["verdicts"] = json.dumps(verdicts)
    with connection.cursor() as cursor:
        cursor.execute(_JUDGE, asked)
        return int(cursor.fetchone()[0])


def recount_activity(partner_id: int, people: list[str]) -> None:
    """Sum up anew what these people of a partner did, from their events."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            DELETE FROM tracking_personactivity WHERE person = ANY(%s)
              AND system_id IN (SELECT id FROM tracking_partnersystem WHERE partner_id = %s)
            """,
            [people, partner_id],
        )
        cursor.execute(
            f"""
            WITH days AS (
                SELECT DISTINCT system_id, person, (occurred_at AT TIME ZONE %s)::date AS day
                FROM tracking_trackedevent
                WHERE system_id IN (SELECT id FROM tracking_partnersystem WHERE partner_id = %s)
                  AND person = ANY(%s) AND is_valid AND kind <> '{PASSIVE}'
            )
            {ACTIVE}
            """,
            [settings.TIME_ZONE, partner_id, people],
        )


def _follow_links(links: list[tuple[int, str, str]]) -> None:
    """What an anonymous visitor did is now known to be the user's doing."""
    partners: dict[int, list[str]] = {}
    for partner_id, anonymous_id, user_id in links:
        partners.setdefault(partner_id, []).extend((anonymous_id, user_id))
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE tracking_trackedevent event SET person = coalesce(merged.into_user_id, link.user_id)
            FROM tracking_identitylink link
            LEFT JOIN tracking_usermerge merged
                ON merged.partner_id = link.partner_id AND merged.user_id = link.user_id AND merged.undone_at IS NULL
            WHERE (link.partner_id, link.anonymous_id) IN (SELECT * FROM unnest(%s::bigint[], %s::text[]))
              AND event.system_id IN (SELECT id FROM tracking_partnersystem WHERE partner_id = link.partner_id)
              AND event.person = link.anonymous_id AND event.user_id = ''
            """,
            [[partner_id for partner_id, _, _ in links], [anonymous_id for _, anonymous_id, _ in links]],
        )
        if not cursor.rowcount:
            return
    for partner_id, people in partners.items():
        recount_activity(partner_id, people)


def _make_missing_months(step: dict[str, str]) -> None:
    """Not for what was too old when it was received: whoever has a key could make hundreds of tables."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT DISTINCT date_trunc('month', occurred_at, 'UTC')::date FROM tracking_receivedevent
            WHERE transaction_id > %(after)s::xid8 AND transaction_id <= %(upto)s::xid8
              AND occurred_at >= date_trunc('month', received_at, 'UTC') - make_interval(months => %(months)s)
            """,
            step | {"months": min(settings.TRACKING_RETENTION_MONTHS or MONTHS_BACK, MONTHS_BACK)},
        )
        months = [month for (month,) in cursor.fetchall()]
    make_months(TrackedEvent._meta.db_table, months)
