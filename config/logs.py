"""No email address or phone number reaches a log line."""

import logging
import re

EMAIL = re.compile(r"[\w.+-]+@([\w-]+\.)+[\w-]{2,}")
PHONE = re.compile(r"(?<![\w.:-])\+\d{7,15}(?!\w)")


def masked(text: str) -> str:
    return PHONE.sub("+…", EMAIL.sub("…@…", text))


class MaskPersonalData(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = masked(record.getMessage()), ()
        if record.exc_info and not record.exc_text:
            record.exc_text = masked(logging.Formatter().formatException(record.exc_info))
        return True
