"""Lots as the database draws them, and up to which lot each variant of an experiment reaches."""

from itertools import pairwise
from typing import Any

from campaigns.models import Experiment
from campaigns.models.experiments import LETTERS
from campaigns.rules.assignment import LOTS, shares_of

# `rules.assignment.lot`, of what `draw` says in SQL and the `member` of the row.
LOT = f"(('x' || left(md5({{draw}} || member.public_id::text), 8))::bit(32)::bigint %% {LOTS})::int"


def drawn(experiment: Experiment) -> dict[str, Any]:
    """What decides the lots of an experiment: its public id, its letters, and up to which lot each of them reaches."""
    variants = list(experiment.variants.all())
    weights = [experiment.own_weight, *(variant.weight for variant in variants)]
    return {
        "step": experiment.step_id,
        "draw": str(experiment.public_id),
        "hours": experiment.hours,
        "letters": [LETTERS[0], *(variant.letter for variant in variants)],
        "ends": shares_of(weights, experiment.share),
    }


def expected(experiment: Experiment, members: int) -> dict[str, int]:
    """By letter, about how many of `members` the lots will give each wording."""
    lots = drawn(experiment)
    widths = (end - start for start, end in pairwise([0, *lots["ends"]]))
    return {letter: round(members * width / LOTS) for letter, width in zip(lots["letters"], widths, strict=True)}
