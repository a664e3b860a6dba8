"""Postmark: https://postmarkapp.com/developer/webhooks/webhooks-overview"""

from collections.abc import Sequence

from integrations.inbound import proofs
from integrations.inbound.base import Call, Kept, Report, Sender
from integrations.inbound.senders.postmark.translate import translated


class Postmark(Sender):
    """Signs nothing. It documents a user and a password in the address instead."""

    name, label, variable = "postmark", "Postmark", "POSTMARK_WEBHOOK_LOGINS"
    where = "Server → Webhooks → Add webhook: paste this address, and the user and password under Basic auth. "
    where += "Choose delivery, bounce, spam complaint and subscription change."
    url_holds_credentials = True

    def verify(self, call: Call, secrets: Sequence[str]) -> None:
        proofs.require_basic(call, secrets)

    def translate(self, kept: Kept) -> list[Report]:
        return translated(kept)


SENDER = Postmark()
