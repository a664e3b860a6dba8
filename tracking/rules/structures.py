"""What an event's properties should look like, by JSON Schema (2020-12 unless the schema names another draft).

jsonschema-rs reads the whole vocabulary, tells all errors and takes about a microsecond. No schema may point outside
itself: an engine that fetches what a partner names would fetch from inside our network.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jsonschema_rs

LONGEST_MESSAGE = 300
MOST_VIOLATIONS = 20
DEEPEST_SCHEMA = 60


TYPES = "array, boolean, integer, null, number, object or string"
Path = tuple[str | int, ...]


class BadStructure(ValueError):
    """The schema cannot be used; the message says why, and `path` leads to what is wrong in it."""

    def __init__(self, message: str, path: Path = ()) -> None:
        super().__init__(message)
        self.path = path


class Violation(NamedTuple):
    """`type` is required_missing, wrong_type, additional_property, format or other; `pointer` a JSON pointer."""

    type: str
    pointer: str
    message: str


class Structure:
    """A compiled schema."""

    def __init__(self, schema: Any) -> None:
        """Raises BadStructure."""
        refuse_outside_references(schema)
        try:
            self._validator = jsonschema_rs.validator_for(schema, validate_formats=True, retriever=_fetch_nothing)
        except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as fault:
            path = tuple(getattr(fault, "instance_path", ()))
            raise BadStructure(f"This is not a JSON Schema: {_reason(fault, path)}", path) from None

    def allows(self, properties: Any) -> bool:
        return self._validator.is_valid(properties)

    def violations(self, properties: Any) -> list[Violation]:
        """What is wrong with `properties`, at most twenty things of it; empty when nothing is."""
        if self.allows(properties):
            return []
        found: list[Violation] = []
        for error in self._validator.iter_errors(properties):
            found.extend(_violations_of(error))
            if len(found) >= MOST_VIOLATIONS:
                break
        return found[:MOST_VIOLATIONS]


def refuse_outside_references(schema: Any, *, path: Path = ()) -> None:
    """Raises BadStructure for a schema that is no object, too deep, or names anything outside itself."""
    if not path and not isinstance(schema, dict):
        raise BadStructure('A structure is a JSON object, such as {"type": "object", "properties": {}}.')
    if len(path) > DEEPEST_SCHEMA:
        raise BadStructure(f"The schema is nested more than {DEEPEST_SCHEMA} levels deep.", path)
    if isinstance(schema, dict):
        for word in ("$ref", "$dynamicRef", "$recursiveRef"):
            target = schema.get(word)
            if isinstance(target, str) and not target.startswith("#"):
                told = f"“{word}”: “{target[:100]}” points outside this schema. Copy it into “$defs”."
                raise BadStructure(told, (*path, word))
    inside = schema.items() if isinstance(schema, dict) else enumerate(schema) if isinstance(schema, list) else ()
    for place, inner in inside:
        refuse_outside_references(inner, path=(*path, place))


def _reason(fault: Exception, path: Path) -> str:
    if path[-1:] == ("type",) and isinstance(told := getattr(fault, "instance", None), str):
        return f"“{told[:80]}” is no type. Use {TYPES}."
    return str(fault).splitlines()[0][:LONGEST_MESSAGE]


def _fetch_nothing(uri: str) -> Any:
    raise ValueError(f"{uri} is not fetched; copy it into “$defs”.")


def _violations_of(error: jsonschema_rs.ValidationError) -> Iterator[Violation]:
    """One error may be several: each property that is missing or too much has its own pointer."""
    at, message, kind = _pointer(error.instance_path), str(error.message)[:LONGEST_MESSAGE], error.kind
    match kind.name:
        case "required":
            yield Violation("required_missing", at + _pointer([kind.as_dict()["property"]]), message)
        case "additionalProperties" | "unevaluatedProperties":
            for name in kind.as_dict()["unexpected"]:
                yield Violation("additional_property", at + _pointer([name]), f"“{name[:80]}” is not in the structure")
        case "type":
            yield Violation("wrong_type", at, message)
        case "format":
            yield Violation("format", at, message)
        case _:
            yield Violation("other", at, message)


def _pointer(path: Sequence[str | int]) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)
