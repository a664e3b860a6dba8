"""A schema as people write it: read from a text, laid out as one, with the line of what is wrong in it."""

import json
from collections.abc import Sequence
from typing import Any, NoReturn

from tracking.rules.structures import BadStructure

LARGEST_SCHEMA = 200_000


class Unreadable(BadStructure):
    """The text is no JSON; `line` counts from 1."""

    def __init__(self, message: str, line: int = 1) -> None:
        super().__init__(message)
        self.line = line


def read(text: str) -> Any:
    """The schema a text holds. Raises Unreadable."""
    try:
        return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_without_repetition)
    except json.JSONDecodeError as fault:
        raise Unreadable(f"{fault.msg} (column {fault.colno}).", fault.lineno) from None
    except RecursionError:
        raise Unreadable("The schema is nested too deep to be read.") from None
    except BadStructure as fault:
        raise Unreadable(str(fault)) from None
    except ValueError as fault:
        raise Unreadable(f"{fault}.") from None


def laid_out(schema: Any) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False)


def line_of(schema: Any, path: Sequence[str | int]) -> int:
    """The line, from 1, on which `laid_out(schema)` shows what is at `path`."""
    mark = "\x00here\x00"
    marked = json.loads(json.dumps(schema))
    holder = marked
    try:
        for step in path[:-1]:
            holder = holder[step]
        if path:
            holder[path[-1]] = mark
    except (KeyError, IndexError, TypeError):
        return 1
    before, found, _ = laid_out(marked).partition(json.dumps(mark))
    return before.count("\n") + 1 if found else 1


def refuse_unstorable(schema: Any) -> None:
    """Raises BadStructure for what no database keeps, or is larger than anybody can read."""
    text = json.dumps(schema)
    if len(text) > LARGEST_SCHEMA:
        raise BadStructure(f"The schema has {len(text):,} characters; {LARGEST_SCHEMA:,} are kept.")
    if "\\u0000" in text:
        raise BadStructure("The schema holds a NUL character, which no event has. Take it out.")
    try:
        json.dumps(schema, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise BadStructure("The schema holds half a character (a lone surrogate). Take it out.") from None


def _refuse_constant(name: str) -> NoReturn:
    raise BadStructure(f"{name} is no number in JSON.")


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The second of two equal names would silently win."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise BadStructure(f"“{twice[:80]}” is named twice in the same object.")
    return found
