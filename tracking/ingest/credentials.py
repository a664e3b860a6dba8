"""Where SDKs put their keys: seven places, asked in turn until one holds a key that is known."""

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_plus

from tracking.ingest.neutral import Call

_IN_BYTES = re.compile(rb'"(?:writeKey|api_key|token)"\s*:\s*"([^"\\]{1,200})"')
_NAMES = ("writeKey", "api_key", "token")


def candidates(call: Call, key_in_path: str = "") -> Iterator[str]:
    """Keys, and pairs as `id:secret`, in the order in which they count."""
    if key_in_path:
        yield call.path[key_in_path]
    yield from _from_authorization(call.headers.get("authorization", ""))
    for name in ("x-write-key", "x-api-key"):
        if name in call.headers:
            yield call.headers[name]
    for name in _NAMES:
        if name in call.query:
            yield call.query[name]
    yield from _from_body(call.body)


def in_unreadable(body: bytes) -> str:
    """The key in a body that is no JSON, so that its owner can be shown it."""
    found = _IN_BYTES.search(body[:65_536])
    return found.group(1).decode("utf-8", "replace") if found else ""


def _from_authorization(value: str) -> Iterator[str]:
    scheme, _, rest = value.strip().partition(" ")
    if scheme.lower() == "bearer" and rest:
        yield rest.strip()
    elif scheme.lower() == "basic":
        try:
            user, _, password = base64.b64decode(rest.strip() + "==").decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return
        if password:
            yield f"{unquote_plus(user)}:{password}"
        elif user:
            yield user


def _from_body(body: Any) -> Iterator[str]:
    first = body[0] if isinstance(body, list) and body else body
    for holder in (first, _properties(_first_of_batch(first)), _properties(first)):
        if isinstance(holder, dict):
            yield from (holder[name] for name in _NAMES if isinstance(holder.get(name), str))


def _first_of_batch(body: Any) -> Any:
    batch = body.get("batch") if isinstance(body, dict) else None
    return batch[0] if isinstance(batch, list) and batch else None


def _properties(event: Any) -> Any:
    return event.get("properties") if isinstance(event, dict) else None
