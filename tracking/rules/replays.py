"""What a structure that came later makes of an event's faults."""

from collections.abc import Sequence
from typing import Any

from tracking.rules.structures import Structure

# What a structure finds. Everything else was wrong with the event before any structure was asked.
VIOLATIONS = ("required_missing", "wrong_type", "additional_property", "format", "other")
# Of such an event only a part was kept, so nobody can judge it anew.
NOT_WHOLE = {"too_large", "too_deep", "unreadable"}
# Found by the read side, which adds it again.
COLLISION = "id_collision"

Errors = list[dict[str, str]]


def judged_anew(errors: Sequence[dict[str, str]], properties: Any, structure: Structure | None) -> Errors:
    """The faults that remain, without a collision: violations by `structure` now, the rest as it was.

    Without a structure the event is unplanned, and nothing is a violation.
    """
    told = [error for error in errors if error["type"] != COLLISION]
    if any(error["type"] in NOT_WHOLE for error in told):
        return told
    kept = [error for error in told if error["type"] not in VIOLATIONS]
    found = structure.violations(properties) if structure else []
    return kept + [violation._asdict() for violation in found]
