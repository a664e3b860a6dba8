"""Points that come in, that go, and that are taken back with an order."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from config.shared.errors import DomainError
from loyalty.actions.ledger import statements
from loyalty.models import PointsEntry
from loyalty.queries.terms import lot_terms_of, terms
from loyalty.rules.lots import lot_terms
from loyalty.rules.returns import Given, take_back

LARGEST = 2**31 - 1
Reason = PointsEntry.Reason
BOUGHT = (Reason.PURCHASE,)
PARTS = ("pending", "remaining", "expired", "held")


class TooManyPoints(DomainError):
    """More than the ledger's columns hold."""

    code = "too_many_points"


@dataclass(frozen=True, kw_only=True)
class Credit:
    """Points for a member, by a cause that is entered once: the same reason and reference again is no news.

    Points of what `is_delivered` already need not wait for that.
    """

    member_id: int
    points: int
    reason: str
    reference: str
    occurred_at: datetime
    rule_id: int | None = None
    order_id: int | None = None
    by_id: int | None = None
    note: str = ""
    is_delivered: bool = False


@dataclass(frozen=True, kw_only=True)
class Debit(Credit):
    """As many `points` less; taken from the balance even below zero: whoever asks has decided that it may be."""


@dataclass(frozen=True, kw_only=True)
class Reversal:
    """`points` of the `net` that one rule gave for one order are to go."""

    member_id: int
    order_id: int
    rule_id: int
    points: int
    net: int
    reference: str
    occurred_at: datetime


def lock_accounts(member_ids: Iterable[int]) -> dict[int, int]:
    """Nobody else writes these accounts until the transaction ends. Their balances."""
    return dict(statements.rows(statements.LOCK, [sorted(set(member_ids))]))


def credit(credits: Sequence[Credit], *, now: datetime) -> list[Credit]:
    """Enter points, each with its lot under today's terms; those that were news."""
    _refuse_odd(credits)
    if not credits:
        return []
    lock_accounts(each.member_id for each in credits)
    programme = lot_terms_of(terms())
    given = []
    for each in credits:
        lot = lot_terms(
            programme,
            earned_at=each.occurred_at,
            now=now,
            is_bought=each.reason in BOUGHT,
            is_delivered=each.is_delivered,
        )
        given.append((
            each.member_id, 0 if lot.is_pending else each.points, each.points if lot.is_pending else 0, each.reason,
            each.reference, each.rule_id, each.order_id, each.by_id, each.note, each.occurred_at, lot.pending_until,
            lot.pending_event, lot.expires_at, lot.is_sliding,
        ))  # fmt: skip
    entered = {tuple(row) for row in statements.rows(statements.CREDIT, [*statements.columns(given), now])}
    return [each for each in credits if (each.reason, each.reference) in entered]


def debit(debits: Sequence[Debit], *, now: datetime) -> list[Debit]:
    """Take points, from the lots that expire first; those that were news."""
    _refuse_odd(debits)
    if not debits:
        return []
    lock_accounts(each.member_id for each in debits)
    rows = [
        (each.member_id, -each.points, 0, 0, each.reason, each.reference, each.rule_id, each.order_id, each.by_id,
         each.note, each.occurred_at)
        for each in debits
    ]  # fmt: skip
    entered = _enter(rows, now=now)
    news = [each for each in debits if (each.reason, each.reference) in entered]
    take_from_lots((each.member_id, each.points) for each in news)
    return news


def reverse(reversals: Sequence[Reversal], *, now: datetime) -> None:
    """Take back what orders had earned, by the return policy: each time from the order's own lots first."""
    if not reversals:
        return
    balances = lock_accounts(each.member_id for each in reversals)
    policy = terms().return_policy
    lots = _lots_of_orders(reversals)
    rows: list[tuple[Any, ...]] = []
    drawn: dict[tuple[str, str], tuple[list[tuple[int, int, int]], tuple[int, int]]] = {}
    for each in reversals:
        of_order = lots[each.member_id, each.order_id, each.rule_id]
        given = Given(each.net, *(sum(lot[part] for lot in of_order) for part in PARTS))
        taken = take_back(each.points, given, balance=balances[each.member_id], policy=policy)
        balances[each.member_id] -= taken.points
        rows.append(
            (each.member_id, -taken.points, -taken.pending, taken.waived, Reason.RETURN, each.reference, each.rule_id,
             each.order_id, None, "", each.occurred_at)
        )  # fmt: skip
        own = _drawn(of_order, "pending", taken.pending) + _drawn(of_order, "remaining", taken.own)
        drawn[Reason.RETURN, each.reference] = (own, (each.member_id, taken.other))
    # What was entered under its reference before was drawn then.
    news = [drawn[cause] for cause in _enter(rows, now=now)]
    if own := [draw for of_own, _ in news for draw in of_own]:
        statements.run(statements.DRAW, statements.columns(own))
    take_from_lots(other for _, other in news)


def take_from_lots(wanted: Iterable[tuple[int, int]]) -> None:
    by_member: dict[int, int] = defaultdict(int)
    for member_id, points in wanted:
        by_member[member_id] += points
    rows = [(member_id, points) for member_id, points in by_member.items() if points > 0]
    if rows:
        statements.run(statements.TAKE_WANTED, statements.columns(rows))


def _refuse_odd(changes: Sequence[Credit]) -> None:
    for each in changes:
        if not 0 < each.points <= LARGEST:
            raise TooManyPoints(f"{each.points} is not a number of points that can be entered.")


def _enter(rows: list[tuple[Any, ...]], *, now: datetime) -> set[tuple[str, str]]:
    """Entries with the accounts they change; the reasons and references that were news."""
    return {
        (reason, reference) for reason, reference in statements.rows(statements.ENTER, [*statements.columns(rows), now])
    }


def _lots_of_orders(reversals: Sequence[Reversal]) -> dict[tuple[int, int, int], list[dict[str, int]]]:
    """By member, order and rule, newest first."""
    lots: dict[tuple[int, int, int], list[dict[str, int]]] = defaultdict(list)
    for member_id, order_id, rule_id, lot_id, *parts in statements.rows(
        statements.LOTS_OF_ORDERS, [[each.order_id for each in reversals]]
    ):
        lots[member_id, order_id, rule_id].append({"id": lot_id, **dict(zip(PARTS, parts, strict=True))})
    return lots


def _drawn(lots: list[dict[str, int]], part: str, points: int) -> list[tuple[int, int, int]]:
    """(lot, less pending, less remaining), and the lots themselves are left as they will be."""
    drawn = []
    for lot in lots:
        taken = min(points, lot[part])
        if taken:
            lot[part] -= taken
            points -= taken
            drawn.append((lot["id"], taken, 0) if part == "pending" else (lot["id"], 0, taken))
    return drawn
