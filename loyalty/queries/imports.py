"""Imports as people look at them."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet

from loyalty.models import ImportIssue, PurchaseImport
from loyalty.rules import purchases


def imports() -> QuerySet[PurchaseImport]:
    return PurchaseImport.objects.select_related("created_by").order_by("-created_at", "-pk")


def issues_of(row: PurchaseImport, severity: str) -> QuerySet[ImportIssue]:
    return row.issues.filter(severity=severity).order_by("line_number", "pk")


@dataclass(frozen=True)
class Outcome:
    """The report of a check or an import, with its counts in words."""

    numbers: dict[str, Any]
    amount_new: Decimal
    amount_known: Decimal
    remarks: list[tuple[str, int]]
    refused: list[tuple[str, int]]
    first_at: datetime | None
    last_at: datetime | None
    stores_named: list[tuple[str, str]]

    @property
    def accepted(self) -> int:
        return int(self.numbers["lines_new"] + self.numbers["lines_known"])


def outcome_of(row: PurchaseImport) -> Outcome | None:
    report = row.report
    if not report:
        return None
    return Outcome(
        numbers=report,
        amount_new=Decimal(report["amount_new"]),
        amount_known=Decimal(report["amount_known"]),
        remarks=[(purchases.REMARKS[code], count) for code, count in report["remarks"].items()],
        refused=[(purchases.REFUSALS[code], count) for code, count in report["refused"].items()],
        first_at=datetime.fromisoformat(report["first_at"]) if report["first_at"] else None,
        last_at=datetime.fromisoformat(report["last_at"]) if report["last_at"] else None,
        stores_named=list(report.get("stores_named", {}).items()),
    )
