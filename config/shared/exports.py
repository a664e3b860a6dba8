"""Tables as CSV and Parquet: streamed, and the CSV safe to open in a spreadsheet."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from django.http import StreamingHttpResponse
from django.utils import timezone

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def csv_response(file_name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> StreamingHttpResponse:
    """`rows` may be endless: nothing is gathered."""
    response = StreamingHttpResponse(csv_lines(columns, rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{file_name}"'
    return response


def csv_lines(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow(columns)
    for row in rows:
        yield writer.writerow([safe_cell(value) for value in row])


def by_shop_clock(*names: str) -> tuple[str, ...]:
    """Heads of columns that hold moments: Due (America/New_York)."""
    return tuple(f"{name} ({timezone.get_current_timezone_name()})" for name in names)


def safe_cell(value: Any) -> Any:
    """As people read it in a spreadsheet: moments by the shop's clock with its distance from UTC, numbers as they are.

    A text that a spreadsheet would run as a formula gets an apostrophe in front.
    """
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime() if value.tzinfo:
            return timezone.localtime(value).isoformat(sep=" ", timespec="seconds")
        case str() if value.startswith(FORMULA_STARTS):
            return f"'{value}"
    return value


def parquet_response(file_name: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> StreamingHttpResponse:
    """Each batch becomes a row group and leaves before the next one is asked for."""
    response = StreamingHttpResponse(_parquet(schema, batches), content_type="application/vnd.apache.parquet")
    response["Content-Disposition"] = f'attachment; filename="{file_name}"'
    return response


def _parquet(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    sink = _Pieces()
    with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch)
            yield sink.take()
    yield sink.take()


class _Pieces:
    """A file that is handed on while it is written."""

    closed = False

    def __init__(self) -> None:
        self._waiting: list[bytes] = []
        self._length = 0

    def write(self, piece: bytes) -> int:
        self._waiting.append(bytes(piece))
        self._length += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._length

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        self.closed = True

    def take(self) -> bytes:
        pieces, self._waiting = self._waiting, []
        return b"".join(pieces)


class _Echo:
    def write(self, line: str) -> str:
        return line
