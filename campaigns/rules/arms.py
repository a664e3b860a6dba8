"""An assignment file: who was in which arm and what they did, read and compared. Plain Python.

Sums are exact, as decimals: only the last step is floating point. Nobody's name is kept: of each arm, its sums alone.
"""

import csv
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation, localcontext
from typing import Any

from campaigns.rules import sample_sizes, statistics
from campaigns.rules.effects import LESS, MORE, TOO_FEW, UNCLEAR
from campaigns.rules.sample_sizes import FEWEST_FOR_MEANS, FEWEST_FOR_SHARES
from campaigns.rules.statistics import ALPHA, Difference, Share, Sums

UNITS = ("member", "unit", "customer", "user", "id", "member_id", "customer_id", "user_id")
ARMS = ("arm", "group", "variant", "assignment", "treatment")
# A column with one of these words in its name is an amount of money, in the shop's currency.
AMOUNTS = {"revenue", "margin", "profit", "sales", "turnover", "spend", "spent", "spending", "amount", "income"}
CONTROLS = ("control", "holdout", "held out", "a")
MOST_ARMS, MOST_OUTCOMES, MOST_FAULTS = 20, 20, 5
# Nothing that a shop counts is larger, and squares must stay exact.
LARGEST = Decimal(10) ** 12
# Below this the arms were not drawn as planned, and no comparison of them is to be believed.
DOUBTFUL_SPLIT = 0.001


# Of all currencies, before or behind the amount. Cents are none: 50¢ is half of a dollar.
_SIGN = r"[$£¤¥\u20a0-\u20c0]"
_PLAIN = r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?"
_WITH_SIGNS = re.compile(rf"-?(?:{_SIGN} ?)?{_PLAIN}|{_SIGN} ?-{_PLAIN}|-?{_PLAIN} ?{_SIGN}")
# One mark before three digits may part thousands or decimals.
_DOUBTFUL = re.compile(rf"-?(?:{_SIGN} ?)?-?([1-9][0-9]{{0,2}})[.,]([0-9]{{3}})(?: ?{_SIGN})?")


class BadFile(ValueError):
    """What is wrong with the file, line by line, in words."""


@dataclass
class Tally:
    """One outcome of one arm. `positive` counts units with more than zero."""

    total: Decimal = Decimal(0)
    squares: Decimal = Decimal(0)
    positive: int = 0
    is_yes_or_no: bool = True

    def add(self, value: Decimal) -> None:
        self.total += value
        self.squares += value * value
        self.positive += value > 0
        self.is_yes_or_no &= value in (0, 1)


@dataclass
class Table:
    """What a file says: how many units each arm has, and of each its outcomes by name."""

    outcomes: tuple[str, ...]
    units: dict[str, int] = field(default_factory=dict)
    tallies: dict[str, dict[str, Tally]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "outcomes": list(self.outcomes),
            "units": self.units,
            "tallies": {
                arm: {
                    name: [str(tally.total), str(tally.squares), tally.positive, tally.is_yes_or_no]
                    for name, tally in tallies.items()
                }
                for arm, tallies in self.tallies.items()
            },
        }

    @classmethod
    def of_json(cls, kept: Mapping[str, Any]) -> "Table":
        tallies = {
            arm: {name: Tally(Decimal(row[0]), Decimal(row[1]), row[2], row[3]) for name, row in found.items()}
            for arm, found in kept["tallies"].items()
        }
        return cls(tuple(kept["outcomes"]), dict(kept["units"]), tallies)


@dataclass(frozen=True)
class ArmFigures:
    """An arm beside the control, which has no difference. `rate` is the share of units with more than zero.

    `verdict` is MORE, LESS, UNCLEAR, or TOO_FEW: then `enough` units in the smaller arm would do, None while nobody
    has more than zero. The control has none.
    """

    arm: str
    units: int
    rate: float
    mean: float
    difference: Difference | None
    verdict: str = ""
    enough: int | None = None

    @property
    def is_told(self) -> bool:
        """There is a difference worth showing."""
        return self.difference is not None and self.verdict != TOO_FEW

    @property
    def is_clear(self) -> bool:
        return self.verdict in (MORE, LESS)


@dataclass(frozen=True)
class OutcomeReport:
    """One outcome, the control first. `is_share`: only 0 and 1 were told, so proportions are compared."""

    outcome: str
    is_share: bool
    arms: tuple[ArmFigures, ...]

    @property
    def is_money(self) -> bool:
        return not self.is_share and bool(AMOUNTS & set(re.split(r"[^a-z]+", self.outcome)))

    @property
    def control(self) -> ArmFigures:
        return self.arms[0]

    @property
    def others(self) -> tuple[ArmFigures, ...]:
        return self.arms[1:]


