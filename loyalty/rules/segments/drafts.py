"""A rule as the editor holds it: groups and conditions in texts, right or wrong, so that nothing typed is lost.

The form names every part by its place: `r` is the whole rule, `r-0-2` the third of its first group. A group posts
`r-0.kind`, a condition `r-0-2.field`, `.is` and what its kind of value needs.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from loyalty.rules.segments.fields import AT_LEAST, FIELDS, Field, Kind
from loyalty.rules.segments.grammar import MAX_CONDITIONS, MAX_DEPTH, Rule, value_fault

PART = re.compile(r"r((?:-[0-9]{1,3}){0,8})\.(kind|field|is|value|of|times|days)")
ALL, ANY, NONE = "all", "any", "none"
FIRST_FIELD = "stats.last_order"

Place = tuple[int, ...]


@dataclass(frozen=True)
class Condition:
    """`values` are the chosen values of a choice, or the one text of anything else."""

    field: str = FIRST_FIELD
    operator: str = AT_LEAST
    values: tuple[str, ...] = ("30",)
    of: str = ""
    times: str = "1"
    days: str = "30"

    @property
    def is_blank(self) -> bool:
        """Not filled in yet: not a mistake before somebody wants to save it."""
        field_ = FIELDS[self.field]
        return self.of == "" if field_.kind is Kind.TIMES and field_.of else not any(self.values)


@dataclass(frozen=True)
class Group:
    """All, any or none of the children hold."""

    kind: str = ALL
    children: tuple["Group | Condition", ...] = field(default_factory=tuple)


Node = Group | Condition


def key_of(place: Place) -> str:
    return "-".join(["r", *map(str, place)])


def place_of(key: str) -> Place:
    """Raises ValueError for what no form of ours posts."""
    first, *rest = key.split("-")
    if first != "r":
        raise ValueError(key)
    return tuple(map(int, rest))


# --- From a form --------------------------------------------------------------------------------------------------


def read(names: Sequence[str], values_of: Callable[[str], Sequence[str]]) -> Group:
    """The draft that a form posted: all its names, and the values under one."""
    parts: dict[Place, set[str]] = {}
    for name in names:
        if found := PART.fullmatch(name):
            parts.setdefault(place_of(f"r{found[1]}"), set()).add(found[2])
    return _read_group((), parts, values_of)


def _read_group(place: Place, parts: Mapping[Place, set[str]], values_of: Callable[[str], Sequence[str]]) -> Group:
    kind = _last(values_of(f"{key_of(place)}.kind"))
    children = sorted(child for child in parts if len(child) == len(place) + 1 and child[:-1] == place)
    return Group(
        kind if kind in (ALL, ANY, NONE) else ALL,
        tuple(
            _read_group(child, parts, values_of) if "kind" in parts[child] else _read_condition(child, values_of)
            for child in children
        ),
    )


def _read_condition(place: Place, values_of: Callable[[str], Sequence[str]]) -> Condition:
    def one(part: str) -> str:
        return _last(values_of(f"{key_of(place)}.{part}")).strip()

    name = one("field") if one("field") in FIELDS else FIRST_FIELD
    operators = FIELDS[name].operators
    return Condition(
        field=name,
        operator=one("is") if one("is") in operators else operators[0],
        values=tuple(value.strip() for value in values_of(f"{key_of(place)}.value")),
        of=one("of"),
        times=one("times") or "1",
        days=one("days") or "30",
    )


def _last(values: Sequence[str]) -> str:
    return values[-1] if values else ""


# --- Changing its shape -------------------------------------------------------------------------------------------


def add(draft: Group, place: Place, node: Node) -> Group:
    """Put `node` last into the group at `place`; the draft as it was when that is no group or there are too many."""
    if _count(draft) >= MAX_CONDITIONS or len(place) + 2 > MAX_DEPTH - 1:
        return draft
    return _at(draft, place, lambda group: replace(group, children=(*group.children, node)))


def remove(draft: Group, place: Place) -> Group:
    if not place:
        return draft
    *above, gone = place

    def without(group: Group) -> Group:
        return replace(group, children=group.children[:gone] + group.children[gone + 1 :])

    return _at(draft, tuple(above), without)


def refit(draft: Group, place: Place) -> Group:
    """The condition at `place` asks about something else now: forget what was chosen for the field before."""
    *above, index = place or (-1,)

    def fitted(group: Group) -> Group:
        child = group.children[index] if 0 <= index < len(group.children) else None
        if not isinstance(child, Condition):
            return group
        field_ = FIELDS[child.field]
        is_kept = field_.kind is not Kind.CHOICE and not value_fault(field_, value_of(child))
        fresh = replace(child, values=child.values if is_kept else (), of="")
        return replace(group, children=(*group.children[:index], fresh, *group.children[index + 1 :]))

    return _at(draft, tuple(above), fitted)


def _at(node: Group, place: Place, change: Callable[[Group], Group]) -> Group:
    if not place:
        return change(node)
    index, *rest = place
    child = node.children[index] if index < len(node.children) else None
    if not isinstance(child, Group):
        return node
    changed = _at(child, tuple(rest), change)
    return replace(node, children=(*node.children[:index], changed, *node.children[index + 1 :]))


def _count(node: Node) -> int:
    return sum(map(_count, node.children)) if isinstance(node, Group) else 1


# --- To a rule and back -------------------------------------------------------------------------------------------


def draft_of(rule: Rule) -> Group:
    """The rule as groups and conditions. “Not” becomes a group of which none holds."""
    node = _node_of(rule)
    return node if isinstance(node, Group) else Group(ALL, (node,))


def _node_of(rule: Rule) -> Node:
    if "field" in rule:
        return _condition_of(rule)
    if "not" in rule:
        inner = rule["not"]
        return Group(NONE, tuple(map(_node_of, inner.get("any", [inner]))))
    kind = ALL if "all" in rule else ANY
    return Group(kind, tuple(map(_node_of, rule[kind])))


def _condition_of(rule: Rule) -> Condition:
    name, operator, value = rule["field"], rule["is"], rule["value"]
    match FIELDS[name].kind:
        case Kind.TIMES:
            return Condition(
                name, operator, (), of=value.get("of", ""), times=str(value["times"]), days=str(value["days"])
            )
        case Kind.CHOICE:
            return Condition(name, operator, tuple(value))
        case Kind.FLAG:
            return Condition(name, operator, ("yes" if value else "no",))
    return Condition(name, operator, (str(value),))


def rule_of(node: Node) -> Rule:
    """The rule a draft means; may have faults (see grammar.faults_of), which errors_of shows beside the condition."""
    if isinstance(node, Condition):
        return {"field": node.field, "is": node.operator, "value": value_of(node)}
    children = [rule_of(child) for child in node.children]
    if node.kind != NONE:
        return {node.kind: children}
    return {"not": children[0] if len(children) == 1 else {"any": children}}


def value_of(condition: Condition) -> object:
    """What the texts mean for this field; a text that means nothing stays as it is."""
    field_, text = FIELDS[condition.field], _last(condition.values)
    match field_.kind:
        case Kind.CHOICE:
            return list(condition.values)
        case Kind.FLAG:
            return text != "no"
        case Kind.MONEY:
            return text.replace(",", "").lstrip("$")
        case Kind.TIMES:
            times = {"times": _whole(condition.times), "days": _whole(condition.days)}
            return times | ({"of": condition.of} if field_.of else {})
    return _whole(text)


def _whole(text: str) -> int | str:
    plain = text.replace(",", "")
    return int(plain) if plain.isascii() and plain.isdigit() and len(plain) < 10 else text


def errors_of(draft: Group) -> dict[Place, str]:
    """What is wrong with each condition, by its place."""
    return {
        place: fault
        for place, condition in conditions_of(draft)
        if (fault := value_fault(_field(condition), value_of(condition)))
    }


def conditions_of(node: Node, place: Place = ()) -> Iterator[tuple[Place, Condition]]:
    if isinstance(node, Condition):
        yield place, node
        return
    for index, child in enumerate(node.children):
        yield from conditions_of(child, (*place, index))


def _field(condition: Condition) -> Field:
    return FIELDS[condition.field]
