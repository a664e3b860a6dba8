"""How many people get from one step to the next, and who does not.

Somebody has reached step k when there are events of steps 1 to k of theirs, one after the other, the last no later
than `window` after the first. Any first event may be the beginning, so for each event of a step only the latest
beginning matters that still leads to it: one pass of a window function for each step, exact, no guess about which
first event to take. Two events of the very same moment do not follow each other. Who goes by the same name at another
partner is somebody else.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Literal

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from tracking.models import PartnerSystem, SavedFunnel
from tracking.queries.shop_clock import start_of
from tracking.queries.tracked import PropertyIs
from tracking.rules.funnels import UNITS, Definition
from tracking.rules.privacy import ABOUT_PEOPLE, shown_value

Order = Literal["ordered", "strict"]
MOST_GROUPS = 50
USUAL_DAYS = 30


@dataclass(frozen=True)
class Step:
    """Any of these names counts as the step, where its properties fit."""

    names: tuple[str, ...]
    properties: tuple[PropertyIs, ...] = ()


@dataclass(frozen=True)
class Funnel:
    """`strict` allows no other event of the person between two steps. `breakdown` is a property of the first step."""

    system_ids: tuple[int, ...]
    steps: tuple[Step, ...]
    since: datetime
    until: datetime
    window: timedelta = timedelta(days=7)
    order: Order = "ordered"
    breakdown: tuple[str, ...] = ()
    people: tuple[str, ...] | None = None  # Only these, or everybody.
    may_see: bool = True  # Whether properties of events about people may be asked (see rules.privacy).

    @classmethod
    def of(cls, definition: Definition, system_ids: Sequence[int], *, now: datetime, may_see: bool = True) -> "Funnel":
        """The question a definition (see rules.funnels) asks at this moment. It must be free of faults."""
        since, until = _span(definition, now)
        return cls(
            system_ids=tuple(system_ids),
            steps=tuple(
                Step(
                    tuple(step["names"]),
                    tuple(
                        PropertyIs(tuple(each["path"]), tuple(each.get("values", ())))
                        for each in step.get("properties", ())
                    ),
                )
                for step in definition["steps"]
            ),
            since=since,
            until=until,
            window=definition.get("window", 7) * UNITS[definition.get("unit", "days")],
            order=definition.get("order", "ordered"),
            breakdown=tuple(definition.get("breakdown", ())),
            may_see=may_see,
        )


def _span(definition: Definition, now: datetime) -> tuple[datetime, datetime]:
    """Whole days of the shop's time zone, today's included."""
    if "since" in definition:
        first, last = date.fromisoformat(definition["since"]), date.fromisoformat(definition["until"])
    else:
        last = timezone.localdate(now)
        first = last - timedelta(days=definition.get("days", USUAL_DAYS) - 1)
    return start_of(first), start_of(last + timedelta(days=1))


@dataclass(frozen=True)
class Reached:
    """`people[k]` reached step k + 1. `group` is the value of the breakdown, or empty."""

    group: str
    people: list[int]


@dataclass
class _Parameters:
    """Values of a statement that is put together piece by piece."""

    values: dict[str, Any] = field(default_factory=dict)

    def add(self, value: Any) -> str:
        name = f"p{len(self.values)}"
        self.values[name] = value
        return f"%({name})s"

    def in_order(self, statement: str) -> tuple[str, list[Any]]:
        """The same statement with nameless parameters, as Django puts statements together."""
        places = re.findall(r"%\((p\d+)\)s", statement)
        return re.sub(r"%\(p\d+\)s", "%s", statement), [self.values[name] for name in places]


def funnel(asked: Funnel) -> list[Reached]:
    """One row, or with a breakdown one for each value, the largest first."""
    parameters = _Parameters()
    levels = _levels(asked, parameters)
    count = len(asked.steps)
    reached = ", ".join(f"count(*) FILTER (WHERE level >= {step + 1})" for step in range(count))
    if asked.breakdown:
        group = f"coalesce(first.properties #>> {parameters.add(list(asked.breakdown))}::text[], '')"
        if not asked.may_see:
            group = f"CASE WHEN {_is_not_about_people('first', parameters)} THEN {group} ELSE '' END"
        best = f"""
            SELECT DISTINCT ON (furthest.person, furthest.partner_id) level, {group} AS grouped
            FROM furthest JOIN tracking_trackedevent first
                ON first.partner_id = furthest.partner_id AND first.person = furthest.person
                AND first.occurred_at = furthest.start
                AND first.system_id = ANY({parameters.add(list(asked.system_ids))})
                AND ({_fits(asked, asked.steps[0], parameters, "first")})
            ORDER BY furthest.person, furthest.partner_id, level DESC, furthest.start
        """
    else:
        best = "SELECT max(level) AS level, '' AS grouped FROM furthest GROUP BY person, partner_id"
    statement = f"""
        {levels}
        SELECT grouped, {reached} FROM ({best}) best GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {MOST_GROUPS}
    """
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters.values)
        rows = cursor.fetchall()
    found = [Reached(shown_value(group, may_see=asked.may_see), list(people)) for group, *people in rows]
    return found or [Reached("", [0] * count)]


def dropped_off(asked: Funnel, *, after_step: int, after: str = "", limit: int | None = None) -> list[str]:
    """Those who reached this step (counted from 1) and not the next one, by name; after the name `after`.

    A name that is somebody else's at another partner is there once.
    """
    parameters = _Parameters()
    statement = f"""
        {_dropped(asked, after_step, parameters)} WHERE person > {parameters.add(after)}
        ORDER BY 1 LIMIT {parameters.add(limit)}
    """
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters.values)
        return [person for (person,) in cursor.fetchall()]


def dropped_off_sql(asked: Funnel, *, after_step: int) -> tuple[str, list[Any]]:
    """The same as a query that others may build on: one column, the person."""
    parameters = _Parameters()
    return parameters.in_order(_dropped(asked, after_step, parameters))


def _dropped(asked: Funnel, after_step: int, parameters: _Parameters) -> str:
    return f"""
        {_levels(asked, parameters)}
        SELECT DISTINCT person FROM (
            SELECT person FROM furthest GROUP BY person, partner_id HAVING max(level) = {parameters.add(after_step)}
        ) lost
    """


def saved_funnels() -> QuerySet[SavedFunnel]:
    """Those in use, by name."""
    return SavedFunnel.objects.filter(archived_at=None).select_related("created_by")


def asked_by(saved: SavedFunnel, *, now: datetime) -> Funnel:
    """Of every system it names, or of all there are."""
    systems = PartnerSystem.objects.all()
    if named := saved.definition.get("systems"):
        systems = systems.filter(public_id__in=named)
    return Funnel.of(saved.definition, list(systems.values_list("pk", flat=True)), now=now)


_BEGINNINGS = "level_1 AS (SELECT person, partner_id, at, at AS start, place FROM events WHERE is_1)"


def _levels(asked: Funnel, parameters: _Parameters) -> str:
    """CTEs that end in `furthest (person, partner_id, level, start)`: each level reached, with the latest beginning.

    The name comes first, for sorting by it is quickest there.
    """
    steps = [_step if asked.order == "ordered" else _strict_step for _ in asked.steps[1:]]
    parts = [_events(asked, parameters), _BEGINNINGS]
    window = parameters.add(asked.window)
    parts += [make(number, window) for number, make in enumerate(steps, start=2)]
    union = " UNION ALL ".join(
        f"SELECT person, partner_id, {number} AS level, max(start) AS start FROM level_{number} GROUP BY 1, 2"
        for number in range(1, len(asked.steps) + 1)
    )
    return f"WITH {', '.join(parts)}, furthest AS ({union})"


def _events(asked: Funnel, parameters: _Parameters) -> str:
    """The events that count, with a flag for each step they may be, and for strict order their place among all."""
    flags = ", ".join(
        f"({_fits(asked, step, parameters, 'event')}) AS is_{number}"
        for number, step in enumerate(asked.steps, start=1)
    )
    is_strict = asked.order == "strict"
    counted = "row_number() OVER (PARTITION BY person, partner_id ORDER BY occurred_at, id)"
    place = counted if is_strict else "NULL::bigint"
    names = sorted({name for step in asked.steps for name in step.names})
    only = "" if is_strict else f"AND name = ANY({parameters.add(names)})"
    whose = "" if asked.people is None else f"AND person = ANY({parameters.add(list(asked.people))})"
    return f"""
        events AS MATERIALIZED (
            SELECT person, partner_id, occurred_at AS at, {place} AS place, {flags} FROM tracking_trackedevent event
            WHERE system_id = ANY({parameters.add(list(asked.system_ids))}) {only}
              AND occurred_at >= {parameters.add(asked.since)} AND occurred_at < {parameters.add(asked.until)}
              AND person <> '' AND is_valid {whose}
        )
    """


def _fits(asked: Funnel, step: Step, parameters: _Parameters, table: str) -> str:
    conditions = [f"{table}.name = ANY({parameters.add(list(step.names))})"]
    if step.properties and not asked.may_see:
        conditions.append(_is_not_about_people(table, parameters))
    for wanted in step.properties:
        value = f"{table}.properties #>> {parameters.add(list(wanted.path))}::text[]"
        conditions.append(
            f"{value} = ANY({parameters.add(list(wanted.values))})" if wanted.values else f"{value} IS NOT NULL"
        )
    return " AND ".join(conditions)


def _is_not_about_people(table: str, parameters: _Parameters) -> str:
    return f"{table}.kind <> ALL({parameters.add(list(ABOUT_PEOPLE))})"


def _step(number: int, window: str) -> str:
    """For each event of this step, the latest beginning before it that reached the step before."""
    return f"""
        level_{number} AS (
            SELECT person, partner_id, at, start, place FROM (
                SELECT person, partner_id, at, place, is_this, max(start) OVER (
                    PARTITION BY person, partner_id ORDER BY at
                    RANGE BETWEEN UNBOUNDED PRECEDING AND '1 us'::interval PRECEDING
                ) AS start
                FROM (
                    SELECT person, partner_id, at, start, place, false AS is_this FROM level_{number - 1}
                    UNION ALL
                    SELECT person, partner_id, at, NULL, place, true FROM events WHERE is_{number}
                ) both_steps
            ) led
            WHERE is_this AND at - start <= {window}
        )
    """


def _strict_step(number: int, window: str) -> str:
    """The very next event of the person is this step."""
    return f"""
        level_{number} AS (
            SELECT event.person, event.partner_id, event.at, before.start, event.place
            FROM level_{number - 1} before
            JOIN events event ON event.partner_id = before.partner_id AND event.person = before.person
                AND event.place = before.place + 1
            WHERE event.is_{number} AND event.at - before.start <= {window}
        )
    """
