"""What published records mean, in words for whoever owns the shop. Pure: nothing is looked up here."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Record:
    """To be published, exactly like this."""

    kind: str
    name: str
    value: str


@dataclass(frozen=True, kw_only=True)
class Finding:
    """`about` says what the record is for, `said` what is the matter, `to_do` what to change; `found` is published."""

    name: str
    about: str
    verdict: Verdict
    said: str
    to_do: str = ""
    publish: Record | None = None
    found: tuple[str, ...] = ()


def tags(text: str) -> dict[str, str]:
    """`v=DMARC1; p=none` as a dictionary; names in lower case (RFC 6376, 3.2). What is not a pair is left out."""
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip().lower(): value.strip() for name, sign, value in pairs if sign}


def no_answer(name: str, about: str) -> Finding:
    said = "The name servers did not answer in time. That says nothing about your records."
    return Finding(name=name, about=about, verdict=Verdict.UNKNOWN, said=said, to_do="Check again in a minute.")
