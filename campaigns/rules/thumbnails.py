"""A template as a small drawing of its blocks: cheap enough for a list of a hundred. Plain Python.

Lengths are in the units of a drawing that is WIDTH wide and HEIGHT high.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import cycle, islice
from typing import Any

from campaigns.rules import content as c
from campaigns.rules.wording import WORDS

WIDTH, HEIGHT = 160, 120
_LEFT, _RIGHT, _TOP, _BOTTOM = 26.0, 134.0, 24.0, 116.0
_INSIDE = _RIGHT - _LEFT - 20
_LIQUID = re.compile(r"\{\{\s*([\w.]+).*?\}\}|\{%.*?%\}")
_LINE_LENGTHS = (1.0, 0.92, 0.97, 0.6)
_CHARACTERS_PER_LINE = 60


@dataclass(frozen=True)
class Shape:
    """`kind` is title, line, button, picture, rule, space, bubble or card; `text` is that of a title."""

    kind: str
    x: float
    y: float
    width: float
    height: float
    text: str = ""

    @property
    def baseline(self) -> float:
        return self.y + self.height * 0.85

    @property
    def middle(self) -> float:
        return self.x + self.width / 2

    @property
    def centre(self) -> float:
        return self.y + self.height / 2

    @property
    def corner(self) -> float:
        return {"bubble": 8.0, "card": 6.0, "button": 2.0}.get(self.kind, min(1.5, self.height / 2))


@dataclass(frozen=True)
class Drawing:
    channel: str
    shapes: list[Shape]


def drawing_of(content: c.Content) -> Drawing:
    """Of the email where there is one, else of the text message or the notification; in the first language."""
    for channel, draw in (("email", _email), ("sms", _bubble), ("push", _notification)):
        if variants := content.variants(channel):
            return Drawing(channel, list(draw(variants.get("en") or next(iter(variants.values())))))
    return Drawing("email", [])


def _bubble(message: c.TextMessage) -> Iterator[Shape]:
    lines = list(_lines(message.text or c.OWN_WORDS, 34.0, 38.0, 74.0, most=5))
    yield Shape("bubble", 26.0, 28.0, 90.0, 14.0 + 7 * len(lines))
    yield from lines


def _notification(notification: c.Notification) -> Iterator[Shape]:
    lines = list(_lines(notification.text or c.OWN_WORDS, 30.0, 56.0, 100.0, most=3))
    yield Shape("card", 22.0, 34.0, 116.0, 26.0 + 7 * len(lines))
    yield Shape("title", 30.0, 48.0, 100.0, 8.0, _plain(notification.title or "Notification", 24))
    yield from lines


def _email(email: c.Email) -> Iterator[Shape]:
    y = _TOP + 10
    for block in email.blocks:
        shapes = list(_DRAWN.get(block.type, _words)(block))
        height = max((shape.y + shape.height for shape in shapes), default=0.0)
        if y + height > _BOTTOM:
            return
        for shape in shapes:
            yield replace(shape, x=_LEFT + 10 + shape.x, y=y + shape.y)
        y += height + 6


def _lines(text: str, x: float, y: float, width: float, *, most: int) -> Iterator[Shape]:
    number = min(most, 1 + len(text) // _CHARACTERS_PER_LINE)
    for place, length in enumerate(islice(cycle(_LINE_LENGTHS), number)):
        share = 0.6 if place == number - 1 else length
        yield Shape("line", x, y + 7 * place, width * share, 3.0)


def _heading(block: c.Heading) -> Iterator[Shape]:
    yield Shape("title", 0, 0, _INSIDE, 7.0 if block.size == "large" else 5.5, _plain(block.text, 22))


def _words(block: Any) -> Iterator[Shape]:
    yield from _lines(getattr(block, "text", "") or "x" * 170, 0, 0, _INSIDE, most=4)


def _button(block: Any) -> Iterator[Shape]:
    width = 36.0
    x = {"left": 0.0, "right": _INSIDE - width}.get(getattr(block, "align", "center"), (_INSIDE - width) / 2)
    yield Shape("button", x, 0, width, 9.0)


def _offer(block: Any) -> Iterator[Shape]:
    yield Shape("line", (_INSIDE - 56) / 2, 0, 56.0, 5.0)
    for shape in _button(block):
        yield Shape("button", shape.x, 10.0, shape.width, shape.height)


def _picture(block: c.Picture) -> Iterator[Shape]:
    width = _INSIDE * block.width / 100
    yield Shape("picture", (_INSIDE - width) / 2, 0, width, min(28.0, width / 2))


def _step_picture(_block: Any) -> Iterator[Shape]:
    yield Shape("picture", 0, 0, _INSIDE, 24.0)


def _picture_and_text(block: c.PictureAndText) -> Iterator[Shape]:
    half = _INSIDE / 2 - 4
    at_left = block.side == "left"
    yield Shape("picture", 0 if at_left else half + 8, 0, half, 22.0)
    yield from _lines("x" * 130, half + 8 if at_left else 0, 3, half, most=3)


def _products(block: c.Products) -> Iterator[Shape]:
    for place in range(min(3, block.most)):
        yield Shape("line", 0, 8.0 * place, _INSIDE * 0.6, 3.0)
        yield Shape("line", _INSIDE * 0.85, 8.0 * place, _INSIDE * 0.15, 3.0)
        yield Shape("rule", 0, 8.0 * place + 5, _INSIDE, 0.5)


def _rule(_block: Any) -> Iterator[Shape]:
    yield Shape("rule", 0, 0, _INSIDE, 0.5)


def _space(block: c.Space) -> Iterator[Shape]:
    yield Shape("space", 0, 0, _INSIDE, block.height / 10)


def _social(_block: Any) -> Iterator[Shape]:
    for place in range(3):
        yield Shape("line", _INSIDE / 2 - 33 + place * 23, 0, 18.0, 3.0)


_DRAWN: Mapping[str, Callable[[Any], Iterator[Shape]]] = {
    "heading": _heading, "button": _button, "offer": _offer, "points": _offer, "picture": _picture,
    "step_picture": _step_picture, "picture_text": _picture_and_text, "products": _products, "divider": _rule,
    "space": _space, "social": _social,
}  # fmt: skip


def _plain(text: str, most: int) -> str:
    """With examples in the place of Liquid; so long that it fits."""
    said = " ".join(_LIQUID.sub(lambda found: str(WORDS.get(found[1] or "", "")), text).split())
    return said if len(said) <= most else f"{said[: most - 1].rstrip()}…"
