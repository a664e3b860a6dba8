"""The ledger of points: every change is an entry that stays, and each account is the sum of its entries.

Who writes locks the accounts first, in the order of members, so that two writers cannot wait for each other; then
what a statement reads of lots is what stands. After each action what remains in a member's lots is their balance, or
nothing while they owe.
"""

from loyalty.actions.ledger.changes import (
    Credit,
    Debit,
    Reversal,
    TooManyPoints,
    credit,
    debit,
    lock_accounts,
    reverse,
)
from loyalty.actions.ledger.checks import check_ledger
from loyalty.actions.ledger.due import expire, release_for_members, release_for_orders, release_pending
from loyalty.actions.ledger.holds import NotEnoughPoints, give_back, hold
from loyalty.actions.ledger.moves import move_all, move_back

__all__ = [
    "Credit",
    "Debit",
    "NotEnoughPoints",
    "Reversal",
    "TooManyPoints",
    "check_ledger",
    "credit",
    "debit",
    "expire",
    "give_back",
    "hold",
    "lock_accounts",
    "move_all",
    "move_back",
    "release_for_members",
    "release_for_orders",
    "release_pending",
    "reverse",
]
