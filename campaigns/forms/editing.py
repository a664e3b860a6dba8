"""What the editor of templates sends, as content: one channel in one language, and what a button asks for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

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


def sheet_of(content: c.Content, channel: str, language: str) -> Sheet:
    """As it stands."""
    variant = content.variants(channel).get(language)
    shown = variant.model_dump(exclude={"blocks"}) if variant else {}
    blocks = block_forms(variant.blocks) if isinstance(variant, c.Email) else []
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
    verb, what, place = _asked(do)
    place = min(place, len(blocks))
    before, this, after = blocks[:place], blocks[place : place + 1], blocks[place + 1 :]
    if verb == "add" and what in c.BLOCKS:
        made: Any = FORMS[what].kind()
        return [*before, made, *this, *after]
    arranged = {
        "put": [*before, *saved, *this, *after],
        "up": [*before[:-1], *this, *before[-1:], *after],
        "down": [*before, *after[:1], *this, *after[1:]],
        "copy": [*before, *this, *this, *after],
        "remove": [*before, *after],
    }
    return arranged.get(verb, blocks)


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
