"""Product codes: their texts are signed, made by the batch and withdrawn."""

import datetime as dt
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.actions import codes
from loyalty.actions.codes import BadBatch
from loyalty.models import CodeBatch, ProductCode
from loyalty.rules.codes import ID_BYTES, SIGNATURE_BYTES, code_id_of, text_of

SECRET, OTHER_SECRET = "a" * 40, "b" * 40
LARGEST_ID = 2 ** (8 * ID_BYTES) - 1


@given(code_id=st.integers(0, LARGEST_ID))
def test_a_code_is_read_however_it_is_typed_or_scanned(code_id):
    text = text_of(code_id, SECRET)
    bare = text.replace("-", "")
    spellings = (text, text.lower(), bare, f" {text} ", f"https://shop.example/app/scan?code={text}", f"x/s/{bare}")
    assert {code_id_of(each, [SECRET]) for each in spellings} == {code_id}
    assert code_id_of(text, [OTHER_SECRET]) is None


def test_a_printed_code_counts_on_when_the_key_is_changed_and_the_old_one_is_named():
    printed = text_of(7, OTHER_SECRET)
    assert code_id_of(printed, [SECRET, OTHER_SECRET]) == 7
    assert code_id_of(text_of(7, "c" * 40), [SECRET, OTHER_SECRET]) is None


@given(st.text())
def test_any_other_text_is_no_code(text):
    assert code_id_of(text, [SECRET]) is None


def test_a_hundred_thousand_guesses_hit_nothing():
    assert SIGNATURE_BYTES * 8 >= 80
    drawn = random.Random(5)  # a fixed seed, to guess the same again
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    own = text_of(1, SECRET)
    guesses = ("".join(drawn.choices(letters, k=24)) for _ in range(50_000))
    near = (own[:10] + "".join(drawn.choices(letters, k=len(own) - 10)) for _ in range(50_000))
    assert not any(code_id_of(guess, [SECRET]) for guesses_of in (guesses, near) for guess in guesses_of)


def make(now: dt.datetime, **changes) -> CodeBatch:
    usual = {"name": "Sheet", "product": None, "use": "single", "per_member": 1, "size": 3, "points": 10}
    return codes.make(**usual | {"expires_at": None, "by": None, "now": now} | changes)


def test_a_batch_makes_all_its_codes_at_once(db, now):
    batch = make(now, size=10_000)
    assert ProductCode.objects.filter(batch=batch, scans=0).count() == 10_000


@pytest.mark.parametrize("changes", [{"size": 0}, {"size": 10_001}, {"per_member": 0}, {"expires_at": "now"}])
def test_a_batch_that_makes_no_sense_is_refused(db, now, changes):
    if "expires_at" in changes:
        changes = {"expires_at": now}
    with pytest.raises(BadBatch):
        make(now, **changes)
    assert not ProductCode.objects.exists()


def test_a_batch_is_withdrawn_once(db, now):
    batch = make(now)
    codes.withdraw(batch=batch, now=now)
    with pytest.raises(BadBatch):
        codes.withdraw(batch=batch, now=now)
