"""DKIM: the keys that sign mail (RFC 6376, RFC 8301, RFC 8463)."""

import base64
import binascii
from collections.abc import Mapping

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from integrations.domains.records import Finding, Verdict, tags

SHORTEST, ADVISED = 1024, 2048
ABOUT = "Proof that nobody changed it"
REVOKED, UNREADABLE = 0, -1


def bits_of(text: str) -> int:
    """The size of the published key: REVOKED when it was taken back, UNREADABLE when it is none. Ed25519 counts as
    strong as the longest."""
    given = tags(text)
    if "p" not in given or given.get("v", "DKIM1") != "DKIM1":
        return UNREADABLE
    try:
        key = base64.b64decode("".join(given["p"].split()), validate=True)
        if not key:
            return REVOKED
        if given.get("k", "rsa").lower() == "ed25519":
            return 4 * ADVISED if len(key) == 32 else UNREADABLE
        public = load_der_public_key(key)
    except (binascii.Error, ValueError, UnsupportedAlgorithm):
        return UNREADABLE
    return public.key_size if isinstance(public, RSAPublicKey) else UNREADABLE


def judge(domain: str, published: Mapping[str, tuple[str, ...]], *, are_guessed: bool, title: str) -> Finding:
    """`published` holds the texts found by selector; `are_guessed` when nobody told us which selectors there are."""
    if not published:
        return _finding(
            Verdict.WARN,
            "Nobody told us under which name your key is published, so it could not be looked up.",
            f"{title} shows the name, a “selector”, on its page about your domain. Set EMAIL_DKIM_SELECTORS to it.",
        )
    bits = {selector: max(map(bits_of, texts)) for selector, texts in published.items() if texts}
    found = tuple(text for texts in published.values() for text in texts)
    names = ", ".join(f"{selector}._domainkey.{domain}" for selector in (bits or published))
    if not bits:
        return _finding(
            Verdict.WARN if are_guessed else Verdict.FAIL,
            f"There is no key at {names}.",
            f"{title} shows the record to publish on its page about your domain."
            + (" If your key has another name there, set EMAIL_DKIM_SELECTORS to it." if are_guessed else ""),
        )
    best = max(bits.values())
    if best < SHORTEST:
        return _too_weak(best, names, title, found)
    return _finding(Verdict.OK, f"Mail is signed by the key at {names}.", found=found)


def _too_weak(best: int, names: str, title: str, found: tuple[str, ...]) -> Finding:
    said = {
        REVOKED: f"The key at {names} was taken back: its record is empty.",
        UNREADABLE: f"What is published at {names} is no key. Perhaps a part was lost when it was copied.",
    }.get(best, f"The key at {names} has {best} bits. Mail servers accept {SHORTEST} or more, and {ADVISED} is usual.")
    return _finding(Verdict.FAIL, said, f"Make a new key with {title} and publish its record.", found)


def _finding(verdict: Verdict, said: str, to_do: str = "", found: tuple[str, ...] = ()) -> Finding:
    return Finding(name="DKIM", about=ABOUT, verdict=verdict, said=said, to_do=to_do, found=found)
