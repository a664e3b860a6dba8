"""Anybody who signs by Standard Webhooks 1.0 and posts the JSON of docs/reports.md: https://www.standardwebhooks.com"""

from base64 import b64decode, b64encode
from binascii import Error as BadBase64
from collections.abc import Sequence

from integrations.inbound import proofs
from integrations.inbound.base import Call, Forged, Kept, Report, Sender
from integrations.inbound.senders.generic.translate import translated


class Generic(Sender):
    name, label, variable = "generic", "Any other provider", "GENERIC_WEBHOOK_SECRETS"
    where = "Whatever signs by Standard Webhooks 1.0 posts to this address what docs/reports.md describes."

    def verify(self, call: Call, secrets: Sequence[str]) -> None:
        number, timestamp = _number(call), call.headers.get("webhook-timestamp", "")
        proofs.require_recent(timestamp, call.received_at)
        signed = f"{number}.{timestamp}.".encode() + call.body
        given = [part.removeprefix("v1,") for part in call.headers.get("webhook-signature", "").split()]

        def proves(secret: str) -> bool:
            right = b64encode(proofs.hmac_sha256(_key(secret), signed)).decode()
            return any(proofs.equal(one, right) for one in given)

        proofs.require_any(secrets, proves)

    def identity(self, call: Call) -> bytes:
        return _number(call).encode()

    def translate(self, kept: Kept) -> list[Report]:
        return translated(kept)


def _number(call: Call) -> str:
    number = call.headers.get("webhook-id", "")
    if not number or not number.isascii():
        raise Forged("It has no webhook-id.")
    return number


def _key(secret: str) -> bytes:
    """As Standard Webhooks writes it, base64 after `whsec_`; without that, the letters themselves."""
    encoded = secret.removeprefix("whsec_")
    if encoded != secret:
        try:
            return b64decode(encoded, validate=True)
        except BadBase64:
            pass
    return secret.encode()


SENDER = Generic()
