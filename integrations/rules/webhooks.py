"""Standard Webhooks 1.0, for those we send and those we take: https://www.standardwebhooks.com"""

import hashlib
import hmac
from base64 import b64decode, b64encode
from binascii import Error as BadBase64

SHORTEST_SECRET = 24


def key_of(secret: str) -> bytes:
    """As Standard Webhooks writes it, base64 after `whsec_`; without that, the letters themselves."""
    encoded = secret.removeprefix("whsec_")
    if encoded != secret:
        try:
            return b64decode(encoded, validate=True)
        except BadBase64:
            pass
    return secret.encode()


def signature(secret: str, *, message_id: str, timestamp: str, body: bytes) -> str:
    """Base64, without the `v1,` that stands before it in the header."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return b64encode(hmac.digest(key_of(secret), signed, hashlib.sha256)).decode()
