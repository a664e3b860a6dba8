"""What a return takes back, and from where."""

from dataclasses import dataclass

PENDING_ONLY, WITHIN_BALANCE, UNLIMITED = "pending_only", "within_balance", "unlimited"


@dataclass(frozen=True)
class Given:
    """What one rule gave for one order and still counts: `net` points, of which some wait, some remain unspent and
    some have expired. The rest was spent, `held` of it on rewards that can still be given back.
    """

    net: int
    pending: int
    remaining: int
    expired: int
    held: int = 0


@dataclass(frozen=True)
class Taken:
    """`pending` and `own` come out of the order's own lots, `other` out of whatever else the member has or will have;
    `waived` is let go for good.
    """

    pending: int
    own: int
    other: int
    waived: int

    @property
    def points(self) -> int:
        return self.own + self.other


def take_back(points: int, given: Given, *, balance: int, policy: str) -> Taken:
    """Split `points` (at most `given.net`) by the return policy. What expired is never taken a second time."""
    pending = min(points, given.pending)
    if policy == PENDING_ONLY:
        return Taken(pending, 0, 0, points - pending)
    own = min(points - pending, given.remaining)
    spent = max(0, given.net - given.pending - given.remaining - given.expired)
    other = min(points - pending - own, spent)
    if policy == WITHIN_BALANCE:
        # Points that are only held are not gone: who gives the reward back afterwards pays with them.
        other = max(0, min(other, max(0, balance - own) + given.held))
    return Taken(pending, own, other, points - pending - own - other)
