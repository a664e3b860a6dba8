"""Mailgun: https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks"""

from collections.abc import Sequence
from typing import Any

from integrations.inbound import proofs
from integrations.inbound.base import Call, Forged, Kept, Report, Sender, Unreadable
from integrations.inbound.fields import mapping, parsed, text
from integrations.inbound.senders.mailgun.translate import translated


class Mailgun(Sender):
    """Signs a time and a token, not the body: so a token is believed once, whatever body comes with it."""

    name, label, variable = "mailgun", "Mailgun", "MAILGUN_SIGNING_KEYS"
    where = "Send → Sending → Webhooks: add this address for every event. The key is the HTTP webhook signing key."

    def verify(self, call: Call, secrets: Sequence[str]) -> None:
        signature = _signature(call.body)
        timestamp, token = text(signature, "timestamp"), text(signature, "token")
        proofs.require_recent(timestamp, call.received_at)
        signed = f"{timestamp}{token}".encode("utf-8", "replace")
        # An account sees its subaccounts' events under its own key, too.
        given = [text(signature, "signature"), text(signature, "parent-signature")]

        def proves(secret: str) -> bool:
            right = proofs.hmac_sha256(secret.encode(), signed).hex()
            return any(proofs.equal(one, right) for one in given)

        proofs.require_any(secrets, proves)

    def identity(self, call: Call) -> bytes:
        return text(_signature(call.body), "token").encode("utf-8", "replace")

    def translate(self, kept: Kept) -> list[Report]:
        return translated(kept)


def _signature(body: bytes) -> dict[str, Any]:
    try:
        return mapping(mapping(parsed(body)).get("signature"))
    except Unreadable as error:
        raise Forged("It has no signature that can be read.") from error


SENDER = Mailgun()
