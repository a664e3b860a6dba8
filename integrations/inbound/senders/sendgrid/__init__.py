"""SendGrid's Event Webhook: https://www.twilio.com/docs/sendgrid/for-developers/tracking-events"""

from base64 import b64decode
from collections.abc import Sequence
from functools import cache

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from integrations.inbound import proofs
from integrations.inbound.base import Call, Kept, Report, Sender
from integrations.inbound.senders.sendgrid.translate import translated


class SendGrid(Sender):
    """Signs a time and the raw body with a private key of its own; here lies the public one."""

    name, label, variable = "sendgrid", "SendGrid", "SENDGRID_VERIFICATION_KEYS"
    where = "Settings → Mail Settings → Event Webhooks: paste this address and switch Signature Verification on. "
    where += "The key is the verification key it then shows."

    def verify(self, call: Call, secrets: Sequence[str]) -> None:
        timestamp = call.headers.get("x-twilio-email-event-webhook-timestamp", "")
        proofs.require_recent(timestamp, call.received_at)
        signed = timestamp.encode() + call.body
        given = call.headers.get("x-twilio-email-event-webhook-signature", "")
        proofs.require_any(secrets, lambda secret: _proves(secret, given, signed))

    def translate(self, kept: Kept) -> list[Report]:
        return translated(kept)


def _proves(secret: str, signature: str, signed: bytes) -> bool:
    key = _public_key(secret)
    if key is None:
        return False
    try:
        key.verify(b64decode(signature), signed, ec.ECDSA(SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


@cache
def _public_key(secret: str) -> ec.EllipticCurvePublicKey | None:
    try:
        key = load_der_public_key(b64decode(secret))
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, ec.EllipticCurvePublicKey) else None


SENDER = SendGrid()
