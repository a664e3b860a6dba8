"""What of an event is shown to somebody who may not see who people are."""

from collections.abc import Mapping
from typing import Any

from config.shared.masking import masked

HIDDEN = "•••"
PERSONAL = {
    "address", "birthday", "birthdate", "birth_date", "city", "firstname", "first_name", "ip", "lastname", "last_name",
    "phone", "postal_code", "street", "zip",
}  # fmt: skip


def shown(value: Any, *, may_see: bool) -> Any:
    """A value from an event as this reader may see it."""
    if may_see:
        return value
    match value:
        case str():
            return masked(value)
        case list():
            return [shown(inner, may_see=False) for inner in value]
        case dict():
            return {
                name: HIDDEN if name.lower() in PERSONAL else shown(inner, may_see=False)
                for name, inner in value.items()
            }
        case _:
            return value


def shown_properties(kind: str, properties: Mapping[str, Any], *, may_see: bool) -> Any:
    """What somebody told of themselves is hidden whole."""
    if kind == "identify" and not may_see:
        return dict.fromkeys(properties, HIDDEN)
    return shown(properties, may_see=may_see)
