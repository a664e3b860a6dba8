"""The most frequent values of a property: from the sums of a system that counts it, else from its events."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection
from django.db.models import Q, QuerySet

from tracking.models import CountedProperty
from tracking.queries.shop_clock import start_of
from tracking.rules.privacy import ABOUT_PEOPLE, shown_value

NEWEST, NEWEST_LOOKED_AT = 10_000, 200


@dataclass(frozen=True)
class ValueEvents:
    """How many events had this value, as text."""

    value: str
    events: int


@dataclass(frozen=True)
class TopValues:
    """The most frequent values. `events` had the property at all, with so many `different` values."""

    rows: list[ValueEvents]
    events: int = 0
    different: int = 0


def top_values(
    system_ids: Sequence[int], *, name: str, path: str, since: datetime, until: datetime, may_see: bool, limit: int = 20
) -> TopValues:
    """Of the events of one name. `path` leads to the property, outermost name first, with dots between.

    Exact either way: sums of days answer for whole days only, and a day that is still being counted asks its events.
    For a reader who may not see people, values are shown as rules.privacy has it, and events about people are left out:
    sums do not tell them apart, so it is asked of the events.
    """
    asked: dict[str, Any] = {
        "systems": list(system_ids), "name": name, "path": path, "since": since, "until": until, "limit": limit,
        "hidden": [] if may_see else list(ABOUT_PEOPLE),
    }  # fmt: skip
    days = _whole_days(since, until) if may_see else None
    ready = _ready(asked, days)
    found = _top(asked, days, ready)
    if ready != _ready(asked, days):
        found = _top(asked, days, [])  # Counting ended or began anew meanwhile, so the sums may have been in parts.
    return found if may_see else replace(found, rows=[ValueEvents(shown_value(r.value), r.events) for r in found.rows])


def _ready(asked: dict[str, Any], days: tuple[date, date] | None) -> list[tuple[int, ...]]:
    """The properties whose sums hold these days whole, with their systems and how far they are."""
    if days is None:
        return []
    fitting = Q(status=CountedProperty.Status.COUNTED) | Q(
        status=CountedProperty.Status.FILLING, counted_from__lte=days[0]
    )
    rows = CountedProperty.objects.filter(
        fitting, system_id__in=asked["systems"], event_name=asked["name"], path=asked["path"], zone=settings.TIME_ZONE
    )
    return list(rows.values_list("pk", "system_id", "seen").order_by("pk"))


def _top(asked: dict[str, Any], days: tuple[date, date] | None, ready: list[tuple[int, ...]]) -> TopValues:
    properties, counted = [row[0] for row in ready], {row[1] for row in ready}
    others = [system for system in asked["systems"] if system not in counted]
    parts = [part for part, is_needed in ((_SUMS, properties), (_EVENTS, others or not properties)) if is_needed]
    first, end = days or (None, None)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT value, sum(events)::bigint, sum(sum(events)) OVER ()::bigint, count(*) OVER ()
            FROM ({" UNION ALL ".join(parts)}) found GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT %(limit)s
            """,
            asked | {"properties": properties, "others": others, "first": first, "end": end},
        )
        found = cursor.fetchall()
    rows = [ValueEvents(value, events) for value, events, _, _ in found]
    return TopValues(rows, *found[0][2:]) if found else TopValues(rows)


_SUMS = """
    SELECT value, events FROM tracking_valuecount
    WHERE property_id = ANY(%(properties)s) AND day >= %(first)s AND day < %(end)s
"""
_EVENTS = """
    SELECT properties #>> string_to_array(%(path)s, '.') AS value, count(*) AS events FROM tracking_trackedevent
    WHERE system_id = ANY(%(others)s) AND name = %(name)s AND kind <> ALL(%(hidden)s)
      AND occurred_at >= %(since)s AND occurred_at < %(until)s
      AND properties #>> string_to_array(%(path)s, '.') IS NOT NULL
    GROUP BY 1
"""


def _whole_days(since: datetime, until: datetime) -> tuple[date, date] | None:
    """The first day and the one after the last, where both moments are midnights of the shop's zone."""
    zone = ZoneInfo(settings.TIME_ZONE)
    first, end = since.astimezone(zone).date(), until.astimezone(zone).date()
    return (first, end) if since == start_of(first, zone.key) and until == start_of(end, zone.key) else None


def counted_in(system_ids: Sequence[int]) -> QuerySet[CountedProperty]:
    """What is counted as events arrive, or was given up and nobody took note of it yet; the newest first."""
    rows = CountedProperty.objects.filter(system_id__in=system_ids).exclude(status=CountedProperty.Status.STOPPED)
    return rows.select_related("system__partner", "declared_by")


def properties_of(system_ids: Sequence[int], *, name: str) -> list[str]:
    """Which properties the newest events of a name have."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT DISTINCT property FROM unnest(%s::bigint[]) system, LATERAL (
                SELECT properties FROM tracking_trackedevent
                WHERE system_id = system AND name = %s AND jsonb_typeof(properties) = 'object'
                ORDER BY occurred_at DESC LIMIT %s
            ) newest, jsonb_object_keys(properties) property
            ORDER BY 1 LIMIT %s
            """,
            [list(system_ids), name, NEWEST_LOOKED_AT, NEWEST_LOOKED_AT],
        )
        return [name for (name,) in cursor.fetchall()]


@dataclass(frozen=True)
class Sample:
    """Of the newest events of one name: how many have the property, with how many values, the longest of which."""

    events: int
    different: int
    longest: int


def sample_of(system_id: int, *, name: str, path: str) -> Sample:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(value), count(DISTINCT value), coalesce(max(length(value)), 0) FROM (
                SELECT properties #>> string_to_array(%s, '.') AS value FROM tracking_trackedevent
                WHERE system_id = %s AND name = %s ORDER BY occurred_at DESC LIMIT %s
            ) newest
            """,
            [path, system_id, name, NEWEST],
        )
        return Sample(*cursor.fetchone())


def events_before(counted: CountedProperty) -> int:
    """How many events of its past are not counted yet."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) {_BEFORE}", _before(counted))
        return int(cursor.fetchone()[0])


def next_days(counted: CountedProperty, *, about: int) -> date | None:
    """The first of the days to count next, going back, so that they hold about so many events; None for all there is.

    At least one day, however many events it has.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT occurred_at {_BEFORE} ORDER BY occurred_at DESC OFFSET %(about)s LIMIT 1",
            _before(counted) | {"about": about},
        )
        found = cursor.fetchone()
        if found is None:
            return None
        beyond = found[0].astimezone(ZoneInfo(counted.zone)).date()
    after = beyond + timedelta(days=1)
    return beyond if counted.counted_from and after >= counted.counted_from else after


_BEFORE = """
    FROM tracking_trackedevent WHERE system_id = %(system)s AND name = %(name)s
    AND (occurred_at < %(until)s OR %(until)s IS NULL)
"""


def _before(counted: CountedProperty) -> dict[str, Any]:
    return {"system": counted.system_id, "name": counted.event_name, "until": counted_since(counted)}


def counted_since(counted: CountedProperty) -> datetime | None:
    """The beginning of the days that are counted while the past is; None when none is."""
    return start_of(counted.counted_from, counted.zone) if counted.counted_from else None