def read(lines: Iterable[str]) -> Table:
    """Raises BadFile. One line a unit: who it is, its arm, and numbers."""
    rows, head = _opened(lines)
    table = Table(head.outcomes)
    if not 1 <= len(table.outcomes) <= MOST_OUTCOMES:
        raise BadFile(f"Beside {head.unit} and {head.arm} there must be one to {MOST_OUTCOMES} columns of numbers.")
    seen, faults = set[str](), list[str]()
    with localcontext() as context:
        context.prec = 60
        for number, row in enumerate(rows, start=2):
            if fault := _left_over(head, row) or _take(table, head, row, seen):
                faults.append(f"Line {number}: {fault}")
            if len(faults) == MOST_FAULTS:
                break
    if faults:
        raise BadFile(" ".join(faults))
    if len(table.units) < 2:
        raise BadFile("There must be two arms at least, to be compared.")
    return table


@dataclass(frozen=True)
class Head:
    """The first line. `unit` and `arm` are two of its `names`, and `number_of` reads what stands below the others."""

    names: tuple[str, ...]
    unit: str
    arm: str
    number_of: Callable[[str], Decimal | None]

    @property
    def outcomes(self) -> tuple[str, ...]:
        return tuple(name for name in self.names if name and name not in (self.unit, self.arm))


def _opened(lines: Iterable[str]) -> tuple[Iterable[list[str]], Head]:
    """The rows below the first, and the first.

    Where semicolons or tabs part the columns, a comma may be that of decimals and a point that of thousands.
    """
    stream = iter(lines)
    head = next(stream, "").lstrip("\ufeff")
    mark = max(",;\t", key=head.count)
    names = tuple(name.strip().lower() for name in next(csv.reader([head], delimiter=mark), []))
    if len(set(names)) < len(names):
        raise BadFile("Two columns have the same name.")
    unit, arm = _named(names, UNITS, "who"), _named(names, ARMS, "the arm")
    return csv.reader(stream, delimiter=mark), Head(names, unit, arm, _amount if mark == "," else _sure_amount)


def _named(columns: Sequence[str], known: Sequence[str], what: str) -> str:
    found = next((name for name in known if name in columns), None)
    if found is None:
        told = ", ".join(filter(None, columns)) or "nothing"
        raise BadFile(f"No column says {what}: call it {known[0]}. The first line names {told[:200]}.")
    return found


def _left_over(head: Head, row: Sequence[str]) -> str | None:
    if any(cell.strip() for cell in row[len(head.names) :]):
        return f"{len(row)} values for {len(head.names)} columns. Put quotes around an amount with commas in it."
    return None


def _take(table: Table, head: Head, row: Sequence[str], seen: set[str]) -> str | None:
    """What is wrong with the line, or nothing and it is counted."""
    told = dict(zip(head.names, row, strict=False))
    if not any(cell.strip() for cell in told.values()):
        return None
    who, name = told.get(head.unit, "").strip(), told.get(head.arm, "").strip()
    if not who or not name:
        return f"{head.unit if not who else head.arm} is empty."
    if who in seen:
        return f"{head.unit} {who[:40]} was told before; each may be in one arm only."
    values = [head.number_of(told.get(outcome, "")) for outcome in table.outcomes]
    if None in values:
        wrong = table.outcomes[values.index(None)]
        return _unread(told.get(wrong, "").strip(), wrong)
    if name not in table.units and len(table.units) == MOST_ARMS:
        return f"more than {MOST_ARMS} arms. Is {head.arm} the right column?"
    seen.add(who)
    table.units[name] = table.units.get(name, 0) + 1
    tallies = table.tallies.setdefault(name, {outcome: Tally() for outcome in table.outcomes})
    for outcome, value in zip(table.outcomes, values, strict=True):
        if value is not None:
            tallies[outcome].add(value)
    return None


def _number(text: str) -> Decimal | None:
    """An empty cell is a unit that did nothing."""
    try:
        value = Decimal(text.strip() or "0")
    except InvalidOperation:
        return None
    return value if value.is_finite() and abs(value) <= LARGEST else None


def _amount(text: str) -> Decimal | None:
    """With a sign of currency and commas between thousands, too: $1,234.50."""
    plain = text.strip()
    return _number(re.sub(r"[^0-9.-]", "", plain) if _WITH_SIGNS.fullmatch(plain) else plain)


def _sure_amount(text: str) -> Decimal | None:
    """What can be read in one way only: not 1,000 and not 1.000."""
    return None if _DOUBTFUL.fullmatch(text.strip()) else _amount(text)


def _unread(text: str, column: str) -> str:
    if doubtful := _DOUBTFUL.fullmatch(text):
        whole, rest = doubtful.groups()
        whole = f"-{whole}" if "-" in text else whole
        return f"“{text}” in {column} may mean {whole}{rest} or {whole}.{rest}0. Write it as one of these."
    return f"“{text[:40]}” in {column} is no number. Write it like 1234.50."


