"""Ask 5,000,000 events the questions of the pages, against DuckDB on the same events.

Ours: the queries that pages and REST call, fresh, through Django, over the read model with its indexes and sums.
Limit: DuckDB in this process, on a table of its own with plain columns: the property is a column there, and the local
day is worked out while loading. Both are asked in turns; every answer is compared.
"""

import datetime as dt
import io
import statistics as numbers
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
from django.conf import settings
from django.db import connection
from django.utils import timezone

from tests.benchmarks.result import Result, seconds
from tracking.actions import counted, partitions, partners
from tracking.actions.read_model import ACTIVE
from tracking.models import PartnerSystem
from tracking.queries import statistics
from tracking.queries.funnels import Funnel, Step, funnel
from tracking.queries.retention import retention
from tracking.queries.shop_clock import start_of
from tracking.queries.tracked import Wanted, tracked
from tracking.queries.values import top_values

EVENTS, PEOPLE, DAYS, RUNS = 5_000_000, 400_000, 90, 5
NAMES = ("Viewed", "Searched", "Listed", "Added", "Removed", "Started", "Paid", "Signed In", "Shared", "Rated")
STEPS = ("Viewed", "Added", "Paid")
NOW = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)
MONTH = NOW - dt.timedelta(days=30)
SOMEBODY = "person-77"
Question = tuple[Callable[[], Any], Callable[[], Any]]


def measure() -> Result:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "events.parquet"
        events().write_parquet(file)
        built = seconds(lambda: fill(file))
        duck = loaded(file)
    system = PartnerSystem.objects.get()
    counting = seconds(lambda: count(system))
    medians: dict[str, tuple[float, float]] = {}
    for name, (ours, limit) in questions(system.pk, duck).items():
        assert ours() == limit(), name
        times = [(seconds(ours), seconds(limit)) for _ in range(RUNS)]
        medians[name] = (numbers.median(one for one, _ in times), numbers.median(two for _, two in times))
    return told(medians, built, counting)


def told(medians: dict[str, tuple[float, float]], built: float, counting: float) -> Result:
    width = max(map(len, medians))
    print(f"\n{EVENTS:,} events, built in {built:.0f} s; the past of one property counted in {counting:.0f} s")
    print(f"{'':{width}}       ours    DuckDB  ratio")
    for name, (ours, limit) in medians.items():
        print(f"{name:{width}}  {1000 * ours:6.1f} ms {1000 * limit:6.1f} ms  {ours / limit:5.2f}")
    sums = [sum(pair[side] for pair in medians.values()) for side in (0, 1)]
    return Result(
        name="analytics",
        value=round(sums[0], 4),
        unit="s",
        limit=round(sums[1], 4),
        ratio=round(sums[0] / sums[1], 2),
        runs=RUNS,
        detail={
            "events": EVENTS,
            "counting_s": round(counting, 1),
            "questions": {
                name: {
                    "ours_ms": round(1000 * ours, 2),
                    "duckdb_ms": round(1000 * limit, 2),
                    "ratio": round(ours / limit, 2),
                }
                for name, (ours, limit) in medians.items()
            },
        },
    )


# --- The data -----------------------------------------------------------------------------------------------------


