"""What happened to the lines that were refused, or taken with a remark."""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from config.shared.exports import safe_cell
from loyalty.models import ImportIssue, PurchaseImport

KEPT = 10_000
_NUMBER = re.compile(r"[-+]?[\d.,]+")


def cell(value: str) -> str:
    """A cell no spreadsheet takes for a formula. A number stays one, so that a mended line can be imported again."""
    return value if _NUMBER.fullmatch(value) else safe_cell(value)


class Issues:
    """Counts all faults and remarks, writes every refused line to a CSV, and keeps the first ten thousand of each kind
    as rows.
    """

    def __init__(self, columns: Sequence[str], *, refused_csv: Path | None, owner: PurchaseImport | None) -> None:
        self.lines_refused = 0
        self.refused: Counter[str] = Counter()
        self.remarks: Counter[str] = Counter()
        self._owner = owner
        self._waiting: list[ImportIssue] = []
        self._kept: Counter[str] = Counter()
        self._columns = columns
        self._path = refused_csv
        if owner is not None:
            owner.issues.all().delete()

    def __enter__(self) -> Self:
        self._file = self._path.open("w", encoding="utf-8-sig", newline="") if self._path else None
        self._csv = csv.writer(self._file) if self._file else None
        if self._csv:
            self._csv.writerow(["line", "reason", *map(cell, self._columns)])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file:
            self._file.close()

    def refuse(self, line_number: int, codes: Sequence[str], message: str, raw: Sequence[str]) -> None:
        """A line is refused once, however much is wrong with it; `message` tells all of it."""
        self.lines_refused += 1
        self.refused.update(codes)
        if self._csv:
            self._csv.writerow([line_number, message, *map(cell, raw)])
        self._keep(ImportIssue.Severity.REFUSED, line_number, codes[0], message, raw)

    def remark(self, line_number: int, code: str, message: str, raw: Sequence[str]) -> None:
        self.remarks[code] += 1
        self._keep(ImportIssue.Severity.REMARK, line_number, code, message, raw)

    def flush(self) -> None:
        ImportIssue.objects.bulk_create(self._waiting)
        self._waiting = []

    def room_for_remarks(self) -> int:
        return KEPT - self._kept[ImportIssue.Severity.REMARK]

    def _keep(
        self, severity: ImportIssue.Severity, line_number: int, code: str, message: str, raw: Sequence[str]
    ) -> None:
        if self._owner is None or self._kept[severity] >= KEPT:
            return
        self._kept[severity] += 1
        cells = [value.replace("\x00", "�")[:2_000] for value in raw]
        self._waiting.append(
            ImportIssue(
                purchase_import=self._owner,
                line_number=line_number,
                severity=severity,
                code=code,
                message=message.replace("\x00", "�")[:1_000],
                raw=cells,
            )
        )
