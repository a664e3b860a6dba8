"""No email address or phone number reaches a log line or an error report."""

import logging
from typing import Any

from config.shared.masking import masked


class MaskPersonalData(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = masked(record.getMessage()), ()
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        record.exc_text, record.stack_info = masked(record.exc_text or ""), masked(record.stack_info or "")
        return True


def mask_report(report: Any, _hint: Any = None) -> Any:
    """Sentry's report with every text in it masked, however deep."""
    match report:
        case str():
            return masked(report)
        case dict():
            return {name: mask_report(value) for name, value in report.items()}
        case list() | tuple():
            return [mask_report(value) for value in report]
        case _:
            return report
