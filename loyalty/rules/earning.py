"""What a purchase or another occasion earns by the shop's rules: one engine for orders, dry runs and previews.

Points are whole: what a rule gives is cut toward zero. A part of an order that was paid with points earns nothing, so
each line counts for its share of the rest.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

FIRST, ADDITIVE = "first", "additive"
PER_UNIT, FIXED, MULTIPLIER, BRACKET = "per_unit", "fixed", "multiplier", "bracket"
ORDER = "order"
LARGEST = 10**9
PERIODS = ("day", "week", "month", "year", "ever")
MOST_LISTED = 500


class BadConditions(ValueError):
    """Conditions or brackets that cannot be meant; the message says what to change."""


@dataclass(frozen=True)
class Conditions:
    """All that are set must hold; an empty one asks nothing.

    `weekdays` counts from Monday, 0. `from_time` and `to_time` are the store's clock, and may go over midnight.
    """

    skus: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    stores: frozenset[str] = frozenset()
    weekdays: frozenset[int] = frozenset()
    from_time: time | None = None
    to_time: time | None = None
    tiers: frozenset[int] = frozenset()
    segments: frozenset[int] = frozenset()

    @property
    def asks_for_products(self) -> bool:
        return bool(self.skus or self.categories)


@dataclass(frozen=True)
class Rule:
    """An earn rule as the engine sees it; the fields are those of loyalty.models.EarnRule."""

    id: int
    name: str
    trigger: str = ORDER
    effect: str = PER_UNIT
    points_per_unit: Decimal = Decimal(0)
    points: int = 0
    multiplier: Decimal = Decimal(1)
    brackets: tuple[tuple[Decimal, int], ...] = ()
    conditions: Conditions = Conditions()
    minimum_total: Decimal = Decimal(0)
    starts_on: date | None = None
    ends_on: date | None = None
    cap_points: int | None = None
    cap_times: int | None = None
    cap_period: str = "ever"
    event_name: str = ""
    segment_id: int | None = None

    @property
    def is_capped(self) -> bool:
        return self.cap_points is not None or self.cap_times is not None


@dataclass(frozen=True)
class Line:
    sku: str
    category: str
    amount: Decimal


@dataclass(frozen=True)
class Facts:
    """What the rules look at. `at` is the store's own clock. Without `lines`, only rules that ask for no products fit
    by amount; another occasion than an order has the one product it is about as its line, and no total.
    """

    at: datetime
    total: Decimal = Decimal(0)
    lines: tuple[Line, ...] = ()
    paid_with_points: Decimal = Decimal(0)
    store: str = ""
    tier: int | None = None
    segments: frozenset[int] = frozenset()

    @property
    def paid(self) -> Decimal:
        """The part that earns."""
        return self.total - self.paid_with_points


@dataclass(frozen=True)
class Room:
    """What a cap leaves: points and times; None where there is no such cap."""

    points: int | None = None
    times: int | None = None

    def at_least(self, given: int) -> "Room":
        """Room for what was given already, too: a cap stops growth and takes nothing back."""
        if given <= 0:
            return self
        points = None if self.points is None else max(self.points, given)
        return Room(points, None if self.times is None else max(self.times, 1))

    def cut(self, points: int) -> int:
        if points <= 0:
            return points
        if self.times is not None and self.times < 1:
            return 0
        return points if self.points is None else max(0, min(points, self.points))


NO_CAP = Room()


def earned(rules: Sequence[Rule], facts: Facts, *, mode: str, room: Mapping[int, Room] | None = None) -> dict[int, int]:
    """Points by rule id; nothing for rules that do not fit. `rules` stand in the order they are asked.

    With the mode `first` one rule gives, and one multiplier goes with it; with `additive` all that fit do. Multipliers
    multiply what the others give, each by itself and not one the other.
    """
    return given(_chosen([rule for rule in rules if fits(rule, facts)], mode), facts, room or {})


def given(rules: Iterable[Rule], facts: Facts, room: Mapping[int, Room]) -> dict[int, int]:
    """What these rules give, already chosen: an order that changes keeps the rules it had."""
    chosen = list(rules)
    points = {rule.id: _base(rule, facts) for rule in chosen if rule.effect != MULTIPLIER}
    points = {rule_id: room.get(rule_id, NO_CAP).cut(value) for rule_id, value in points.items()}
    base = sum(points.values())
    for rule in chosen:
        if rule.effect == MULTIPLIER:
            extra = int(base * (rule.multiplier - 1) * _share(rule, facts))
            points[rule.id] = room.get(rule.id, NO_CAP).cut(_bounded(extra))
    return points


def fits(rule: Rule, facts: Facts) -> bool:
    asked = rule.conditions
    return (
        (rule.starts_on is None or rule.starts_on <= facts.at.date())
        and (rule.ends_on is None or facts.at.date() <= rule.ends_on)
        and abs(facts.paid) >= rule.minimum_total
        and (not asked.weekdays or facts.at.weekday() in asked.weekdays)
        and _in_hours(asked, facts.at.time())
        and (not asked.stores or facts.store in asked.stores)
        and (not asked.tiers or facts.tier in asked.tiers)
        and (not asked.segments or bool(asked.segments & facts.segments))
        and (not asked.asks_for_products or any(_wanted(asked, line) for line in facts.lines))
    )


def period_start(period: str, day: date) -> date:
    """The first day of the cap's period that `day` is in. Weeks begin on Monday."""
    match period:
        case "day":
            return day
        case "week":
            return date.fromordinal(day.toordinal() - day.weekday())
        case "month":
            return day.replace(day=1)
        case "year":
            return day.replace(month=1, day=1)
        case _:
            return date.min


