"""One event as it came over the wire, whatever its SDK calls the parts."""

from collections.abc import Sequence
from typing import Any

from tracking.ingest.bodies import faults_of
from tracking.ingest.neutral import Answer, Fault, Incoming, Json, Kind, text

MOST_TOLD = 100


class Wire:
    """Reading an event never fails: what is wrong with it gathers in `faults`, what has no place in `unreadable`."""

    __slots__ = ("faults", "raw", "unreadable")

    def __init__(self, event: Any) -> None:
        self.raw: Json = event if isinstance(event, dict) else {}
        self.faults = [*faults_of(event)]
        self.unreadable: Any = None
        if not isinstance(event, dict):
            self.unreadable = event
            self.fault("malformed", "", "An event must be a JSON object.")

    def fault(self, kind: str, pointer: str, message: str) -> None:
        self.faults.append(Fault(kind, pointer, message))

    def first(self, *names: str) -> Any:
        """The first of these that has a value, as it was sent."""
        for name in names:
            value = self.raw.get(name)
            if value is not None and value != "":
                return value
        return None

    def text(self, *names: str) -> str:
        """The first of these that has a value, as text."""
        for name in names:
            value = self.raw.get(name)
            if value is None or value == "":
                continue
            if found := text(value):
                return found
            self.fault("malformed", f"/{name}", f"“{name}” must be text, not “{str(value)[:60]}”.")
        return ""

    def part(self, name: str) -> Json:
        """The JSON object of this name; empty when there is none."""
        value = self.raw.get(name)
        if isinstance(value, dict):
            return value
        if value is not None:
            self.unreadable = value
            self.fault("malformed", f"/{name}", f"“{name}” must be a JSON object.")
        return {}

    def needs(self, is_there: object, pointer: str, message: str) -> None:
        """An event that is not even readable is not asked for more."""
        if not is_there and self.raw:
            self.fault("incomplete", pointer, message)

    def incoming(self, kind: Kind, name: str, *, properties: Json | None = None, **rest: Any) -> Incoming:
        kept = properties or {}
        if self.unreadable is not None:
            kept = {**kept, "unreadable": self.unreadable}
        return Incoming(kind, name, properties=kept, faults=tuple(self.faults), **rest)


def verdict(errors: Sequence[Sequence[Json]]) -> Answer:
    """Everything was kept; `errors` tells of the first invalid events by their place in the request."""
    invalid = [{"index": place, "errors": each} for place, each in enumerate(errors) if each]
    return Answer({"accepted": len(errors), "invalid": len(invalid), "errors": invalid[:MOST_TOLD]})
