"""Reading a stranger's file: which encoding, which separator, which columns, and its lines one after another."""

import codecs
import csv
import gzip
import io
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, NamedTuple

from config.shared.errors import DomainError
from loyalty.rules import purchases

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
ENCODINGS = {
    "utf-8-sig": "UTF-8",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
    "cp1252": "Windows-1252",
}
SAMPLE_LINES = 500
LONGEST_LINE = 100_000
MOST_LINES_IN_A_RECORD = 50
CHUNK = 2**20

_NUMBERS = ("amount", "quantity", "discount", "coupon")
_FOREIGN = {
    b"PK\x03\x04": "This is a ZIP or Excel file. Save it as CSV UTF-8 and upload that.",
    b"\xd0\xcf\x11\xe0": "This is an old Excel file. Save it as CSV UTF-8 and upload that.",
    b"%PDF": "This is a PDF. Ask your till for an export as CSV.",
    b"PAR1": "This is a Parquet file. Export it as CSV first.",
}


class UnreadableFile(DomainError):
    code = "unreadable_file"


@dataclass(frozen=True)
class Shape:
    """How a file is built, as far as it can be told from the file itself."""

    encoding: str
    delimiter: str
    has_header: bool
    columns: list[str]
    samples: list[list[str]]

    def guessed_mapping(self) -> dict[str, str]:
        return purchases.guess(self.columns, self.samples)

    def guessed_decimal_mark(self, mapping: dict[str, str]) -> str:
        return purchases.decimal_mark(self._values(mapping, *_NUMBERS))

    def guessed_time_style(self, mapping: dict[str, str], decimal_mark: str) -> str:
        """Who writes 1,50 for one and a half writes the day before the month, where nothing else tells."""
        return purchases.style(self._values(mapping, "time"), day_first=decimal_mark == ",")

    def doubts(self, mapping: dict[str, str]) -> list[str]:
        """Codes of purchases.DOUBTS: what the lines looked at leave open."""
        is_open = {
            "day_or_month": purchases.order_is_open(self._values(mapping, "time")),
            "decimal_mark": purchases.mark_is_open(self._values(mapping, *_NUMBERS)),
        }
        return [code for code, is_so in is_open.items() if is_so]

    def _values(self, mapping: dict[str, str], *names: str) -> list[str]:
        places = [self.columns.index(mapping[name]) for name in names if mapping.get(name) in self.columns]
        return [row[place].strip() for row in self.samples for place in places if place < len(row)]


class Record(NamedTuple):
    """One line of the table. `cells` is None when it cannot be split; `fault` says why and `raw` what stands there."""

    number: int
    cells: list[str] | None
    raw: str = ""
    fault: str = ""


def examine(path: Path) -> Shape:
    """Raises UnreadableFile with what to change."""
    encoding = _encoding_of(path)
    with _opened(path, encoding) as (text, _):
        head = [text.readline(LONGEST_LINE) for _ in range(SAMPLE_LINES)]
    delimiter = _delimiter_of(head)
    with table(path, encoding, delimiter, has_header=False) as records:
        rows = [record.cells for record in islice(records, SAMPLE_LINES) if record.cells]
    if not rows or len(rows[0]) < 2:
        raise UnreadableFile("No columns were found: cells must be separated by commas, semicolons, tabs or bars.")
    has_header = not any(_is_value(cell) for cell in rows[0])
    columns = _distinct(rows[0] if has_header else [f"Column {place}" for place in range(1, len(rows[0]) + 1)])
    samples = rows[1:] if has_header else rows
    if not samples:
        raise UnreadableFile("The file has a header and no lines below it.")
    return Shape(encoding, delimiter, has_header, columns, samples)


class Table:
    """The records of one file, one at a time. `bytes_read` counts the file's own, packed ones."""

    def __init__(self, text: IO[str], raw: IO[bytes], delimiter: str, *, has_header: bool) -> None:
        self._raw, self._lines = raw, _Lines(text)
        self._reader = csv.reader(self._lines, delimiter=delimiter, strict=True)
        self._has_header = has_header

    @property
    def bytes_read(self) -> int:
        return self._raw.tell()

    def __iter__(self) -> Iterator[Record]:
        csv.field_size_limit(LONGEST_LINE)
        is_header = self._has_header
        while True:
            self._lines.begin_record()
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except (csv.Error, _TooLong) as error:
                number, raw = self._lines.give_back_all_but_first()
                yield Record(number, None, raw, f"The line cannot be split into cells: {error}.")
                continue
            if not any(map(str.strip, cells)):
                continue
            if is_header:
                is_header = False
                continue
            yield self._record(cells)

    def _record(self, cells: list[str]) -> Record:
        if any("\x00" in line for line in self._lines.taken):
            return Record(self._lines.number, None, "".join(self._lines.taken), "The line holds a NUL byte.")
        return Record(self._lines.number, cells)