def read_conditions(raw: Mapping[str, Any]) -> Conditions:
    """From what is kept or sent. Raises BadConditions."""
    if unknown := set(raw) - set(Conditions.__dataclass_fields__):
        raise BadConditions(f"“{min(unknown)}” is no condition of an earn rule.")
    weekdays = frozenset(_whole(raw.get("weekdays", ()), "days of the week"))
    if not weekdays <= set(range(7)):
        raise BadConditions("Days of the week are 0 for Monday to 6 for Sunday.")
    start, end = _clock(raw.get("from_time")), _clock(raw.get("to_time"))
    if (start is None) != (end is None):
        raise BadConditions("Give both hours, from and to, or neither.")
    return Conditions(
        skus=_texts(raw.get("skus", ())),
        categories=_texts(raw.get("categories", ())),
        stores=_texts(raw.get("stores", ())),
        weekdays=weekdays,
        from_time=start,
        to_time=end,
        tiers=frozenset(_whole(raw.get("tiers", ()), "tiers")),
        segments=frozenset(_whole(raw.get("segments", ()), "segments")),
    )


def read_brackets(raw: Sequence[Mapping[str, Any]]) -> tuple[tuple[Decimal, int], ...]:
    """From `[{"from": "50", "points": 100}, ...]`, lowest first. Raises BadConditions."""
    try:
        brackets = sorted((Decimal(str(each["from"])), int(each["points"])) for each in raw)
    except (ArithmeticError, KeyError, TypeError, ValueError):
        raise BadConditions("Each bracket says from which total on it gives how many points.") from None
    if any(not start.is_finite() or start < 0 or not 0 <= points <= LARGEST for start, points in brackets):
        raise BadConditions("Brackets begin at 0 or more and give 0 points or more.")
    if len({start for start, _ in brackets}) < len(brackets):
        raise BadConditions("Two brackets begin at the same total.")
    return tuple(brackets)


def _chosen(fitting: Sequence[Rule], mode: str) -> list[Rule]:
    if mode == ADDITIVE:
        return list(fitting)
    base = next((rule for rule in fitting if rule.effect != MULTIPLIER), None)
    multiplier = next((rule for rule in fitting if rule.effect == MULTIPLIER), None)
    return [rule for rule in (base, multiplier) if rule]


def _base(rule: Rule, facts: Facts) -> int:
    paid = facts.paid * _share(rule, facts)
    if abs(facts.paid) < rule.minimum_total:
        return 0
    if rule.effect == PER_UNIT:
        return _bounded(int(paid * rule.points_per_unit))
    if rule.trigger == ORDER and paid <= 0:
        return 0
    if rule.effect == BRACKET:
        return next((points for start, points in reversed(rule.brackets) if start <= paid), 0)
    return rule.points


def _share(rule: Rule, facts: Facts) -> Decimal:
    """How much of the order, of 1, the rule is about."""
    if not rule.conditions.asks_for_products or not facts.total:
        return Decimal(1)
    wanted = sum((line.amount for line in facts.lines if _wanted(rule.conditions, line)), Decimal(0))
    return wanted / facts.total


def _wanted(asked: Conditions, line: Line) -> bool:
    return line.sku in asked.skus or line.category in asked.categories


def _in_hours(asked: Conditions, clock: time) -> bool:
    start, end = asked.from_time, asked.to_time
    if start is None or end is None:
        return True
    return start <= clock < end if start < end else clock >= start or clock < end


def _bounded(points: int) -> int:
    return max(-LARGEST, min(points, LARGEST))


def _texts(raw: Any) -> frozenset[str]:
    if not isinstance(raw, list | tuple) or len(raw) > MOST_LISTED:
        raise BadConditions(f"List at most {MOST_LISTED} of them.")
    return frozenset(str(each).strip() for each in raw if str(each).strip())


def _whole(raw: Any, what: str) -> list[int]:
    try:
        return [int(each) for each in raw]
    except (TypeError, ValueError):
        raise BadConditions(f"{what.capitalize()} are given by number.") from None


def _clock(raw: Any) -> time | None:
    if raw in (None, ""):
        return None
    try:
        return time.fromisoformat(str(raw))
    except ValueError:
        raise BadConditions("Write hours as 17:00.") from None
