"""Texts by others (a mail server's refusal, an error, a log line) without the addresses in them."""

import re

EMAIL = re.compile(r"[\w.+-]+(@|%40)([\w-]+\.)+[\w-]{2,}")
PHONE = re.compile(r"(?<![\w.:-])(\+|%2B)\d{7,15}(?!\w)")


def masked(text: str) -> str:
    return PHONE.sub("+…", EMAIL.sub("…@…", text))
