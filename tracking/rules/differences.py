"""What a new version of a structure changes, in words: for people who decide whether to publish it."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tracking.rules.schema_text import laid_out

_TOLD = {"type", "properties", "required", "items", "additionalProperties"}
_SILENT = {"$schema", "$id", "$comment", "title", "description", "examples", "default"}
_WIDER = {"number": {"integer", "number"}}


@dataclass(frozen=True)
class Difference:
    """`path` names a property as `items[].price`, or is empty for the event itself.

    `is_stricter` when an event that passed may fail now.
    """

    path: str
    what: str
    is_stricter: bool

    def __str__(self) -> str:
        return f"{self.path or 'The event'}: {self.what}"


@dataclass(frozen=True)
class Line:
    """One line of both texts laid over each other. `sign` is +, - or a space."""

    sign: str
    text: str


def differences(old: Any, new: Any) -> list[Difference]:
    """Of everything that decides which events pass; descriptions and examples decide nothing."""
    return list(_between(old, new, ""))


def text_difference(old: Any, new: Any) -> list[Line]:
    """Line by line, with three lines around each change."""
    lines = difflib.unified_diff(laid_out(old).splitlines(), laid_out(new).splitlines(), lineterm="", n=3)
    return [Line("…" if line.startswith("@@") else line[0], line[1:]) for line in list(lines)[2:]]


def _between(old: Any, new: Any, path: str) -> Iterator[Difference]:
    if old == new:
        return
    if not isinstance(old, dict) or not isinstance(new, dict):
        yield Difference(path, "allows something else", True)
        return
    yield from _types(old, new, path)
    yield from _properties(old, new, path)
    yield from _openness(old, new, path)
    if "items" in old or "items" in new:
        yield from _between(old.get("items", {}), new.get("items", {}), f"{path}[]")
    yield from _other_words(old, new, path)


def _types(old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[Difference]:
    if old.get("type") != new.get("type"):
        before, after = _type_names(old), _type_names(new)
        told = f"was {_listed(before)}, is {_listed(after)}"
        yield Difference(path, told, bool(after) and not (before and _widened(before) <= _widened(after)))


def _properties(old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[Difference]:
    before, after = _part(old, "properties"), _part(new, "properties")
    needed_before, needed_after = set(_names(old)), set(_names(new))
    for name in sorted({*before, *after, *needed_before, *needed_after}):
        place = f"{path}.{name}" if path else name
        if name not in before and name in after:
            needed = name in needed_after
            told = f"is new{' and required' if needed else ''} ({_listed(_type_names(after[name]))})"
            yield Difference(place, told, True)
            if name in needed_before and not needed:
                yield Difference(place, "is optional now", False)
            continue
        if name in before and name not in after:
            yield Difference(place, "is not described any more", _is_closed(new))
        if name in needed_after - needed_before:
            yield Difference(place, "is required now", True)
        if name in needed_before - needed_after:
            yield Difference(place, "is optional now", False)
        if name in before and name in after:
            yield from _between(before[name], after[name], place)


def _openness(old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[Difference]:
    before, after = old.get("additionalProperties", True), new.get("additionalProperties", True)
    if before == after:
        return
    if after is False:
        yield Difference(path, "takes no properties beside those described", True)
    elif after is True:
        yield Difference(path, "takes any other properties, too", False)
    else:
        yield Difference(path, "takes other properties of one kind only", True)


def _other_words(old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[Difference]:
    for word in sorted({*old, *new} - _TOLD - _SILENT):
        if word not in new:
            yield Difference(path, f"“{word}” is gone", False)
        elif old.get(word) != new[word]:
            is_wider = word == "enum" and _contains(new[word], old.get(word))
            verb = "is new" if word not in old else "has changed"
            yield Difference(path, f"“{word}” {verb}: {_short(new[word])}", not is_wider)


def _contains(wide: Any, narrow: Any) -> bool:
    return isinstance(wide, list) and isinstance(narrow, list) and all(value in wide for value in narrow)


def _type_names(schema: Any) -> set[str]:
    told = schema.get("type", []) if isinstance(schema, dict) else []
    return {told} if isinstance(told, str) else {name for name in told if isinstance(name, str)}


def _widened(names: set[str]) -> set[str]:
    return {wide for name in names for wide in _WIDER.get(name, {name})}


def _listed(names: set[str]) -> str:
    return " or ".join(sorted(names)) if names else "of any type"


def _part(schema: dict[str, Any], word: str) -> dict[str, Any]:
    value = schema.get(word)
    return value if isinstance(value, dict) else {}


def _names(schema: dict[str, Any]) -> list[str]:
    value = schema.get("required")
    return [name for name in value if isinstance(name, str)] if isinstance(value, list) else []


def _is_closed(schema: dict[str, Any]) -> bool:
    return schema.get("additionalProperties", True) is False


def _short(value: Any) -> str:
    text = laid_out(value).replace("\n", " ")
    return text if len(text) <= 80 else f"{text[:79]}…"
