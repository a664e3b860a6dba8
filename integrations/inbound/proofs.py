"""The checks that several senders share. All compare in constant time."""

import hashlib
import hmac
from base64 import b64decode
from binascii import Error as BadBase64
from collections.abc import Callable, Sequence
from datetime import datetime

from integrations.inbound.base import Call, Forged

TOLERANCE = 300  # seconds, both ways, as Standard Webhooks 1.0 advises


def require_recent(timestamp: str, received_at: datetime) -> None:
    """Raises Forged unless these seconds since 1970 are close to now."""
    if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12:
        raise Forged("It says no time.")
    if abs(received_at.timestamp() - int(timestamp)) > TOLERANCE:
        raise Forged("It is too old, or from the future.")


def require_any(secrets: Sequence[str], proves: Callable[[str], bool]) -> None:
    """Raises Forged unless one of the secrets, of which there are two while they are changed, is the right one."""
    if not any(proves(secret) for secret in secrets):
        raise Forged("The signature is not by any secret known here.")


def hmac_sha256(secret: bytes, content: bytes) -> bytes:
    return hmac.new(secret, content, hashlib.sha256).digest()


def equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


def require_basic(call: Call, secrets: Sequence[str]) -> None:
    """HTTP Basic credentials, which stand in the address the provider was given: `user:password`."""
    scheme, _, encoded = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        raise Forged("It carries no user and password.")
    try:
        given = b64decode(encoded, validate=True).decode()
    except (BadBase64, ValueError) as error:
        raise Forged("Its user and password cannot be read.") from error
    require_any(secrets, lambda secret: equal(given, secret))
