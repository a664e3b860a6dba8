"""How a text is cut into SMS segments, which is what it costs by.

3GPP TS 23.038 and 23.040: a text whose characters are all in the GSM 7-bit alphabet has 160 units in one segment and
153 in each of several; any other is sent as UCS-2, with 70 and 67. A character of the extension table takes two units,
one beyond the Basic Multilingual Plane (most emoji) too, and none is torn apart by the end of a segment.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = frozenset("\f^{}\\[~]|€")
GSM7 = BASIC | EXTENSION
LONGEST = 1_600  # characters: Twilio refuses more, and telephones put together no more than ten segments well


class Encoding(StrEnum):
    GSM7 = "GSM-7"
    UCS2 = "UCS-2"


ALONE = {Encoding.GSM7: 160, Encoding.UCS2: 70}
ONE_OF_SEVERAL = {Encoding.GSM7: 153, Encoding.UCS2: 67}


@dataclass(frozen=True, kw_only=True)
class Size:
    """`units` are what segments are counted in. `left` is how many more fit before the text costs another segment."""

    encoding: Encoding
    units: int
    segments: int
    left: int


def size(text: str) -> Size:
    """An empty text has no segment."""
    encoding = Encoding.UCS2 if foreign(text) else Encoding.GSM7
    units = [_units(character, encoding) for character in text]
    if sum(units) <= ALONE[encoding]:
        whole = sum(units)
        return Size(encoding=encoding, units=whole, segments=min(whole, 1), left=ALONE[encoding] - whole)
    filled = list(_filled(units, ONE_OF_SEVERAL[encoding]))
    left = ONE_OF_SEVERAL[encoding] - filled[-1]
    return Size(encoding=encoding, units=sum(units), segments=len(filled), left=left)


def foreign(text: str) -> str:
    """The characters, each once, that make the whole text UCS-2 and so more than twice as dear."""
    return "".join(dict.fromkeys(character for character in text if character not in GSM7))


def is_too_long(text: str) -> bool:
    return len(text) > LONGEST


def _units(character: str, encoding: Encoding) -> int:
    if encoding is Encoding.GSM7:
        return 2 if character in EXTENSION else 1
    return 2 if ord(character) > 0xFFFF else 1


def _filled(units: list[int], most: int) -> Iterator[int]:
    """The units in each segment, from the first on."""
    used = 0
    for unit in units:
        if used + unit > most:
            yield used
            used = 0
        used += unit
    yield used
