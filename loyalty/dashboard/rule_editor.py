"""A draft of a rule, made ready for the form's templates."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from loyalty.rules.segments import FIELDS, Kind, drafts
from loyalty.rules.segments.fields import AT_LEAST, AT_MOST, EXACTLY, ONE_OF, TOPICS, Field

KINDS = ((drafts.ALL, "All of these"), (drafts.ANY, "Any of these"), (drafts.NONE, "None of these"))
OPERATORS = {AT_LEAST: "at least", AT_MOST: "at most", EXACTLY: "exactly", ONE_OF: "is one of"}
FIELDS_BY_TOPIC = [
    (label, [(field.name, field.label) for field in FIELDS.values() if field.topic == topic])
    for topic, label in TOPICS.items()
]
Known = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Choice:
    value: str
    label: str
    is_chosen: bool


def editor_of(draft: drafts.Group, known: Known, *, touched: str = "", is_final: bool = False) -> dict[str, Any]:
    """The tree for `loyalty/rule_group.html`. `touched` is the last button pressed: the cursor goes there. What is
    not filled in yet is called wrong only when it `is_final`.
    """
    blank = {place for place, condition in drafts.conditions_of(draft) if condition.is_blank}
    errors = {place: text for place, text in drafts.errors_of(draft).items() if is_final or place not in blank}
    return _Editor(known, errors, touched).group(draft, ())


@dataclass(frozen=True)
class _Editor:
    known: Known
    errors: Mapping[drafts.Place, str]
    touched: str

    def group(self, group: drafts.Group, place: drafts.Place) -> dict[str, Any]:
        key = drafts.key_of(place)
        return {
            "is_group": True,
            "key": key,
            "is_top": not place,
            "kind": group.kind,
            "kinds": KINDS,
            "children": list(self._children(group, place)),
            "has_focus": self.touched.startswith("remove:") and self._was_in(place),
        }

    def _children(self, group: drafts.Group, place: drafts.Place) -> Iterator[dict[str, Any]]:
        last = len(group.children) - 1
        for index, child in enumerate(group.children):
            at = (*place, index)
            if isinstance(child, drafts.Group):
                yield self.group(child, at)
            else:
                is_new = index == last and self.touched == f"add-condition:{drafts.key_of(place)}"
                yield self.condition(child, at, has_focus=is_new)

    def condition(self, condition: drafts.Condition, place: drafts.Place, *, has_focus: bool) -> dict[str, Any]:
        field = FIELDS[condition.field]
        return {
            "key": drafts.key_of(place),
            "number": ".".join(str(index + 1) for index in place),
            "field": field,
            "topics": FIELDS_BY_TOPIC,
            "operator": condition.operator,
            "operators": [(operator, OPERATORS[operator]) for operator in field.operators],
            "is_choice": field.kind is Kind.CHOICE,
            "is_flag": field.kind is Kind.FLAG,
            "is_times": field.kind is Kind.TIMES,
            "is_days_ago": field.kind is Kind.DAYS_AGO,
            "is_money": field.kind is Kind.MONEY,
            "choices": list(self._choices(field, condition)),
            "is_listed": field.of is not None and field.name in self.known,
            "value": condition.values[-1] if condition.values else "",
            "of": condition.of,
            "times": condition.times,
            "days": condition.days,
            "error": self.errors.get(place, ""),
            "has_focus": has_focus,
        }

    def _choices(self, field: Field, condition: drafts.Condition) -> Iterator[Choice]:
        """What exists in the business, and what was chosen although it does not exist any more."""
        chosen = {condition.of} if field.kind is Kind.TIMES else set(condition.values)
        known = self.known.get(field.name, {}) if field.kind in (Kind.CHOICE, Kind.TIMES) else {}
        for value, label in known.items():
            yield Choice(value, label, value in chosen)
        if known:
            yield from (Choice(value, value, True) for value in sorted(chosen - set(known) - {""}))

    def _was_in(self, place: drafts.Place) -> bool:
        return self.touched.partition(":")[2].rpartition("-")[0] == drafts.key_of(place)
