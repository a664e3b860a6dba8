"""Every way in which the conditions of a Liquid text may turn out, whatever they ask."""

import re

# Seven conditions one after the other.
MOST = 128
_TAG = re.compile(r"\{%-?\s*(\w+).*?%\}", re.DOTALL)
_ENDS = {"if": "endif", "unless": "endunless", "case": "endcase", "for": "endfor"}
_TURNS = {"elsif", "else", "when"}
_CLOSERS = {*_ENDS.values(), *_TURNS}


class TooMany(Exception):
    """More than MOST."""


def ways(text: str) -> list[str]:
    """`text` once for each way, without its tags; what is put out (`{{ }}`) stays. A loop runs never, once or twice.

    Raises TooMany.
    """
    # Texts at even places, the names of tags at odd ones.
    parts, found, at = _TAG.split(text), [""], 0
    while at < len(parts):
        read, at = _block(parts, at)
        found, at = _joined(found, read), at + 1  # a closing tag that nothing opened says nothing
    return found


def _block(parts: list[str], at: int) -> tuple[list[str], int]:
    """What may be read from `at` on, and where the tag stands that ends or turns it."""
    found = [""]
    while at < len(parts):
        name = parts[at]
        if at % 2 == 0:
            found = [way + name for way in found]
        elif name in _ENDS:
            arms, at = _arms(parts, at)
            found = _joined(found, arms)
        elif name in _CLOSERS:
            break
        at += 1
    return found, at


def _arms(parts: list[str], at: int) -> tuple[list[str], int]:
    """What may be read of a condition or a loop that opens at `at`, and where it ends."""
    opened, arms, has_else = parts[at], list[str](), False
    while at < len(parts) and (not arms or parts[at] in _TURNS):
        has_else |= parts[at] == "else"
        read, at = _block(parts, at + 1)
        arms += read
    if opened == "for":
        arms += [arm + arm for arm in arms]
    if opened == "for" or not has_else:
        arms.append("")
    return _checked(list(dict.fromkeys(arms))), at


def _joined(found: list[str], more: list[str]) -> list[str]:
    _checked(found, times=len(more))
    return [way + arm for way in found for arm in more]


def _checked(found: list[str], *, times: int = 1) -> list[str]:
    if len(found) * times > MOST:
        raise TooMany
    return found
