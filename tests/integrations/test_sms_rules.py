"""How texts are cut into segments, against the limits of the standard and a plain reckoning of our own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.rules.sms import BASIC, EXTENSION, GSM7, Encoding, foreign, is_too_long, size

GSM, UCS = Encoding.GSM7, Encoding.UCS2


@pytest.mark.parametrize(
    ("text", "encoding", "units", "segments", "left"),
    [
        ("", GSM, 0, 0, 160),
        ("a", GSM, 1, 1, 159),
        ("a" * 160, GSM, 160, 1, 0),
        ("a" * 161, GSM, 161, 2, 145),
        ("a" * 306, GSM, 306, 2, 0),
        ("a" * 307, GSM, 307, 3, 152),
        ("€" * 80, GSM, 160, 1, 0),
        ("€" * 81, GSM, 162, 2, 143),  # 76 in the first: the 77th would be torn apart
        ("a" * 152 + "€" + "a" * 8, GSM, 162, 2, 143),  # the € begins the second segment
        ("Grüße, ¿qué?", GSM, 12, 1, 148),
        ("ñ" * 160, GSM, 160, 1, 0),
        ("ç", UCS, 1, 1, 69),  # only its capital is in the alphabet
        ("–" * 70, UCS, 70, 1, 0),
        ("–" * 71, UCS, 71, 2, 63),
        ("🍷" * 35, UCS, 70, 1, 0),
        ("🍷" * 36, UCS, 72, 2, 61),  # 33 in the first
    ],
)
def test_a_text_costs_what_the_standard_says(
    text: str, encoding: Encoding, units: int, segments: int, left: int
) -> None:
    told = size(text)
    assert (told.encoding, told.units, told.segments, told.left) == (encoding, units, segments, left)


def test_one_foreign_character_more_than_doubles_the_price() -> None:
    assert size("a" * 153 + "e").segments == 1
    assert size("a" * 153 + "—").segments == 3
    assert foreign("a—b—…") == "—…"


def test_the_alphabet_has_as_many_characters_as_the_standard() -> None:
    assert (len(BASIC), len(EXTENSION), len(BASIC & EXTENSION)) == (127, 10, 0)  # the 128th is the escape itself


@given(st.text(alphabet=st.sampled_from(sorted(GSM7))))
def test_what_is_in_the_alphabet_is_never_ucs2(text: str) -> None:
    assert size(text).encoding is GSM
    assert size(text).units == len(text) + sum(text.count(character) for character in EXTENSION)


@given(st.text(), st.characters())
def test_a_longer_text_never_costs_less(text: str, character: str) -> None:
    assert size(text + character).segments >= size(text).segments


@given(st.text())
def test_the_segments_hold_the_text_and_none_is_left_empty(text: str) -> None:
    told = size(text)
    one, several = (160, 153) if told.encoding is GSM else (70, 67)
    if told.segments <= 1:
        assert told.units + told.left == one
    else:
        assert told.units > one
        torn = told.segments - 1  # at most one unit is left at the end of each segment but the last
        assert told.segments * several - torn <= told.units + told.left <= told.segments * several
    assert 0 <= told.left <= one


@given(st.text())
def test_the_units_of_ucs2_are_those_of_utf16(text: str) -> None:
    if size(text).encoding is UCS:
        assert size(text).units == len(text.encode("utf-16-le", "surrogatepass")) // 2


def test_ten_segments_are_enough_for_anybody() -> None:
    assert not is_too_long("a" * 1_600)
    assert is_too_long("a" * 1_601)
