"""Fit and forecast 1,000,000 members, against a bare COPY of the same forecasts.

Ours: what a run does, phase by phase: read the statistics and the past of those that are fitted on, fit twice, forecast
everybody, write all forecasts into an empty table with its constraints, commit. Then a usual night, a day later, which
writes only what moved. Beside the seconds stand those of the processor, ours and the database's, which others who are
busy on the machine do not lengthen. What goes together, and the discounts and weekdays, are found after the forecasts
are there, and are timed apart.
Limit: the same rows, worked out already, by one COPY into a table without any constraint.
The members buy as BG/NBD says they do, over two years: the fit has to find the parameters they were made with.
"""

import datetime as dt
import os
import time
from pathlib import Path

import numpy as np
import polars as pl
from django.db import connection, transaction
from django.utils import timezone

from loyalty.actions.forecasting import fitting, foretelling, habits, reading
from loyalty.actions.forecasting.fitting import Model
from loyalty.models import Forecast, ForecastVersion
from loyalty.queries import forecasts
from tests.benchmarks.copying import copy
from tests.benchmarks.result import Result, compared, seconds
from tests.buyers import Buyers, buyers

MEMBERS, DAYS, RUNS, PRODUCTS = 1_000_000, 730, 3, 2_000
TRUTH = {"r": 0.9, "alpha": 30.0, "a": 0.8, "b": 6.0}
NIGHT = dt.datetime(2026, 11, 20, 8, 25, tzinfo=dt.UTC)
FIRST = timezone.localdate(NIGHT) - dt.timedelta(days=DAYS - 1)


def measure() -> Result:
    orders = _fill(buyers(MEMBERS, days=DAYS, **TRUTH))
    times: dict[str, list[float]] = {name: [] for name in ("forecast", "read", "fit", "foretell", "write", "bare COPY")}
    version, processor = None, []
    for _ in range(RUNS):
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE loyalty_forecast")
        before = _processor_seconds()
        version = _one_run(times, NIGHT, is_first=True)
        processor.append(round(_processor_seconds() - before, 2))
        times["bare COPY"].append(_copied_bare())
    assert version
    _check(version)
    later = NIGHT + dt.timedelta(days=1)
    night: dict[str, list[float]] = {name: [] for name in times}
    _one_run(night, later, is_first=False)
    apart = seconds(lambda: habits.learn(timezone.localdate(NIGHT)))
    print(f"\nA usual night, a day later: {night['forecast'][0]:.1f} s, {_WRITTEN[-1]:,} forecasts written")
    print(f"What goes together, discounts and weekdays of {orders:,} lines: {apart:.1f} s")
    return compared(
        "forecast",
        ours="forecast",
        limit="bare COPY",
        times=times,
        members=MEMBERS,
        orders=orders,
        fitted_on=version.fitted_on,
        processor_seconds=processor,
        usual_night=round(night["forecast"][0], 2),
        usual_night_written=_WRITTEN[-1],
        habits=round(apart, 2),
    )


_WRITTEN: list[int] = []


def _one_run(times: dict[str, list[float]], now: dt.datetime, *, is_first: bool) -> ForecastVersion:
    known, found = forecasts.extent(now=now), {}

    def read() -> None:
        found["sample"] = (reading.fitted(known), *reading.sample(known))

    def fit() -> None:
        found["version"] = fitting.fit(known, *found["sample"], in_use=None, now=now)

    def foretell() -> None:
        foretelling.foretell(Model.of(found["version"]), known, watch=lambda done: None)

    def write() -> None:
        with transaction.atomic():
            _WRITTEN.append(foretelling.write_moved(is_exact=is_first))

    phases = {"read": read, "fit": fit, "foretell": foretell, "write": write}
    taken = {name: seconds(phase) for name, phase in phases.items()}
    for name, spent in (taken | {"forecast": sum(taken.values())}).items():
        times[name].append(spent)
    assert Forecast.objects.count() == MEMBERS
    return found["version"]


