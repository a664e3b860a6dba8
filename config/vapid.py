"""The key that signs web push messages (VAPID, RFC 8292), made once. Browsers are told its public half.

Every machine needs the same one: subscriptions belong to it, and are lost with it.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CURVE = ec.SECP256R1()
BYTES = 32


def new_key() -> str:
    """A private key, 32 bytes in base64url, as tools for web push write it."""
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
