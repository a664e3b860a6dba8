"""Anybody who signs by Standard Webhooks 1.0 and posts the JSON of docs/reports.md: https://www.standardwebhooks.com"""

from collections.abc import Sequence

from integrations.inbound import proofs
from integrations.inbound.base import Call, Forged, Kept, Report, Sender
from integrations.inbound.senders.generic.translate import translated
from integrations.rules import webhooks


class Generic(Sender):
    name, label, variable = "generic", "Any other provider", "GENERIC_WEBHOOK_SECRETS"
    where = "Whatever signs by Standard Webhooks 1.0 posts to this address what docs/reports.md describes."

    def verify(self, call: Call, secrets: Sequence[str]) -> None:
        number, timestamp = _number(call), call.headers.get("webhook-timestamp", "")
        proofs.require_recent(timestamp, call.received_at)
        given = [part.removeprefix("v1,") for part in call.headers.get("webhook-signature", "").split()]

        def proves(secret: str) -> bool:
            right = webhooks.signature(secret, message_id=number, timestamp=timestamp, body=call.body)
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


SENDER = Generic()
