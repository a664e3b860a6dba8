"""Every way in which the conditions of a Liquid text may turn out, whatever they ask."""

import re
from collections.abc import Iterator, Sequence

# Of all ways together, in characters; and of conditions one inside the other.
MOST = 60_000
DEEPEST = 20
# What stands further apart than this makes no phrase together. It is more than any that the guard looks for.
FAR = 160
_TAG = re.compile(r"\{%-?\s*(\w+).*?%\}", re.DOTALL)
_ENDS = {"if": "endif", "unless": "endunless", "case": "endcase", "for": "endfor"}
_TURNS = {"elsif", "else", "when"}
_CLOSERS = {*_ENDS.values(), *_TURNS}


class TooMany(Exception):
    """More than MOST, or deeper than DEEPEST."""


def ways(text: str) -> list[str]:
    """What stands around the conditions of `text`, once for each way, without tags; what is put out (`{{ }}`) stays.

    A loop runs never, once or twice. Of a passage longer than two FAR its beginning and its end are told: all of it
    stands in `text` in one piece. Conditions with such a passage between them are told apart. Raises TooMany.
    """
    told: list[str] = []
    for parts in _apart(_TAG.split(text)):
        found, at = [""], 0
        while at < len(parts):
            read, at = _block(parts, at, depth=0)
            found, at = _joined(found, read), at + 1  # a closing tag that nothing opened says nothing
        told += found
    if sum(map(len, told)) > MOST:
        raise TooMany
    return told


def _apart(parts: Sequence[str]) -> Iterator[list[str]]:
    """Texts at even places, the names of tags at odd ones; cut within the long texts that no condition holds."""
    passage, depth = list[str](), 0
    for place, part in enumerate(parts):
        if place % 2:
            depth += (part in _ENDS) - (part in _ENDS.values())
            passage.append(part)
        elif len(part) <= 2 * FAR:
            passage.append(part)
        elif depth > 0:
            passage.append(f"{part[:FAR]}\n{part[-FAR:]}")
        else:
            yield [*passage, part[:FAR]]
            passage = [part[-FAR:]]
    yield passage


def _block(parts: Sequence[str], at: int, *, depth: int) -> tuple[list[str], int]:
    """What may be read from `at` on, and where the tag stands that ends or turns it."""
    if depth > DEEPEST:
        raise TooMany
    found = [""]
    while at < len(parts):
        name = parts[at]
        if at % 2 == 0:
            found = [way + name for way in found]
        elif name in _ENDS:
            arms, at = _arms(parts, at, depth=depth + 1)
            found = _joined(found, arms)
        elif name in _CLOSERS:
            break
        at += 1
    return found, at


def _arms(parts: Sequence[str], at: int, *, depth: int) -> tuple[list[str], int]:
    """What may be read of a condition or a loop that opens at `at`, and where it ends."""
    opened, arms, has_else = parts[at], list[str](), False
    while at < len(parts) and (not arms or parts[at] in _TURNS):
        has_else |= parts[at] == "else"
        read, at = _block(parts, at + 1, depth=depth)
        arms += read
    if opened == "for":
        arms += [arm + arm for arm in arms]
    if opened == "for" or not has_else:
        arms.append("")
    return list(dict.fromkeys(arms)), at


def _joined(found: list[str], more: list[str]) -> list[str]:
    if sum(map(len, found)) * len(more) + sum(map(len, more)) * len(found) > MOST:
        raise TooMany
    return [way + arm for way in found for arm in more]
