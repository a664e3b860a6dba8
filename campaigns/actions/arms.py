from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from campaigns.models import ArmsReport
from campaigns.rules import arms
from config.shared.errors import DomainError
from loyalty.models import User


class CannotCompare(DomainError):
    code = "cannot_compare"


def delete_report(report: ArmsReport) -> None:
    """For good: the file it came from was never kept."""
    report.delete()


@transaction.atomic
def compare_arms(*, name: str, lines: Iterable[str], control: str, split: str, by: User, now: datetime) -> ArmsReport:
    """Read an assignment file and keep its sums. Raises CannotCompare with what is wrong, line by line."""
    try:
        table = arms.read(lines)
        chosen = arms.control_in(table, control)
        planned = arms.planned_split(table, split)
    except arms.BadFile as fault:
        raise CannotCompare(str(fault)) from fault
    except UnicodeDecodeError as fault:
        raise CannotCompare("The file is not text in UTF-8. Save it as CSV with that encoding.") from fault
    return ArmsReport.objects.create(
        name=name, control=chosen, split=planned, table=table.as_json(), units=sum(table.units.values()), made_by=by,
        made_at=now,
    )  # fmt: skip
