"""What a copy that was given none makes for itself once and keeps private beside its data, such as its signing key."""

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def signing_key() -> str:
    return secrets.token_urlsafe(50)


def kept_in(folder: Path, name: str = "secret-key", make: Callable[[], str] = signing_key) -> str:
    """The text of this file, made the first time. Several processes may start at once: each writes a file of its own,
    and the first to link it wins.
    """
    path = folder / name
    folder.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        own = path.with_name(f"{name}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(own, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(make())
        with suppress(FileExistsError):
            os.link(own, path)
        own.unlink()
    return path.read_text().strip()
