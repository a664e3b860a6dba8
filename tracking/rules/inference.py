"""A structure drafted from events: what was always there, of which types, and what looks like a choice or a format.

It allows every event it was drafted from. Whoever publishes it may make it stricter. Everybody may read a structure, so
it repeats nothing that says who somebody is.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import jsonschema_rs

from tracking.rules.privacy import is_personal, shown_value

DIALECT = "https://json-schema.org/draft/2020-12/schema"
DEEPEST = 12  # Levels of objects and lists that are described.
MOST_PROPERTIES = 100  # An object with more is a map from ids, and its names mean nothing.
MOST_CHOICES, LONGEST_CHOICE = 8, 40
SEEN_PER_CHOICE = 5  # A choice is believed when its values come again and again.
FORMATS = ("date-time", "email", "uri")
_TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")
_NAMES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}


def inferred(samples: Iterable[dict[str, Any]], *, are_about_people: bool = False) -> dict[str, Any]:
    """The JSON Schema of these properties. What events about people say is never a choice."""
    seen = _Seen(is_personal=are_about_people)
    for properties in samples:
        seen.add(properties, depth=0)
    return {"$schema": DIALECT, "type": "object"} | seen.schema()


@dataclass
class _Seen:
    """Everything that stood in one place."""

    types: Counter[str] = field(default_factory=Counter)
    texts: Counter[str] = field(default_factory=Counter)
    formats: set[str] = field(default_factory=lambda: set(FORMATS))
    properties: dict[str, "_Seen"] = field(default_factory=dict)
    items: "_Seen | None" = None
    is_cut: bool = False  # Below this nothing is described.
    path: tuple[str, ...] = ()
    is_personal: bool = False

    def add(self, value: Any, *, depth: int) -> None:
        kind = _type_of(value)
        self.types[kind] += 1
        if kind == "string":
            self._add_text(value)
        elif kind in ("object", "array") and depth >= DEEPEST:
            self.is_cut = True
        elif kind == "object":
            for name, inner in value.items():
                if name not in self.properties:
                    self.properties[name] = self._inside(name)
                self.properties[name].add(inner, depth=depth + 1)
        elif kind == "array":
            self.items = self.items or self._inside()
            for inner in value:
                self.items.add(inner, depth=depth + 1)

    def _inside(self, *names: str) -> "_Seen":
        path = (*self.path, *names)
        return _Seen(path=path, is_personal=self.is_personal or is_personal(path))

    def _add_text(self, text: str) -> None:
        if len(self.texts) <= MOST_CHOICES:
            self.texts[text[: LONGEST_CHOICE + 1]] += 1
        self.formats = {name for name in self.formats if _has_format(text, name)}

    def schema(self) -> dict[str, Any]:
        found = self._type() | self._object() | self._text()
        if self.items is not None and not self.is_cut and (items := self.items.schema()):
            found["items"] = items
        return found

    def _type(self) -> dict[str, Any]:
        known = set(self.types)
        if "number" in known:
            known.discard("integer")
        told = [name for name in _TYPES if name in known]
        return {} if not told else {"type": told[0] if len(told) == 1 else told}

    def _object(self) -> dict[str, Any]:
        if not self.properties or self.is_cut or len(self.properties) > MOST_PROPERTIES:
            return {}
        objects = self.types["object"]
        always = sorted(name for name, inner in self.properties.items() if inner.types.total() == objects)
        described = {name: inner.schema() for name, inner in sorted(self.properties.items())}
        return {"properties": described} | ({"required": always} if always else {})

    def _text(self) -> dict[str, Any]:
        """A format that all texts have, or the few texts that there are."""
        texts = self.types["string"]
        if not texts:
            return {}
        if self.formats:
            return {"format": next(name for name in FORMATS if name in self.formats)}
        is_choice = (
            not self.is_personal
            and set(self.types) == {"string"}
            and 2 <= len(self.texts) <= MOST_CHOICES
            and all(0 < len(text) <= LONGEST_CHOICE and shown_value(text) == text for text in self.texts)
            and texts >= SEEN_PER_CHOICE * len(self.texts)
        )
        return {"enum": sorted(self.texts)} if is_choice else {}


def _type_of(value: Any) -> str:
    return "null" if value is None else _NAMES.get(type(value), "object")


def _has_format(text: str, name: str) -> bool:
    """As the engine sees it, and no less: an address without “//” is rather a word with a colon."""
    return (name != "uri" or "://" in text) and _checker(name).is_valid(text)


@cache
def _checker(name: str) -> Any:
    return jsonschema_rs.validator_for({"$schema": DIALECT, "format": name}, validate_formats=True)
