"""Who is drawn into what: by a digest of two public ids, so that asking again draws the same. Plain Python.

`campaigns.sending.assignment` says the same in SQL; a test holds the two together.
"""

from collections.abc import Sequence
from hashlib import md5
from uuid import UUID

# A draw is one of so many lots, all equally likely.
LOTS = 10_000


def lot(draw: UUID, member: UUID) -> int:
    """0 to 9,999: the first 32 bits of an MD5 over both ids. Two draws know nothing of each other.

    `draw` is what is drawn for, such as a campaign or an experiment.
    """
    digest = md5(f"{draw}{member}".encode(), usedforsecurity=False).hexdigest()
    return int(digest[:8], 16) % LOTS


def is_held_out_of(campaign: UUID, member: UUID, percent: int) -> bool:
    """Whether this member gets nothing of this campaign. Other campaigns hold out others."""
    return lot(campaign, member) < percent * LOTS // 100


def shares_of(weights: Sequence[int], test_percent: int) -> list[int]:
    """Up to which lot each variant reaches, in their order, when `test_percent` of the audience take part."""
    total, so_far, ends = sum(weights), 0, []
    for weight in weights:
        so_far += weight
        ends.append(so_far * test_percent * LOTS // (100 * total))
    return ends


def variant_of(experiment: UUID, member: UUID, *, letters: Sequence[str], ends: Sequence[int]) -> str | None:
    """The variant a member is assigned to; None: they wait for the winner."""
    drawn = lot(experiment, member)
    return next((letter for letter, end in zip(letters, ends, strict=True) if drawn < end), None)
