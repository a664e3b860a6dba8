"""The key for push messages is made once, kept private, and its public half is what browsers take."""

from base64 import urlsafe_b64decode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from config import secret, vapid


def test_the_key_is_made_once_and_is_for_its_owner_alone(tmp_path: Path):
    with ThreadPoolExecutor(8) as pool:
        kept = set(pool.map(lambda _: secret.kept_in(tmp_path / "var", "vapid-key", vapid.new_key), range(32)))
    assert len(kept) == 1
    assert [file.name for file in (tmp_path / "var").iterdir()] == ["vapid-key"]
    assert (tmp_path / "var" / "vapid-key").stat().st_mode & 0o777 == 0o600


def test_browsers_get_an_uncompressed_point_of_the_curve():
    private = vapid.new_key()
    point = urlsafe_b64decode(vapid.public_key(private) + "=")
    assert (len(point), point[0]) == (65, 4)
    assert vapid.public_key(private) == vapid.public_key(private)


@pytest.mark.parametrize("text", ["", "AAAA", "A" * 43])
def test_what_is_no_key_is_refused(text: str):
    with pytest.raises(ValueError, match=r"32 bytes|private_value|positive"):
        vapid.public_key(text)
