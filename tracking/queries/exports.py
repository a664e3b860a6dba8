"""Events as a table to take away, read page by page so that no file is too long for memory."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import orjson
import pyarrow as pa

from tracking.models import TrackedEvent
from tracking.queries.tracked import Place, Wanted, tracked
from tracking.rules.privacy import shown, shown_faults, shown_properties

CHUNK = 5_000
ROW_GROUP = 20_000
_TIME = pa.timestamp("us", tz="UTC")
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("occurred_at", _TIME),
        ("received_at", _TIME),
        ("partner", pa.string()),
        ("system", pa.string()),
        ("kind", pa.string()),
        ("name", pa.string()),
        ("message_id", pa.string()),
        ("person", pa.string()),
        ("user_id", pa.string()),
        ("anonymous_id", pa.string()),
        ("is_valid", pa.bool_()),
        ("errors", pa.string()),
        ("properties", pa.string()),
    ]
)
COLUMNS = tuple(SCHEMA.names)


def exported(wanted: Wanted, *, may_see: bool) -> Iterator[tuple[Any, ...]]:
    """Every event that fits, newest first, as a reader sees it who `may_see` who people are."""
    place: Place | None = None
    while events := list(tracked(wanted, before=place)[:CHUNK]):
        for event in events:
            yield _row(event, may_see)
        place = Place.of(events[-1])


def as_csv(rows: Iterator[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    for identifier, occurred_at, received_at, *rest in rows:
        yield identifier, occurred_at.isoformat(), received_at.isoformat(), *rest


def batches(rows: Iterator[tuple[Any, ...]]) -> Iterator[pa.RecordBatch]:
    """As many rows at a time as one row group of a Parquet file holds."""
    while group := list(islice(rows, ROW_GROUP)):
        columns = zip(*group, strict=True)
        yield pa.record_batch(
            [pa.array(column, kind) for column, kind in zip(columns, SCHEMA.types, strict=True)], schema=SCHEMA
        )


def _row(event: TrackedEvent, may_see: bool) -> tuple[Any, ...]:
    return (
        str(event.pk),
        event.occurred_at,
        event.received_at,
        event.partner_name,
        event.system_name,
        event.kind,
        event.name,
        event.message_id,
        shown(event.person, may_see=may_see),
        shown(event.user_id, may_see=may_see),
        shown(event.anonymous_id, may_see=may_see),
        event.is_valid,
        orjson.dumps(shown_faults(event.kind, event.errors, may_see=may_see)).decode(),
        orjson.dumps(shown_properties(event.kind, event.properties, may_see=may_see)).decode(),
    )
