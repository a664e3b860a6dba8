"""Whether the languages of a template still say the same, as far as its versions tell. Plain Python.

Two languages are in step when they came into the template, or changed, together. One of them that changes alone gets
ahead, until the other changes too, or until both say again what they said when they were in step.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import Any

_SAID = ("text", "title", "label", "alt", "link", "source", "subject", "preheader")


@dataclass(frozen=True)
class Saying:
    """What was said from `since` on: the words of each language. `is_draft`: by no version yet."""

    since: datetime
    words: Mapping[str, str]
    is_draft: bool = False


@dataclass(frozen=True)
class Drift:
    """`ahead` changed after `behind` did, and `behind` has not followed. `is_drafted`: the draft changed it."""

    ahead: str
    behind: str
    ahead_at: datetime
    behind_at: datetime
    is_drafted: bool


def words_of(variants: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """By language, everything that one channel of a raw `Content` says; how it is laid out does not count."""
    return {language: "\x1f".join(_words(variant)) for language, variant in variants.items()}


def _words(variant: Mapping[str, Any]) -> list[str]:
    parts = [variant, *variant.get("blocks", ())]
    return [f"{field}={part[field]}" for part in parts for field in _SAID if part.get(field)]


def drifts(sayings: Sequence[Saying]) -> list[Drift]:
    """Of the languages that are said last. `sayings` begin with the oldest."""
    languages = sayings[-1].words if sayings else {}
    pairs = combinations(languages, 2)
    return [drift for one, other in pairs if (drift := _drift(sayings, one, other))]


def _drift(sayings: Sequence[Saying], one: str, other: str) -> Drift | None:
    ahead, changed_by = "", dict[str, Saying]()
    before: Mapping[str, str] = {}
    in_step = set[tuple[str, str]]()
    for saying in sayings:
        changed = {language for language in (one, other) if saying.words.get(language) != before.get(language)}
        was_there = one in before and other in before
        changed_by |= dict.fromkeys(changed, saying)
        before = saying.words
        if one not in before or other not in before:
            ahead = ""
            continue
        said = (before[one], before[other])
        if changed and (not was_there or len(changed) == 2 or said in in_step):
            ahead = ""
        elif changed:
            [alone] = changed
            ahead = alone if ahead in ("", alone) else ""
        if not ahead:
            in_step.add(said)
    if not ahead:
        return None
    behind = other if ahead == one else one
    mover = changed_by[ahead]
    return Drift(ahead, behind, mover.since, changed_by[behind].since, mover.is_draft)
