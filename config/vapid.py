"""The key that signs web push messages (VAPID, RFC 8292), made once. Browsers are told its public half.

Every machine needs the same one: subscriptions belong to it, and are lost with it.
"""

import os
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import suppress
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CURVE = ec.SECP256R1()
BYTES = 32


def kept_in(folder: Path) -> str:
    """The private key, 32 bytes in base64url, as tools for web push write it."""
    path = folder / "vapid-key"
    folder.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        # Several processes may start at once: each writes a file of its own, and the first to link it wins.
        own = path.with_suffix(f".{secrets.token_hex(4)}")
        with os.fdopen(os.open(own, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(new_key())
        with suppress(FileExistsError):
            os.link(own, path)
        own.unlink()
    return path.read_text().strip()


def new_key() -> str:
    number = ec.generate_private_key(CURVE).private_numbers().private_value
    return _text(number.to_bytes(BYTES))


def public_key(private: str) -> str:
    """For `applicationServerKey`. Raises ValueError for what is no such key."""
    raw = urlsafe_b64decode(private + "=" * (-len(private) % 4))
    if len(raw) != BYTES:
        raise ValueError("VAPID_PRIVATE_KEY is 32 bytes in base64url.")
    key = ec.derive_private_key(int.from_bytes(raw), CURVE)
    return _text(key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


def _text(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()
