"""What changed between two versions of a template: block by block, and word by word inside each text. Plain Python."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from enum import StrEnum

CHANNELS = {"email": "Email", "sms": "Text message", "push": "Notification"}
SHOWN_AROUND = 120  # characters of what stayed the same, on each side of what did not
_WORD = re.compile(r"(?:\{\{.*?\}\}|\{%.*?%\}|\w+|[^\w\s])\s*|\s+", re.DOTALL)
# Texts with less in common are shown one after the other: word by word nobody could read them.
_ENOUGH_IN_COMMON = 0.3


class Sign(StrEnum):
    SAME = ""
    NEW = "+"
    GONE = "-"


class Verb(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    MOVED = "moved"
    CHANGED = "changed"


@dataclass(frozen=True)
class Part:
    """A block, or what stands around the blocks, as the editor calls it: `fields` are pairs of label and text."""

    called: str
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Span:
    sign: Sign
    text: str


@dataclass(frozen=True)
class Change:
    """`place` is the block's number from 1 where it stands now, or stood; 0 is what stands around the blocks."""

    verb: Verb
    called: str
    place: int
    was: int
    fields: list[tuple[str, list[Span]]]


@dataclass(frozen=True)
class Difference:
    """Of one channel in one language. `sign` tells whether all of it is new, or gone."""

    title: str
    sign: Sign
    changes: list[Change]


def differences(before: Mapping[str, Sequence[Part]], after: Mapping[str, Sequence[Part]]) -> list[Difference]:
    """Only of what differs. Both are outlines: by title, first what stands around the blocks, then the blocks."""
    found = []
    for title in dict.fromkeys([*before, *after]):
        old, new = before.get(title, ()), after.get(title, ())
        if list(old) != list(new):
            sign = Sign.NEW if not old else Sign.GONE if not new else Sign.SAME
            found.append(Difference(title, sign, _changes(old, new)))
    return found


def _changes(old: Sequence[Part], new: Sequence[Part]) -> list[Change]:
    around = []
    if old[:1] != new[:1]:
        nothing = Part("", ())
        was, now = next(iter(old), nothing), next(iter(new), nothing)
        verb = Verb.CHANGED if old and new else Verb.ADDED if new else Verb.REMOVED
        around = [Change(verb, now.called or was.called, 0, 0, _compared(was, now))]
    return around + sorted(_of_blocks(old[1:], new[1:]), key=lambda change: (change.place, change.verb))


def _of_blocks(old: Sequence[Part], new: Sequence[Part]) -> list[Change]:
    changes, gone, come = list[Change](), dict[int, Part](), dict[int, Part]()
    for kind, start, end, new_start, new_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        left = {place: old[place] for place in range(start, end)}
        for place in range(new_start, new_end):
            twin = next((was for was, part in left.items() if part.called == new[place].called), None)
            if twin is None:
                come[place] = new[place]
            else:
                fields = _compared(left.pop(twin), new[place])
                changes.append(Change(Verb.CHANGED, new[place].called, place + 1, twin + 1, fields))
        gone |= left
    for place, part in come.items():
        was = next((was for was, other in gone.items() if other == part), None)
        if was is None:
            changes.append(Change(Verb.ADDED, part.called, place + 1, 0, _compared(Part("", ()), part)))
        else:
            del gone[was]
            changes.append(Change(Verb.MOVED, part.called, place + 1, was + 1, []))
    removed = (
        Change(Verb.REMOVED, part.called, was + 1, was + 1, _compared(part, Part("", ()))) for was, part in gone.items()
    )
    return [change for change in [*changes, *removed] if change.fields or change.verb != Verb.CHANGED]


def _compared(old: Part, new: Part) -> list[tuple[str, list[Span]]]:
    """The fields that differ."""
    before, after = dict(old.fields), dict(new.fields)
    labels = dict.fromkeys([*after, *before])
    return [
        (label, spans(before.get(label, ""), after.get(label, "")))
        for label in labels
        if before.get(label, "") != after.get(label, "")
    ]


def spans(before: str, after: str) -> list[Span]:
    """`after` with what is new in it marked, and what is gone where it stood."""
    old, new = _WORD.findall(before), _WORD.findall(after)
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    if matcher.ratio() < _ENOUGH_IN_COMMON:
        return [Span(sign, text) for sign, text in ((Sign.GONE, before), (Sign.NEW, after)) if text]
    found = list[Span]()
    for kind, start, end, new_start, new_end in matcher.get_opcodes():
        gone, come = "".join(old[start:end]), "".join(new[new_start:new_end])
        if kind == "equal":
            found.append(Span(Sign.SAME, come))
        else:
            found += [Span(sign, text) for sign, text in ((Sign.GONE, gone), (Sign.NEW, come)) if text]
    last = len(found) - 1
    return [_shortened(span, is_first=not place, is_last=place == last) for place, span in enumerate(found)]


def _shortened(span: Span, *, is_first: bool, is_last: bool) -> Span:
    """A long stretch that stayed the same, cut down to what leads into and out of a change."""
    text, around = span.text, SHOWN_AROUND
    if span.sign or len(text) <= 2 * around:
        return span
    head, tail = "" if is_first else text[:around], "" if is_last else text[-around:]
    return replace(span, text=f"{head} … {tail}")
