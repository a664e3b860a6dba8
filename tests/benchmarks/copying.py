"""Many rows at once, as a fixture of a measurement."""

import polars as pl
from django.db import connection


def copy(frame: pl.DataFrame, table: str) -> None:
    """Every row of `frame` by COPY, its columns by their names. Times without a zone are UTC."""
    zoned = [pl.col(name).dt.replace_time_zone("UTC") for name, kind in frame.schema.items() if kind == pl.Datetime]
    names = ", ".join(f'"{name}"' for name in frame.columns)
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({names}) FROM STDIN (FORMAT csv)") as rows:
        for part in frame.with_columns(zoned).iter_slices(500_000):
            rows.write(part.write_csv(include_header=False))