def control_in(table: Table, wanted: str) -> str:
    """The arm that the others are compared with. Raises BadFile when nobody said which."""
    by_name = {arm.lower(): arm for arm in table.units}
    names = [wanted.strip().lower()] if wanted.strip() else CONTROLS
    found = next((by_name[name] for name in names if name in by_name), None)
    if found is None:
        told = ", ".join(sorted(table.units))
        raise BadFile(f"No arm is called {wanted.strip() or 'control'}. There are {told}: say which is the control.")
    return found


def planned_split(table: Table, text: str) -> dict[str, float]:
    """`control 50, email 25, sms 25`, or equal parts. Raises BadFile."""
    if not text.strip():
        return dict.fromkeys(table.units, 1.0)
    found = {}
    for part in text.split(","):
        name, _, weight = part.strip().rpartition(" ")
        value = _number(weight)
        if name.strip() not in table.units or value is None or value <= 0:
            raise BadFile("Write the planned split with every arm and a number, such as control 50, email 25, sms 25.")
        found[name.strip()] = float(value)
    if set(found) != set(table.units):
        raise BadFile(f"The planned split leaves out {', '.join(sorted(set(table.units) - set(found)))}.")
    return found


def chance_of(table: Table, split: Mapping[str, float]) -> float:
    """p of the sizes of the arms, if they were drawn by `split`."""
    arms = sorted(table.units)
    return statistics.chance_of_split([table.units[arm] for arm in arms], [split[arm] for arm in arms])


def report(table: Table, control: str) -> list[OutcomeReport]:
    """Every arm against the control; p by Holm over the arms of an outcome, intervals each at 95 %."""
    return [_of_outcome(table, control, name) for name in table.outcomes]


def _of_outcome(table: Table, control: str, name: str) -> OutcomeReport:
    others = sorted(arm for arm in table.units if arm != control)
    is_share = all(tallies[name].is_yes_or_no for tallies in table.tallies.values())
    found = [_difference(table, arm, control, name, is_share) for arm in others]
    adjusted = statistics.holm([each.p for each in found])
    told = [Difference(each.value, each.low, each.high, p) for each, p in zip(found, adjusted, strict=True)]
    figures = [_figures(table, control, name)]
    for arm, each in zip(others, told, strict=True):
        figures.append(_judged(replace(_figures(table, arm, name), difference=each), table, control, name, is_share))
    return OutcomeReport(name, is_share, tuple(figures))


def _judged(found: ArmFigures, table: Table, control: str, name: str, is_share: bool) -> ArmFigures:
    """With what may be said of it."""
    mine, base = (_rarer(table, arm, name, is_share=is_share) for arm in (found.arm, control))
    fewest = FEWEST_FOR_SHARES if is_share else FEWEST_FOR_MEANS
    if not sample_sizes.is_enough(mine, base, fewest=fewest):
        return replace(found, verdict=TOO_FEW, enough=sample_sizes.members_for(mine, base, fewest=fewest))
    if found.difference is None or found.difference.p >= ALPHA or not found.difference.is_clear:
        return replace(found, verdict=UNCLEAR)
    return replace(found, verdict=MORE if found.difference.value > 0 else LESS)


def _rarer(table: Table, arm: str, name: str, *, is_share: bool) -> Share:
    """Those with more than zero; of a yes or no the rarer answer in the whole file, which decides what it can tell."""
    share = Share(table.units[arm], table.tallies[arm][name].positive)
    positive = sum(tallies[name].positive for tallies in table.tallies.values())
    return Share(share.n, share.n - share.hits) if is_share and 2 * positive > sum(table.units.values()) else share


def _difference(table: Table, arm: str, control: str, name: str, is_share: bool) -> Difference:
    if is_share:
        mine, base = (Share(table.units[each], table.tallies[each][name].positive) for each in (arm, control))
        return statistics.difference_of_shares(mine, base)
    return statistics.difference_of_means(_sums(table, arm, name), _sums(table, control, name))


def _sums(table: Table, arm: str, name: str) -> Sums:
    """About the mean: the squares of large numbers would swallow what lies between them."""
    n, tally = table.units[arm], table.tallies[arm][name]
    with localcontext() as context:
        context.prec = 60
        mean = tally.total / n
        spread = tally.squares - n * mean * mean
        return Sums(n, float(tally.total), float(spread + n * mean * mean), spread=float(spread))


def _figures(table: Table, arm: str, name: str) -> ArmFigures:
    n, tally = table.units[arm], table.tallies[arm][name]
    return ArmFigures(arm, n, tally.positive / n, float(tally.total / n), None)
