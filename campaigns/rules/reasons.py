"""The numbers behind a step, in one line."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

_CLOCK = re.compile(r"\b([01][0-9]|2[0-4]):([0-5][0-9])\b")
_OF_HOURS = " is not a time from "
_DAY = re.compile(r"\b[0-9]{4}-[01][0-9]-[0-3][0-9]\b")
_GROUP = re.compile(r"^[a-z_]+(?= would (?:hear|be reminded))")


def headline(label: str, evidence: Mapping[str, Any]) -> str:
    """`At risk: 41 members, last bought 60 to 90 days ago`."""
    members, least, most = (
        evidence["reached"],
        evidence["last_bought_days"]["least"],
        evidence["last_bought_days"]["most"],
    )
    who = "1 member" if members == 1 else f"{members} members"
    when = f"{least}" if least == most else f"{least} to {most}"
    return f"{label}: {who}, last bought {when} days ago"


def told(fault: str) -> str:
    """A fault as people read it: `At risk would hear 2 times on Thursday, November 26.`"""
    if _OF_HOURS in fault:
        fault = _CLOCK.sub(_on_the_clock, fault).replace(".m..", ".m.")
    fault = _GROUP.sub(lambda code: code[0].replace("_", " "), _DAY.sub(_said, fault))
    return fault[0].upper() + fault[1:]


def _on_the_clock(found: re.Match[str]) -> str:
    """`5:00 p.m.`, as everywhere on the pages."""
    hour = int(found[1])
    return f"{(hour - 1) % 12 + 1}:{found[2]} {'a.m.' if hour % 24 < 12 else 'p.m.'}"


def _said(found: re.Match[str]) -> str:
    try:
        day = date.fromisoformat(found[0])
    except ValueError:
        return found[0]
    return f"{day:%A, %B} {day.day}"


def beyond_the_budget(costs: Sequence[Decimal], reached: int, left: Decimal | None) -> bool:
    """Whether even the cheapest of the offers that could be made would cost more than is left, if all took it up."""
    return left is not None and bool(costs) and min(costs) * reached > left