@contextmanager
def table(path: Path, encoding: str, delimiter: str, *, has_header: bool) -> Iterator[Table]:
    with _opened(path, encoding) as (text, raw):
        yield Table(text, raw, delimiter, has_header=has_header)


class _TooLong(Exception):
    pass


class _Lines:
    """Physical lines for the csv module, which remembers those of the record it is in.

    A quote that is never closed would swallow the rest of the file: after fifty lines the record is given up, its
    first line is refused, and the others are read again.
    """

    def __init__(self, text: IO[str]) -> None:
        self._text = text
        self._again: deque[str] = deque()
        self.taken: list[str] = []
        self.number = 1

    def begin_record(self) -> None:
        self.number += len(self.taken)
        self.taken = []

    def give_back_all_but_first(self) -> tuple[int, str]:
        first, *others = self.taken
        self._again.extendleft(reversed(others))
        self.taken = [first]
        return self.number, first.rstrip("\r\n")[:2_000]

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if len(self.taken) >= MOST_LINES_IN_A_RECORD:
            raise _TooLong(f"a quotation mark opens here and is not closed within {MOST_LINES_IN_A_RECORD} lines")
        line = self._again.popleft() if self._again else self._text.readline(LONGEST_LINE)
        if not line:
            raise StopIteration
        self.taken.append(line)
        if len(line) == LONGEST_LINE and line[-1] not in "\r\n":
            self._skip_rest_of_line()
            raise _TooLong(f"it is longer than {LONGEST_LINE:,} characters")
        return line

    def _skip_rest_of_line(self) -> None:
        while (piece := self._text.readline(LONGEST_LINE)) and piece[-1] not in "\r\n":
            pass


@contextmanager
def _opened(path: Path, encoding: str) -> Iterator[tuple[IO[str], IO[bytes]]]:
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        stream = gzip.GzipFile(fileobj=raw) if packed else raw
        yield io.TextIOWrapper(stream, encoding=encoding, errors="replace", newline=""), raw  # type: ignore[arg-type]


def _encoding_of(path: Path) -> str:
    """A byte order mark is believed; then whatever the whole file can be read as."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_utf8 = True
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        stream: IO[bytes] = gzip.GzipFile(fileobj=raw) if packed else raw  # type: ignore[assignment]
        try:
            head = stream.read(CHUNK)
            if encoding := _encoding_of_head(head):
                return encoding
            chunk = head
            while chunk and is_utf8:
                is_utf8 = _decodes(decoder, chunk)
                chunk = stream.read(CHUNK)
            is_utf8 = is_utf8 and _decodes(decoder, b"", final=True)
        except (gzip.BadGzipFile, EOFError) as error:
            raise UnreadableFile(
                f"The packed file is damaged ({error}). Pack it again, or upload it unpacked."
            ) from None
    return "utf-8-sig" if is_utf8 else "cp1252"


def _encoding_of_head(head: bytes) -> str | None:
    if not head.strip():
        raise UnreadableFile("The file is empty.")
    for signature, advice in _FOREIGN.items():
        if head.startswith(signature):
            raise UnreadableFile(advice)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    sample = head[:4_000]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if max(even, odd) > len(sample) // 5:
        return "utf-16-be" if even > odd else "utf-16-le"
    control = sum(byte < 9 or 13 < byte < 32 for byte in sample)
    if control > len(sample) // 50:
        raise UnreadableFile("This is not a text file. Export your purchases as CSV and upload that.")
    return None


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True


def _delimiter_of(head: Sequence[str]) -> str:
    """The one that splits most lines into the same number of cells, and into the most."""

    def merit(delimiter: str) -> tuple[float, int]:
        widths = [len(row) for row in csv.reader(head, delimiter=delimiter) if row]
        usual = max(set(widths), key=widths.count, default=1)
        return (widths.count(usual) / len(widths) if usual > 1 else 0.0, usual)

    csv.field_size_limit(LONGEST_LINE)
    try:
        return max(DELIMITERS, key=merit)
    except csv.Error:
        return max(DELIMITERS, key=head[0].count)


def _is_value(cell: str) -> bool:
    """A cell no column would be called: a number, a time or an address."""
    return (
        cell.strip().replace(".", "").replace(",", "").replace("-", "").isdigit() or "@" in cell or cell[:4].isdigit()
    )


def _distinct(columns: Sequence[str]) -> list[str]:
    """Column names without blanks and repetitions: `price`, `price (2)`."""
    names: list[str] = []
    for place, column in enumerate(columns, start=1):
        name = column.strip().lstrip("\ufeff") or f"Column {place}"
        count = 2
        while name in names:
            name, count = f"{name.removesuffix(f' ({count - 1})')} ({count})", count + 1
        names.append(name)
    return names