def _processor_seconds() -> float:
    """Of this process and of the one that serves it in the database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        used = Path(f"/proc/{cursor.fetchone()[0]}/stat").read_text().rpartition(")")[2].split()
    return time.process_time() + (int(used[11]) + int(used[12])) / os.sysconf("SC_CLK_TCK")


def _check(version: ForecastVersion) -> None:
    found = version.parameters
    rate, true_rate = found["r"] / found["alpha"], TRUTH["r"] / TRUTH["alpha"]
    leaving, true_leaving = found["a"] / (found["a"] + found["b"]), TRUTH["a"] / (TRUTH["a"] + TRUTH["b"])
    assert abs(rate / true_rate - 1) < 0.1, found
    assert abs(leaving / true_leaving - 1) < 0.15, found
    print(f"\nFound { ({name: round(value, 3) for name, value in found.items()}) }, made with {TRUTH}")


def _copied_bare() -> float:
    columns = ", ".join(field.column for field in Forecast._meta.concrete_fields)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bare_forecast")
        cursor.execute(f"CREATE TABLE bare_forecast AS SELECT {columns} FROM loyalty_forecast LIMIT 0")
        with cursor.copy(f"COPY (SELECT {columns} FROM loyalty_forecast) TO STDOUT (FORMAT binary)") as copy:
            rows = b"".join(copy)

    def enter() -> None:
        with connection.cursor() as cursor, cursor.copy("COPY bare_forecast FROM STDIN (FORMAT binary)") as copy:
            copy.write(rows)

    return seconds(enter)


# --- The data -----------------------------------------------------------------------------------------------------


def _fill(made: Buyers) -> int:
    """Members, their orders as they came, with one line each, and the statistics the product would have kept."""
    random = np.random.default_rng(11)
    usual = random.gamma(4, 8, MEMBERS)
    order = np.argsort(made.on, kind="stable")
    who, day = made.who[order], made.on[order]
    moment = np.datetime64(FIRST, "ms") + (day * 86_400_000 + 64_800_000).astype("timedelta64[ms]")
    cents = (100 * usual[who] * random.gamma(6, 1 / 6, who.size)).astype(np.int64) + 1
    orders = pl.DataFrame({"member_id": who + 1, "ordered_at": moment, "total": cents / 100})
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")  # What is made here need not be checked row by row.
        cursor.execute(
            "INSERT INTO loyalty_member (id, public_id, name, joined_at) "
            "SELECT id, gen_random_uuid(), 'Member ' || id, %s FROM generate_series(1, %s) id",
            [NIGHT, MEMBERS],
        )
        cursor.execute("INSERT INTO loyalty_store (id, code, name, state, time_zone) VALUES (1, '1', 'One', '', 'UTC')")
        cursor.execute(
            "INSERT INTO loyalty_product (id, sku, name, brand, category, kind, size) "
            "SELECT id, id, 'Product ' || id, '', 'Category ' || id %% 12, '', '' FROM generate_series(1, %s) id",
            [PRODUCTS],
        )
    numbered = orders.with_row_index("number").with_columns(store_id=1, discount=0)
    copy(numbered, "loyalty_order")
    lines = """
        INSERT INTO loyalty_orderline (order_id, product_id, key, quantity, amount, discount)
        SELECT id, 1 + ((member_id %% 40) * 50 + floor(50 * random() ^ 2)::int) %% %s, '1', 1, total,
               CASE WHEN id %% 4 = 0 THEN 1 ELSE 0 END
        FROM loyalty_order
    """
    with connection.cursor() as cursor:
        cursor.execute(lines, [PRODUCTS])
    copy(_sums(orders), "loyalty_memberstats")
    with connection.cursor() as cursor:
        cursor.execute("RESET session_replication_role")
        for table in ("member", "memberstats", "order", "orderline", "product"):
            cursor.execute(f"VACUUM ANALYZE loyalty_{table}")
    return len(orders)


def _sums(orders: pl.DataFrame) -> pl.DataFrame:
    return (
        orders.group_by("member_id")
        .agg(
            orders=pl.len(),
            night_orders=pl.lit(0),
            purchase_days=pl.len(),
            spent=pl.col("total").sum().round(2),
            first_ordered_at=pl.col("ordered_at").min(),
            last_ordered_at=pl.col("ordered_at").max(),
            primary_category=pl.lit("Wine"),
        )
        .sort("member_id")
    )
