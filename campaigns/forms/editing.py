"""What the editor of templates sends, as content: one channel in one language, and what a button asks for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, TypeVar

from django.http import QueryDict

from campaigns.forms.blocks import (
    FORMS,
    BlockForm,
    EnvelopeForm,
    NotificationForm,
    TextMessageForm,
    block_forms,
    read_blocks,
)
from campaigns.rules import content as c

Each = TypeVar("Each")
AROUND: Mapping[str, Any] = {"email": EnvelopeForm, "sms": TextMessageForm, "push": NotificationForm}


@dataclass
class Sheet:
    """The forms of one channel in one language. `is_there`: the template says something of its own in it."""

    channel: str
    language: str
    around: Any
    blocks: list[BlockForm] = field(default_factory=list)
    is_there: bool = True

    @property
    def is_valid(self) -> bool:
        return all([self.around.is_valid(), *[form.is_valid() for form in self.blocks]])


def sheet_of(content: c.Content, channel: str, language: str, names: Sequence[str] | None = None) -> Sheet:
    """As it stands. `names` are what the page calls its blocks already."""
    variant = content.variants(channel).get(language)
    shown = variant.model_dump(exclude={"blocks"}) if variant else {}
    blocks: list[BlockForm] = []
    if isinstance(variant, c.Email):
        blocks = block_forms(variant.blocks, names or [f"b{place}" for place in range(len(variant.blocks))])
    return Sheet(channel, language, AROUND[channel](initial=shown, prefix="around"), blocks, variant is not None)


def sent_sheet(data: QueryDict, channel: str, language: str) -> Sheet:
    """As somebody has just written it."""
    blocks = read_blocks(data, data.getlist("block")) if channel == "email" else []
    return Sheet(channel, language, AROUND[channel](data, prefix="around"), blocks)


def content_with(content: c.Content, sheet: Sheet, *, do: str = "", saved: list[c.Block] | None = None) -> c.Content:
    """`content` with what a valid `sheet` says, after what the button `do` asks for. Raises BadContent."""
    said: dict[str, Any] = dict(sheet.around.cleaned_data)
    if sheet.channel == "email":
        blocks = rearranged([form.block() for form in sheet.blocks], do, saved or [])
        said["blocks"] = [block.model_dump() for block in blocks]
    raw = content.model_dump()
    raw[sheet.channel][sheet.language] = said
    return c.read(raw)


def rearranged(blocks: list[c.Block], do: str, saved: list[c.Block]) -> list[c.Block]:
    """`add:heading:2`, `put:7:2` (a saved block), `up:x:1`, `down:x:1`, `copy:x:1`, `remove:x:1`; from 0."""
    return _arranged(blocks, do, _new(do, saved))


def names_after(sheet: Sheet, do: str, saved: list[c.Block]) -> list[str]:
    """What the blocks of `sheet` are called once `do` is done: as before, and what is new gets a new name."""
    names = [str(form.prefix) for form in sheet.blocks]
    unused, given = (name for place in count() if (name := f"b{place}") not in names), list[str]()
    for name in _arranged(names, do, [""] * len(_new(do, saved))):
        given.append(name if name and name not in given else next(unused))
    return given


def _new(do: str, saved: list[c.Block]) -> list[c.Block]:
    verb, what, _place = _asked(do)
    if verb == "add":
        return [FORMS[what].kind()] if what in c.BLOCKS else []
    return saved


def _arranged(them: list[Each], do: str, new: list[Each]) -> list[Each]:
    verb, _what, place = _asked(do)
    place = min(place, len(them))
    before, this, after = them[:place], them[place : place + 1], them[place + 1 :]
    arranged = {
        "add": [*before, *new, *this, *after],
        "put": [*before, *new, *this, *after],
        "up": [*before[:-1], *this, *before[-1:], *after],
        "down": [*before, *after[:1], *this, *after[1:]],
        "copy": [*before, *this, *this, *after],
        "remove": [*before, *after],
    }
    return arranged.get(verb, them)


def opened_by(do: str) -> int | None:
    """The place of the block that a button has put in or moved, and that is looked at next."""
    verb, _what, place = _asked(do)
    return {"add": place, "put": place, "copy": place + 1}.get(verb)


def _asked(do: str) -> tuple[str, str, int]:
    verb, _, rest = do.partition(":")
    what, _, place = rest.rpartition(":")
    return verb, what, int(place[:4]) if place.isdecimal() else 0


def with_language(content: c.Content, channel: str, language: str, base: str) -> c.Content:
    """A variant to translate: a copy of the one in `base`, or of any there is."""
    raw = content.model_dump()
    variants = raw[channel]
    begin = variants.get(base) or next(iter(variants.values()), None)
    variants.setdefault(language, begin or (c.HOUSE.email["en"].model_dump() if channel == "email" else {}))
    return c.read(raw)


def without_language(content: c.Content, channel: str, language: str) -> c.Content:
    raw = content.model_dump()
    raw[channel].pop(language, None)
    return c.read(raw)
