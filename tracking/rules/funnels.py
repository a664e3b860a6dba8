"""A funnel as people keep it: plain JSON, read strictly.

{
    "systems": ["<id of a system>", ...],      none: every system the asker may see
    "steps": [{"names": ["Viewed", ...], "properties": [{"path": ["plan"], "values": ["gold"]}]}, ...],
    "window": 7, "unit": "days",               days, hours or minutes from the first step to the last
    "order": "ordered",                        or "strict": no other event in between
    "breakdown": ["plan"],                     path of a property of the first step; empty: none
    "days": 30                                 how far back; or "since" and "until", as dates
}
"""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from tracking.rules.privacy import may_be_asked

MOST_STEPS, MOST_NAMES, MOST_PROPERTIES, MOST_VALUES, DEEPEST, LONGEST = 10, 10, 5, 20, 8, 200
UNITS = {"minutes": timedelta(minutes=1), "hours": timedelta(hours=1), "days": timedelta(days=1)}
LONGEST_WINDOW = timedelta(days=365)
LONGEST_SPAN = 3_660
ORDERS = {"ordered": "In this order, anything between", "strict": "Directly one after the other"}
WORDS = {"systems", "steps", "window", "unit", "order", "breakdown", "days", "since", "until"}

Definition = Mapping[str, Any]


def faults_of(definition: Any) -> list[str]:
    """What is wrong with a definition, in words; empty when it can be asked."""
    if not isinstance(definition, Mapping):
        return ["A funnel is a JSON object."]
    return list(_faults(definition))


def asks_who_people_are(definition: Definition) -> bool:
    """Whether a property or value in it is for those who may see people. It must be free of faults."""
    steps = definition["steps"]
    asked = [(step, each["path"], each.get("values", ())) for step in steps for each in step.get("properties", ())]
    if breakdown := definition.get("breakdown"):
        asked.append((steps[0], breakdown, ()))
    return not all(may_be_asked(path, names=step["names"], values=values) for step, path, values in asked)


def _faults(definition: Definition) -> Iterator[str]:
    if unknown := set(definition) - WORDS:
        yield f"A funnel knows nothing of {', '.join(sorted(map(str, unknown)))}."
    systems = definition.get("systems", [])
    if not isinstance(systems, list) or not all(map(_is_uuid, systems)):
        yield "Name systems by their ids, in a list."
    steps = definition.get("steps")
    if not isinstance(steps, list) or not 2 <= len(steps) <= MOST_STEPS:
        yield f"A funnel has 2 to {MOST_STEPS} steps."
    else:
        for number, step in enumerate(steps, start=1):
            yield from (f"Step {number}: {fault}" for fault in _step_faults(step))
    yield from _window_faults(definition)
    if definition.get("order", "ordered") not in [*ORDERS]:
        yield f"The order is one of {', '.join(ORDERS)}."
    if definition.get("breakdown") and not _is_path(definition["breakdown"]):
        yield "The breakdown is the path of a property: names in a list."
    yield from _span_faults(definition)


def _step_faults(step: Any) -> Iterator[str]:
    if not isinstance(step, Mapping) or set(step) - {"names", "properties"}:
        yield "a step has names and, if need be, properties."
        return
    names = step.get("names")
    if not _is_texts(names, MOST_NAMES):
        yield f"name 1 to {MOST_NAMES} events."
    properties = step.get("properties", [])
    if not isinstance(properties, list) or len(properties) > MOST_PROPERTIES:
        yield f"ask about {MOST_PROPERTIES} properties at most."
        return
    for each in properties:
        if not isinstance(each, Mapping) or set(each) - {"path", "values"} or not _is_path(each.get("path")):
            yield "a property has a path and, if need be, values."
        elif each.get("values") and not _is_texts(each["values"], MOST_VALUES):
            yield f"a property is one of 1 to {MOST_VALUES} texts."


def _window_faults(definition: Definition) -> Iterator[str]:
    window, unit = definition.get("window", 7), definition.get("unit", "days")
    if not isinstance(unit, str) or unit not in UNITS:
        yield f"The window is in {', '.join(UNITS)}."
    elif type(window) is not int or not 0 < window <= LONGEST_WINDOW // UNITS[unit]:
        yield f"The window is a whole number, and {LONGEST_WINDOW.days} days at most."


def _span_faults(definition: Definition) -> Iterator[str]:
    since, until, days = (definition.get(name) for name in ("since", "until", "days"))
    if since is None and until is None:
        if days is not None and (type(days) is not int or not 0 < days <= LONGEST_SPAN):
            yield f"Look back 1 to {LONGEST_SPAN:,} days."
        return
    first, last = _date(since), _date(until)
    if not first or not last or last < first or (last - first).days > LONGEST_SPAN:
        yield "Give the first and the last day, such as 2026-03-01 and 2026-03-31."


def _date(value: Any) -> date | None:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        return None


def _is_uuid(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(UUID(value))
    except ValueError:
        return False


def _is_path(value: Any) -> bool:
    return _is_texts(value, DEEPEST)


def _is_texts(value: Any, most: int) -> bool:
    return isinstance(value, list) and 0 < len(value) <= most and all(map(_is_text, value))


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST and "\x00" not in value
