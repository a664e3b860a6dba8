"""From three quintiles to a named group (see docs/scores.md)."""

# Rows: recency 5 to 1. Columns: 1 to 5, how often and how much together.
_GRID = {
    5: ("new", "potential_loyalists", "potential_loyalists", "champions", "champions"),
    4: ("promising", "potential_loyalists", "potential_loyalists", "loyal", "loyal"),
    3: ("about_to_sleep", "about_to_sleep", "need_attention", "loyal", "loyal"),
    2: ("hibernating", "hibernating", "at_risk", "at_risk", "cannot_lose"),
    1: ("lost", "hibernating", "at_risk", "at_risk", "cannot_lose"),
}

# One list for the database: the group of (recency, value) stands at 5 * (recency - 1) + value, counted from 1.
GROUPS_IN_ORDER = [group for recency in range(1, 6) for group in _GRID[recency]]

# The same grid, read by its sides: from how long ago somebody bought, and from how often and how much.
NOT_SEEN = {"high": (1, 2), "medium": (3, 3), "low": (4, 5)}  # by recency
VALUE = {"high": (4, 5), "medium": (3, 3), "low": (1, 2)}  # by value_of

NIGHT_BUYER_ORDERS = 3  # From so many orders on, a habit can be told from a coincidence.


def value_of(frequency: int, monetary: int) -> int:
    """Frequency and monetary quintile on one axis: their mean, halves rounded up."""
    return (frequency + monetary + 1) // 2


def group_of(recency: int, frequency: int, monetary: int) -> str:
    return _GRID[recency][value_of(frequency, monetary) - 1]


def is_night_buyer(orders: int, night_orders: int) -> bool:
    return orders >= NIGHT_BUYER_ORDERS and 2 * night_orders >= orders
