"""The signing key of a copy that was given none: made once, kept private beside its data."""

import os
import secrets
from pathlib import Path


def kept_in(folder: Path) -> str:
    path = folder / "secret-key"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text() or _waited_for(path)
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_urlsafe(50))
    return path.read_text()


def _waited_for(path: Path) -> str:
    """Another process has created the file this instant and is about to write it."""
    for _ in range(100_000):
        if text := path.read_text():
            return text
    raise RuntimeError(f"{path} is empty: delete it and start again.")
