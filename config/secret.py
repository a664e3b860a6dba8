"""What a copy that was given none makes for itself once and keeps private beside its data, such as its signing key."""

import fcntl
import os
import secrets
from collections.abc import Callable
from pathlib import Path


def signing_key() -> str:
    return secrets.token_urlsafe(50)


def kept_in(folder: Path, name: str = "secret-key", make: Callable[[], str] = signing_key) -> str:
    """The text of this file, made the first time. Several processes may start at once: one makes it, others wait."""
    path = folder / name
    folder.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        with (folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not path.exists():
                _write_whole(path, make())
    return path.read_text().strip()


def _write_whole(path: Path, text: str) -> None:
    """Under another name first: who does not wait for the lock finds all of the text, or no file."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    try:
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
