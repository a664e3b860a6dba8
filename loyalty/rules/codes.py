"""The text of a product code: its number and 80 bits of an HMAC, in 24 letters and digits that are easy to type.

A guess is refused without asking the database, and the text is made again from the number whenever it is printed.
"""

import hashlib
import hmac
import re
import secrets
from base64 import b32decode, b32encode
from binascii import Error as NotBase32
from collections.abc import Sequence

ID_BYTES, SIGNATURE_BYTES = 5, 10
LETTERS = 24
GROUP = 4
# Without those that look alike: 0 and O, 1 and I and L.
CLEAR = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
_LAST_PART = re.compile(r"[/#=?]")


def text_of(code_id: int, secret: str) -> str:
    """Such as AAAA-AAAB-7QXM-2KPD-ZTWY-F5LU."""
    number = code_id.to_bytes(ID_BYTES)
    letters = b32encode(number + _signature(number, secret)).decode()
    return "-".join(letters[start : start + GROUP] for start in range(0, LETTERS, GROUP))


def code_id_of(text: str, keys: Sequence[str]) -> int | None:
    """The number in a text of ours, as typed or as scanned, alone or at the end of an address; None for a guess.

    Any of `keys` may have signed it: sheets are printed once, and outlive a change of the key.
    """
    letters = _LAST_PART.split(text.strip())[-1].replace("-", "").replace(" ", "")
    if len(letters) != LETTERS or not letters.isascii():
        return None
    try:
        content = b32decode(letters, casefold=True, map01="I")
    except NotBase32:
        return None
    number, signature = content[:ID_BYTES], content[ID_BYTES:]
    is_ours = any(hmac.compare_digest(signature, _signature(number, secret)) for secret in keys)
    return int.from_bytes(number) if is_ours else None


def short_code(length: int) -> str:
    """Random letters and digits for people to read to each other: 31 to the power of `length` of them."""
    return "".join(secrets.choice(CLEAR) for _ in range(length))


def _signature(number: bytes, secret: str) -> bytes:
    return hmac.digest(secret.encode(), b"product code\0" + number, hashlib.sha256)[:SIGNATURE_BYTES]
