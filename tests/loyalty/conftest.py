"""A shop for the tests of loyalty: files of purchases, imported like any other."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest

from loyalty.actions import imports
from loyalty.actions.imports import Report
from tests.loyalty.counter import Counted

HEADER = "order_id,ordered_at,sku,product_name,category,quantity,amount,customer_id,store"


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """A file of purchases with the usual header, or with any bytes."""

    def to_file(*lines: str, header: str = HEADER, name: str = "purchases.csv", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_bytes(("\n".join([header, *lines]) + "\n").encode(encoding))
        return path

    return to_file


@pytest.fixture
def bring_in(db: None, now: dt.datetime) -> Callable[..., Report]:
    """Import a file as it is guessed."""

    def run(path: Path, **options: object) -> Report:
        reading = imports.Reading.guessed(imports.examine(path), time_zone="America/New_York")
        return imports.import_file(path, reading, now=now, **options)  # type: ignore[arg-type]

    return run


@pytest.fixture
def counter(db: None, now: dt.datetime) -> Counted:
    """Members with points, and rewards for them."""
    return Counted(now)
