"""Liquid on its way through tools that know nothing of it: each `{{ word }}` and `{% tag %}` is a mark meanwhile.

What escapes, wraps and inlines sees letters and digits only, so no quote or bracket of the Liquid is ever bent.
"""

import re
from html import escape

_LIQUID = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)


class Marks:
    """One document's marks. `key` is in each: something that none of its texts contains."""

    def __init__(self, key: str = "zq") -> None:
        self._key = key
        self._liquid: list[str] = []
        self._mark = re.compile(rf"{key}(\d{{5}}){key}")

    def hide(self, text: str) -> str:
        """`text` with a mark for every piece of Liquid."""
        return _LIQUID.sub(lambda found: self.mark(found[0]), text)

    def mark(self, liquid: str) -> str:
        self._liquid.append(liquid)
        return f"{self._key}{len(self._liquid) - 1:05d}{self._key}"

    def show(self, text: str) -> str:
        """`text` with its Liquid back."""
        return self._mark.sub(lambda found: self._liquid[int(found[1])], text)

    def tags_in(self, text: str) -> list[str]:
        """The marks of `{% tags %}` in `text`, in their order."""
        found = (mark[0] for mark in self._mark.finditer(text))
        return [mark for mark in found if self.show(mark).startswith("{%")]

    def escaped(self, text: str) -> str:
        """`text` as HTML or XML shows it, its Liquid hidden."""
        return escape(self.hide(text))


def unused_key(*texts: str) -> str:
    """Letters that stand in none of `texts`."""
    key = "zq"
    while any(key in text for text in texts):
        key += "qz"
    return key
