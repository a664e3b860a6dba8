"""Score 1,000,000 members over 10,000,000 orders, night after night, against polars on the raw orders.

Ours: `rescore(now=...)` as the product runs it, from the statistics that are kept as orders arrive, the changed scores
written and committed. Before each run (not timed) a day passes: some 14,000 new orders reach the statistics.
Limit: polars reads the raw orders from parquet, groups them by member and gives each member three quintiles, by the
same cut points. Nothing is written. A second case also writes polars' answer into PostgreSQL, by COPY.
Both answers are compared after every run, member by member. The first scoring, which writes everybody, is shown too.
"""

import datetime as dt
import tempfile
from pathlib import Path

import polars as pl
from django.db import connection
from django.utils import timezone

from loyalty.actions.scores import rescore
from loyalty.models import Score
from loyalty.rules.scores import GROUPS_IN_ORDER
from tests.benchmarks.copying import copy
from tests.benchmarks.result import Result, compared, seconds

MEMBERS, ORDERS, RUNS = 1_000_000, 10_000_000, 7
FIRST_NIGHT = dt.datetime(2026, 11, 20, 8, 10, tzinfo=dt.UTC)
SPREAD_DAYS, USUAL_DAYS = 730, 120
A_DAY = ORDERS // SPREAD_DAYS
ZONE = str(timezone.get_default_timezone())


def measure() -> Result:
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder)
        _orders(ORDERS, seed=1, before=FIRST_NIGHT, within_days=SPREAD_DAYS).write_parquet(files / "orders-0.parquet")
        _fill_database(files / "orders-0.parquet")
        first = seconds(lambda: rescore(now=FIRST_NIGHT))
        _compare(_quintiles(files, FIRST_NIGHT))
        times: dict[str, list[float]] = {"rescore": [], "polars": [], "polars, written back": []}
        written = []
        for night in range(1, RUNS + 1):
            now = FIRST_NIGHT + dt.timedelta(days=night)
            _let_a_day_pass(files / f"orders-{night}.parquet", seed=10 * night, now=now)
            times["rescore"].append(seconds(lambda: written.append(rescore(now=now).written)))  # noqa: B023
            times["polars"].append(seconds(lambda: _quintiles(files, now)))  # noqa: B023
            times["polars, written back"].append(seconds(lambda: _write_back(_quintiles(files, now))))  # noqa: B023
            _compare(_quintiles(files, now))
    print(f"\nThe first scoring, which writes all {Score.objects.count():,} members: {first:.2f} s")
    return compared(
        "rescore",
        ours="rescore",
        limit="polars",
        times=times,
        members=MEMBERS,
        orders=ORDERS,
        scores_written=written,
        first_scoring=round(first, 2),
    )


# --- The data -----------------------------------------------------------------------------------------------------


