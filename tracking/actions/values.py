"""How often declared properties had which values: the sums the follower keeps, and what they are allowed to grow to.

A sum for each value is worth its place while values come again. Where each event brings a new one, such as an order's
number, or a text as long as a page, counting is given up: the property says so, and the events are asked.
"""

from datetime import datetime
from typing import Any

from django.db import connection

from tracking.models import CountedProperty

LONGEST_VALUE = 200
MOST_VALUES_A_DAY = 10_000
TOO_LONG = f"A value is longer than {LONGEST_VALUE} characters."
TOO_MANY = f"More than {MOST_VALUES_A_DAY:,} different values came on one day."
Status = CountedProperty.Status

# From `wanted`, counted properties, and `arrived (system_id, name, occurred_at, properties)` to the sums of days.
# `summed` tells which values a day had not had before.
COUNT_VALUES = f"""
    said AS (
        SELECT wanted.id AS property_id, (occurred_at AT TIME ZONE zone)::date AS day,
               properties #>> string_to_array(path, '.') AS value, count(*) AS events
        FROM wanted JOIN arrived ON (arrived.system_id, arrived.name) = (wanted.system_id, wanted.event_name)
        WHERE properties #>> string_to_array(path, '.') IS NOT NULL
          AND (status = '{Status.COUNTED}' OR (occurred_at AT TIME ZONE zone)::date >= counted_from)
        GROUP BY 1, 2, 3
    ),
    summed AS (
        INSERT INTO tracking_valuecount AS known (property_id, day, value, events)
        SELECT property_id, day, value, events FROM said WHERE length(value) <= {LONGEST_VALUE} ORDER BY 1, 2, 3
        ON CONFLICT (property_id, day, value) DO UPDATE SET events = known.events + excluded.events
        RETURNING property_id, day, xmax = 0 AS is_new
    ),
    unfit AS (
        UPDATE tracking_countedproperty SET status = '{Status.GIVEN_UP}', reason = '{TOO_LONG}'
        WHERE status IN ('{Status.FILLING}', '{Status.COUNTED}')
          AND id IN (SELECT property_id FROM said WHERE length(value) > {LONGEST_VALUE})
    )
"""
# All that the follower adds to.
WANTED = f"SELECT * FROM tracking_countedproperty WHERE status IN ('{Status.FILLING}', '{Status.COUNTED}')"
# The days that have more values than before, as `give_up_on_too_many` takes them.
GROWN = """
    (SELECT jsonb_agg(DISTINCT jsonb_build_object('property_id', property_id, 'day', day)) FROM summed WHERE is_new)
"""

_PAST = f"""
    WITH wanted AS (SELECT * FROM tracking_countedproperty WHERE id = %(property)s),
    arrived AS (
        SELECT event.system_id, event.name, event.occurred_at, event.properties
        FROM tracking_trackedevent event, wanted
        WHERE event.system_id = wanted.system_id AND event.name = wanted.event_name
          AND (event.occurred_at >= %(since)s OR %(since)s IS NULL)
          AND (event.occurred_at < %(until)s OR %(until)s IS NULL)
    ),
    {COUNT_VALUES}
    SELECT (SELECT count(*) FROM arrived), {GROWN}
"""


def count_past(counted: CountedProperty, *, since: datetime | None, until: datetime | None) -> int:
    """Count the events of these days, none of which was counted yet; how many there were. None is no bound."""
    with connection.cursor() as cursor:
        cursor.execute(_PAST, {"property": counted.pk, "since": since, "until": until})
        number, grown = cursor.fetchone()
    give_up_on_too_many(grown)
    return int(number)


def give_up_on_too_many(grown: Any) -> None:
    """Give up properties with too many values on one of these days: what GROWN answered, None for none."""
    if grown is None:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE tracking_countedproperty SET status = '{Status.GIVEN_UP}', reason = %s
            WHERE status IN ('{Status.FILLING}', '{Status.COUNTED}') AND id IN (
                SELECT property_id FROM tracking_valuecount
                WHERE (property_id, day) IN (
                    SELECT property_id, day FROM jsonb_to_recordset(%s) AS grown (property_id bigint, day date)
                )
                GROUP BY property_id, day HAVING count(*) > %s
            )
            """,
            [TOO_MANY, grown, MOST_VALUES_A_DAY],
        )


def begin_anew(zone: str, *, system_id: int | None = None) -> None:
    """When the sums, of one system or of all, were emptied: the follower will meet every event again."""
    kept_up = CountedProperty.objects.filter(status__in=CountedProperty.KEPT_UP)
    if system_id is not None:
        kept_up = kept_up.filter(system_id=system_id)
    kept_up.update(status=Status.COUNTED, zone=zone, counted_from=None, seen=0, total=0, beat_at=None)
