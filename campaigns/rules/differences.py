"""What changed between two versions of a template, line by line, in words that its author wrote. Plain Python."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from campaigns.rules import content as c

CHANNELS = {"email": "Email", "sms": "Text message", "push": "Notification"}
_UNTOLD = {"type"}


@dataclass(frozen=True)
class Line:
    """`sign` is + for what is new, - for what is gone, or empty."""

    sign: str
    text: str


@dataclass(frozen=True)
class Difference:
    """Of one channel in one language. Long stretches that stayed the same are left out."""

    title: str
    lines: list[Line]


def differences(before: c.Content, after: c.Content) -> list[Difference]:
    """Only of what differs."""
    old, new = dict(_outlines(before)), dict(_outlines(after))
    return [
        Difference(title, _compared(old.get(title, []), new.get(title, [])))
        for title in dict.fromkeys([*old, *new])
        if old.get(title) != new.get(title)
    ]


def _outlines(content: c.Content) -> Iterator[tuple[str, list[str]]]:
    """Everything that a template says, a line each."""
    for language, email in content.email.items():
        lines = [f"Subject: {email.subject}", f"Preview line: {email.preheader}"]
        for block in email.blocks:
            lines += _told(block)
        yield f"{CHANNELS['email']}, {language}", lines
    for language, text in content.sms.items():
        yield f"{CHANNELS['sms']}, {language}", text.text.splitlines()
    for language, notification in content.push.items():
        lines = [f"Title: {notification.title}", *notification.text.splitlines()]
        yield f"{CHANNELS['push']}, {language}", lines


def _told(block: c.Block) -> Iterator[str]:
    yield f"[{block.type.replace('_', ' and ')}]"
    for field, value in block.model_dump().items():
        if field in _UNTOLD or value in ("", None):
            continue
        first, *rest = str(value).splitlines() or [""]
        yield f"  {field}: {first}"
        yield from (f"    {line}" for line in rest)


def _compared(before: list[str], after: list[str], around: int = 2) -> list[Line]:
    lines: list[Line] = []
    for group in SequenceMatcher(None, before, after, autojunk=False).get_grouped_opcodes(around):
        if lines:
            lines.append(Line("", "…"))
        for kind, start, end, new_start, new_end in group:
            if kind == "equal":
                lines += [Line("", text) for text in before[start:end]]
            else:
                lines += [Line("-", text) for text in before[start:end]]
                lines += [Line("+", text) for text in after[new_start:new_end]]
    return lines