def events() -> pl.DataFrame:
    """The same each time. Some people do far more than others, and some names are far more frequent."""

    def chance(salt: int) -> pl.Expr:
        return (pl.int_range(EVENTS).hash(salt) // 2048).cast(pl.Float64) / float(2**53)

    number = (chance(1) ** 2 * len(NAMES)).cast(pl.Int64)
    ago = (chance(2) * DAYS * 86_400_000_000).cast(pl.Int64) + 1
    return pl.select(
        number=pl.int_range(EVENTS),
        occurred_at=pl.lit(NOW.replace(tzinfo=None)) - pl.duration(microseconds=ago),
        name=number.replace_strict(dict(enumerate(NAMES)), return_dtype=pl.String),
        person=pl.format("person-{}", (chance(3) ** 1.5 * PEOPLE).cast(pl.Int64)),
        sku=pl.format("sku-{}", (chance(4) ** 3 * 2_000).cast(pl.Int64)),
    )


def fill(file: Path) -> None:
    """The read model as the follower would have left it, by sets."""
    partner = partners.add_partner(name="Benchmark")
    system = partners.add_system(partner=partner, name="Website", kind=PartnerSystem.Kind.WEBSITE)
    months = {(NOW - dt.timedelta(days=day)).date().replace(day=1) for day in range(DAYS + 1)}
    partitions.make_months("tracking_trackedevent", months)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE UNLOGGED TABLE raw (number bigint, occurred_at timestamptz, name text, person text, sku text)"
        )
        for part in pl.read_parquet(file).iter_slices(500_000):
            text = io.BytesIO()
            part.with_columns(pl.col("occurred_at").dt.replace_time_zone("UTC")).write_csv(text, include_header=False)
            with cursor.copy("COPY raw FROM STDIN (FORMAT csv)") as copy:
                copy.write(text.getvalue())
        cursor.execute(
            """
            INSERT INTO tracking_trackedevent (id, occurred_at, received_at, partner_id, system_id, partner_name,
                system_name, kind, name, message_id, person, user_id, anonymous_id, properties, is_valid, errors)
            SELECT lpad(to_hex(number), 32, '0')::uuid, occurred_at, occurred_at, %s, %s, 'Benchmark', 'Website',
                'track', name, number::text, person, person, '', jsonb_build_object('sku', sku), true, '[]'
            FROM raw ORDER BY occurred_at
            """,
            [partner.pk, system.pk],
        )
        cursor.execute(
            """
            INSERT INTO tracking_hourcount (system_id, hour, name, valid, invalid, duplicates)
            SELECT system_id, date_trunc('hour', occurred_at, %s), name, count(*), 0, 0
            FROM tracking_trackedevent GROUP BY 1, 2, 3
            """,
            [settings.TIME_ZONE],
        )
        cursor.execute(
            f"""
            WITH days AS (
                SELECT DISTINCT system_id, person, (occurred_at AT TIME ZONE %s)::date AS day FROM tracking_trackedevent
            )
            {ACTIVE}
            """,
            [settings.TIME_ZONE],
        )
        cursor.execute("DROP TABLE raw")
        for table in ("tracking_trackedevent", "tracking_hourcount", "tracking_personactivity"):
            cursor.execute(f"VACUUM ANALYZE {table}")


def count(system: PartnerSystem) -> None:
    """As somebody would who asks for a property every day."""
    row = counted.declare(system=system, event_name="Viewed", path="sku", by=None, now=NOW)
    counted.work(clock=timezone.now)
    row.refresh_from_db()
    assert row.status == row.Status.COUNTED, row.reason
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE tracking_valuecount")


def loaded(file: Path) -> duckdb.DuckDBPyConnection:
    """Everything DuckDB needs in its own format, with the local day worked out already."""
    zone = str(timezone.get_default_timezone())
    local = pl.col("occurred_at").dt.replace_time_zone("UTC").dt.convert_time_zone(zone).dt.date()
    frame = pl.read_parquet(file).with_columns(day=local)
    frame.write_parquet(file)
    duck = duckdb.connect()
    duck.execute("SET threads = 2")
    duck.execute("CREATE TABLE events AS SELECT * FROM read_parquet(?) ORDER BY occurred_at", [str(file)])
    return duck


# --- The questions ------------------------------------------------------------------------------------------------


def questions(system: int, duck: duckdb.DuckDBPyConnection) -> dict[str, Question]:
    def ask(statement: str, *values: Any) -> list[tuple[Any, ...]]:
        return duck.execute(statement, list(values)).fetchall()

    def since(moment: dt.datetime) -> dt.datetime:
        return moment.replace(tzinfo=None)

    month, until, day_ago = since(MONTH), since(NOW), since(NOW - dt.timedelta(days=1))
    first_day = (NOW - dt.timedelta(days=DAYS)).date()

    def days_and_names() -> tuple[dict[str, int], list[int]]:
        found = statistics([system], since=MONTH, until=NOW, interval="day", is_fresh=True)
        return {each.name: each.valid for each in found.by_name}, [each.valid for each in found.series]

    def duck_days_and_names() -> tuple[dict[str, int], list[int]]:
        counts = "FROM events WHERE occurred_at >= ? AND occurred_at < ? GROUP BY 1 ORDER BY 1"
        names = ask(f"SELECT name, count(*) {counts}", month, until)
        return dict(names), [count for _, count in ask(f"SELECT day, count(*) {counts}", month, until)]

    def last_day() -> dict[str, int]:
        found = statistics([system], since=NOW - dt.timedelta(days=1), until=NOW, interval="hour", is_fresh=True)
        return {each.name: each.valid for each in found.by_name}

    zone = settings.TIME_ZONE
    end_local = NOW.astimezone(timezone.get_default_timezone()).date() + dt.timedelta(days=1)
    first_local = end_local - dt.timedelta(days=30)

    def top(since: dt.datetime, until: dt.datetime) -> list[tuple[str, int]]:
        found = top_values([system], name="Viewed", path="sku", since=since, until=until, may_see=True)
        return [(each.value, each.events) for each in found.rows]

    asked = Funnel((system,), tuple(Step((name,)) for name in STEPS), MONTH, NOW)

    def weeks() -> list[tuple[dt.date, int, list[int]]]:
        found = retention(
            [system], unit="week", first=first_day - dt.timedelta(days=7), last=NOW.date(), units=13, today=NOW.date()
        )
        return [(each.first, each.people, each.returned) for each in found]

    return {
        "counts by name and by day, 30 days": (days_and_names, duck_days_and_names),
        "the last 24 hours by name": (
            last_day,
            lambda: dict(ask(DUCK_DAY, day_ago, until)),
        ),
        "funnel of three steps in order, 30 days": (
            lambda: funnel(asked)[0].people,
            lambda: list(ask(DUCK_FUNNEL, month, until)[0]),
        ),
        "weekly retention, 90 days": (weeks, lambda: _cohorts(ask(DUCK_RETENTION))),
        "top values of a counted property, 30 days": (
            lambda: top(start_of(first_local, zone), start_of(end_local, zone)),
            lambda: ask(DUCK_TOP.format("day"), first_local, end_local),
        ),
        "the same from the events, 30 times 24 hours": (
            lambda: top(MONTH, NOW),
            lambda: ask(DUCK_TOP.format("occurred_at"), month, until),
        ),
        "one person's timeline": (
            lambda: [event.message_id for event in tracked(Wanted((system,), person=SOMEBODY))[:50]],
            lambda: [str(number) for (number,) in ask(DUCK_TIMELINE, SOMEBODY)],
        ),
    }


