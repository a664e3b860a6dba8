"""The list of events in docs/events_out.md, made of the classes themselves."""

import json
from datetime import UTC, datetime

from integrations.outbound.base import Notice
from integrations.outbound.kinds.webhook import body_of
from integrations.outbound.notices import GROUPS, Told, told

BEGINS, ENDS = "<!-- events: begin -->", "<!-- events: end -->"
AT = datetime(2026, 3, 29, 15, 30, tzinfo=UTC)
MEMBER = "3c5f2c0e-6a52-4c1f-9c39-0d7a6f1e8b44"


def events() -> str:
    """A heading for each app, and below it a row for each event: its name, when it happens, and its body's `data`."""
    parts = []
    for group, title in GROUPS.items():
        rows = [_row(each) for each in told().values() if each.group == group]
        parts.append("\n".join([f"### {title}", "", "| type | when | data |", "|---|---|---|", *rows]))
    return "\n\n".join(parts)


def example() -> str:
    """One whole body."""
    kind = told()["order.paid"]
    return json.dumps(body_of(_notice(kind)), indent=2)


def written_into(page: str) -> str:
    """The page, with the list between its two marks made anew."""
    before, _, rest = page.partition(BEGINS)
    after = rest.partition(ENDS)[2]
    return f"{before}{BEGINS}\n\n```json\n{example()}\n```\n\n{events()}\n\n{ENDS}{after}"


def _row(kind: Told) -> str:
    return f"| `{kind.name}` | {kind.when} | `{json.dumps(body_of(_notice(kind))['data'])}` |"


def _notice(kind: Told) -> Notice:
    return Notice(id="", name=kind.name, at=AT, subject=MEMBER, properties=kind.example)
