"""Brevo's transactional webhooks: https://developers.brevo.com/docs/transactional-webhooks"""

from collections.abc import Sequence

from integrations.inbound import proofs
from integrations.inbound.base import Call, Kept, Report, Sender
from integrations.inbound.senders.brevo.translate import translated


class Brevo(Sender):
    """Signs nothing. It documents a user and a password in the address instead."""

    name, label, variable = "brevo", "Brevo", "BREVO_WEBHOOK_LOGINS"
    where = "Transactional → Settings → Webhook: paste this address with user and password in it, "
    where += "https://user:password@..., and choose every event."
    url_holds_credentials = True

    def verify(self, call: Call, secrets: Sequence[str]) -> None:
        proofs.require_basic(call, secrets)

    def translate(self, kept: Kept) -> list[Report]:
        return translated(kept)


SENDER = Brevo()