def _cohorts(rows: list[tuple[Any, ...]]) -> list[tuple[dt.date, int, list[int]]]:
    """Each week that has passed for a cohort, also those in which nobody came."""
    returned: dict[dt.date, dict[int, int]] = {}
    for first, week, people in rows:
        returned.setdefault(first, {})[week] = people
    return [
        (first, weeks[0], [weeks.get(week, 0) for week in range(min(13, (NOW.date() - first).days // 7) + 1)])
        for first, weeks in sorted(returned.items())
    ]


DUCK_DAY = "SELECT name, count(*) FROM events WHERE occurred_at >= ? AND occurred_at < ? GROUP BY 1"
DUCK_TOP = """
    SELECT sku, count(*) FROM events WHERE name = 'Viewed' AND {0} >= ? AND {0} < ?
    GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20
"""
DUCK_TIMELINE = "SELECT number FROM events WHERE person = ? ORDER BY occurred_at DESC, number DESC LIMIT 50"
DUCK_RETENTION = """
    WITH weeks AS (SELECT DISTINCT person, date_trunc('week', day)::date AS week FROM events),
    begun AS (SELECT person, week, min(week) OVER (PARTITION BY person) AS first FROM weeks)
    SELECT first, (week - first) // 7, count(*) FROM begun GROUP BY 1, 2 ORDER BY 1, 2
"""
# The same exact answer: for each event of a step the latest beginning that leads to it within the window.
DUCK_FUNNEL = """
    WITH asked AS (
        SELECT person, occurred_at AS moment, name FROM events
        WHERE occurred_at >= ? AND occurred_at < ? AND name IN ('Viewed', 'Added', 'Paid')
    ),
    one AS (SELECT person, moment, moment AS start FROM asked WHERE name = 'Viewed'),
    two AS (
        SELECT person, moment, start FROM (
            SELECT person, moment, is_this, max(start) OVER (
                PARTITION BY person ORDER BY moment
                RANGE BETWEEN UNBOUNDED PRECEDING AND INTERVAL 1 MICROSECOND PRECEDING
            ) AS start
            FROM (SELECT person, moment, start, false AS is_this FROM one
                  UNION ALL SELECT person, moment, NULL, true FROM asked WHERE name = 'Added')
        ) WHERE is_this AND moment - start <= INTERVAL 7 DAY
    ),
    three AS (
        SELECT person, moment, start FROM (
            SELECT person, moment, is_this, max(start) OVER (
                PARTITION BY person ORDER BY moment
                RANGE BETWEEN UNBOUNDED PRECEDING AND INTERVAL 1 MICROSECOND PRECEDING
            ) AS start
            FROM (SELECT person, moment, start, false AS is_this FROM two
                  UNION ALL SELECT person, moment, NULL, true FROM asked WHERE name = 'Paid')
        ) WHERE is_this AND moment - start <= INTERVAL 7 DAY
    )
    SELECT (SELECT count(DISTINCT person) FROM one), (SELECT count(DISTINCT person) FROM two),
           (SELECT count(DISTINCT person) FROM three)
"""