def _orders(count: int, *, seed: int, before: dt.datetime, within_days: int) -> pl.DataFrame:
    """The same for the same seed. Some members buy far more than others; recent days are busier than old ones."""

    def chance(salt: int) -> pl.Expr:
        return (pl.int_range(count).hash(seed + salt) // 2048 + 1).cast(pl.Float64) / float(2**53 + 1)

    ago = (-chance(1).log() * USUAL_DAYS * 86_400) % (within_days * 86_400)
    return pl.select(
        member_id=1 + (chance(2) ** 1.5 * MEMBERS).cast(pl.Int64).clip(upper_bound=MEMBERS - 1),
        ordered_at=pl.lit(before.replace(tzinfo=None)) - pl.duration(seconds=ago.cast(pl.Int64) + 1),
        cents=(-2_000 * (chance(3) * chance(4)).log()).round().cast(pl.Int64),
    )


def _fill_database(orders: Path) -> None:
    """Members, and the statistics that the product would have kept while these orders arrived."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO loyalty_member (id, public_id, name, joined_at) "
            "SELECT id, gen_random_uuid(), 'Member ' || id, %s FROM generate_series(1, %s) id",
            [FIRST_NIGHT - dt.timedelta(days=SPREAD_DAYS), MEMBERS],
        )
    copy(_sums(pl.scan_parquet(orders)), "loyalty_memberstats")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE loyalty_member")
        cursor.execute("VACUUM ANALYZE loyalty_memberstats")


def _let_a_day_pass(file: Path, *, seed: int, now: dt.datetime) -> None:
    orders = _orders(A_DAY, seed=seed, before=now, within_days=1)
    orders.write_parquet(file)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE IF NOT EXISTS today (LIKE loyalty_memberstats INCLUDING DEFAULTS)")
        cursor.execute("TRUNCATE today")
        copy(_sums(orders.lazy()), "today")
        cursor.execute("""
            INSERT INTO loyalty_memberstats AS known SELECT * FROM today
            ON CONFLICT (member_id) DO UPDATE SET
                orders = known.orders + excluded.orders, spent = known.spent + excluded.spent,
                night_orders = known.night_orders + excluded.night_orders, last_ordered_at = excluded.last_ordered_at
        """)


def _sums(orders: pl.LazyFrame) -> pl.DataFrame:
    hour = pl.col("ordered_at").dt.replace_time_zone("UTC").dt.convert_time_zone(ZONE).dt.hour()
    return (
        orders.group_by("member_id")
        .agg(
            orders=pl.len(),
            night_orders=(~hour.is_between(5, 20)).sum(),
            spent=pl.col("cents").sum() / 100,
            first_ordered_at=pl.col("ordered_at").min(),
            last_ordered_at=pl.col("ordered_at").max(),
            primary_category=pl.lit("Wine"),
        )
        .sort("member_id")
        .collect()
    )


# --- The limit ----------------------------------------------------------------------------------------------------


def _quintiles(files: Path, now: dt.datetime) -> pl.DataFrame:
    """Recency, frequency and monetary quintile of everybody, from the raw orders, ties in one bucket as in rescore."""
    sums = (
        pl.scan_parquet(files / "*.parquet")
        .group_by("member_id")
        .agg(last=pl.col("ordered_at").max(), orders=pl.len(), cents=pl.col("cents").sum())
        .with_columns(day=pl.col("last").dt.replace_time_zone("UTC").dt.convert_time_zone(ZONE).dt.date().to_physical())
        .collect()
    )
    return sums.select(
        "member_id",
        recency=6 - _quintile(sums, -pl.col("day")),
        frequency=_quintile(sums, pl.col("orders").cast(pl.Int64)),
        monetary=_quintile(sums, pl.col("cents")),
    )


def _quintile(sums: pl.DataFrame, value: pl.Expr) -> pl.Expr:
    """1 and one more for each cut below the value. A cut is the smallest value that a fifth more does not exceed."""
    ordered = sums.select(value.sort()).to_series()
    places = [-(-len(ordered) * fifth // 5) - 1 for fifth in (1, 2, 3, 4)]
    cuts = ordered.gather(places).to_list()
    return sum(((value > cut).cast(pl.Int8) for cut in cuts), start=pl.lit(1, dtype=pl.Int8))


def _write_back(quintiles: pl.DataFrame) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS written_back")
        cursor.execute(
            "CREATE TABLE written_back (member_id bigint, recency smallint, frequency smallint, monetary smallint)"
        )
    copy(quintiles, "written_back")


def _compare(expected: pl.DataFrame) -> None:
    columns = ["member_id", "recency", "frequency", "monetary"]
    found = pl.DataFrame(
        list(Score.objects.order_by("member").values_list(*columns, "group")), orient="row", schema=[*columns, "group"]
    )
    assert found.select(pl.col(columns).cast(pl.Int64)).equals(
        expected.select(pl.col(columns).cast(pl.Int64)).sort("member_id")
    )
    place = 5 * (pl.col("recency") - 1) + (pl.col("frequency") + pl.col("monetary") + 1) // 2 - 1
    groups = found.select(place.replace_strict(dict(enumerate(GROUPS_IN_ORDER)), return_dtype=pl.String)).to_series()
    assert groups.equals(found["group"], check_names=False)
