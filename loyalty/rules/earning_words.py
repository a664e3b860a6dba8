"""An earn rule in plain English, for staff. Members read theirs in their language: loyalty.queries.offering."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from loyalty.rules.earning import BRACKET, FIXED, MULTIPLIER, Conditions, Rule

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
WHEN = {
    "order": "",
    "event": "each “{event}”",
    "scan": "each scan",
    "referral": "each friend who buys",
    "birthday": "a birthday",
    "review": "each review",
    "segment": "entering “{segment}”",
}
PERIODS = {"day": "a day", "week": "a week", "month": "a month", "year": "a year", "ever": "in all"}


def words_of(
    rule: Rule,
    *,
    stores: Mapping[Any, str] | None = None,
    tiers: Mapping[Any, str] | None = None,
    segments: Mapping[Any, str] | None = None,
    currency: str = "",
) -> str:
    """Such as: `2× points on Wine, on Fridays, for Gold; at most 100 points a month`."""
    known = {"stores": stores or {}, "tiers": tiers or {}, "segments": segments or {}}
    parts = [_gives(rule, currency) + _when(rule, known["segments"])]
    parts += _conditions(rule.conditions, known)
    if rule.minimum_total:
        parts.append(f"from a total of {_number(rule.minimum_total)} on")
    limits = _limits(rule)
    return ", ".join(parts) + (f"; {limits}" if limits else "")


def _gives(rule: Rule, currency: str) -> str:
    if rule.effect == MULTIPLIER:
        return f"{_number(rule.multiplier)}× points"
    if rule.effect == FIXED:
        return _points(rule.points)
    if rule.effect == BRACKET:
        return "; ".join(f"{_points(points)} from {_number(start)} on" for start, points in rule.brackets)
    return f"{_points(rule.points_per_unit)} for each {currency or 'unit of the currency'}"


def _when(rule: Rule, segments: Mapping[Any, str]) -> str:
    told = WHEN[rule.trigger].format(event=rule.event_name, segment=segments.get(rule.segment_id, "a segment"))
    return f" for {told}" if told else ""


def _conditions(asked: Conditions, known: Mapping[str, Mapping[Any, str]]) -> Iterable[str]:
    if asked.asks_for_products:
        yield f"on {_either([*sorted(asked.categories), *sorted(asked.skus)])}"
    if asked.weekdays:
        yield f"on {_either([DAYS[day] + 's' for day in sorted(asked.weekdays)])}"
    if asked.from_time and asked.to_time:
        yield f"from {asked.from_time:%H:%M} to {asked.to_time:%H:%M}"
    if asked.stores:
        yield f"at {_either([known['stores'].get(code, code) for code in sorted(asked.stores)])}"
    if asked.tiers:
        yield f"for {_either([known['tiers'].get(tier, 'a tier') for tier in sorted(asked.tiers)])}"
    if asked.segments:
        yield f"for members in {_either([known['segments'].get(each, 'a segment') for each in sorted(asked.segments)])}"


def _limits(rule: Rule) -> str:
    limits = []
    if rule.cap_points is not None:
        limits.append(f"at most {_points(rule.cap_points)}")
    if rule.cap_times is not None:
        limits.append("at most once" if rule.cap_times == 1 else f"at most {rule.cap_times} times")
    return f"{' and '.join(limits)} {PERIODS[rule.cap_period]}" if limits else ""


def _either(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _points(number: Decimal | int) -> str:
    return f"{_number(number)} {'point' if number == 1 else 'points'}"


def _number(number: Decimal | int) -> str:
    return f"{Decimal(number).normalize():,f}"
