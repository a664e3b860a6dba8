"""The key for push messages is made once, kept private, and its public half is what browsers take."""

import os
from base64 import urlsafe_b64decode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from config import secret, vapid


def test_the_key_is_made_once_and_is_for_its_owner_alone(tmp_path: Path):
    with ThreadPoolExecutor(8) as pool:
        kept = set(pool.map(lambda _: secret.kept_in(tmp_path / "var", "vapid-key", vapid.new_key), range(32)))
    assert len(kept) == 1
    assert {file.name for file in (tmp_path / "var").iterdir()} == {"vapid-key", "vapid-key.lock"}
    assert (tmp_path / "var" / "vapid-key").stat().st_mode & 0o777 == 0o600


def test_a_key_is_kept_where_files_can_have_one_name_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> None:
        raise PermissionError("Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    made = secret.kept_in(tmp_path)
    assert secret.kept_in(tmp_path) == made


def test_a_key_that_cannot_be_made_leaves_nothing_unfinished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> None:
        raise OSError("Read-only file system")

    with monkeypatch.context() as broken:
        broken.setattr(Path, "replace", refuse)
        with pytest.raises(OSError, match="Read-only"):
            secret.kept_in(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["secret-key.lock"]
    assert len(secret.kept_in(tmp_path)) > 40


def test_browsers_get_an_uncompressed_point_of_the_curve():
    private = vapid.new_key()
    point = urlsafe_b64decode(vapid.public_key(private) + "=")
    assert (len(point), point[0]) == (65, 4)
    assert vapid.public_key(private) == vapid.public_key(private)


@pytest.mark.parametrize("text", ["", "AAAA", "A" * 43])
def test_what_is_no_key_is_refused(text: str):
    with pytest.raises(ValueError, match=r"32 bytes|private_value|positive"):
        vapid.public_key(text)
