"""Twilio: how a text fared, and what people write back.

https://www.twilio.com/docs/messaging/guides/webhook-request and .../track-outbound-message-status
"""

from collections.abc import Sequence

from twilio.request_validator import RequestValidator, get_signature_algorithm

from integrations.inbound import proofs
from integrations.inbound.base import Answer, Call, Kept, Report, Sender
from integrations.inbound.senders.twilio import replies
from integrations.inbound.senders.twilio.translate import form, is_incoming, told_by, translated


class Twilio(Sender):
    """Signs the public address and the form, and nothing else: so what makes two calls the same is in the form."""

    name, label, variable = "twilio", "Twilio", "TWILIO_AUTH_TOKENS"
    where = "Messaging → Services → Integration: paste this address under “Send a webhook” and as the delivery status "
    where += "callback. The token is the account's Auth Token."

    def verify(self, call: Call, secrets: Sequence[str]) -> None:
        given = call.headers.get("x-twilio-signature", "")
        algorithm = get_signature_algorithm(call.headers.get("x-twilio-webhooks-signature-settings", ""))
        fields = form(call.body)
        proofs.require_any(
            secrets, lambda secret: RequestValidator(secret).validate(call.url, fields, given, algorithm)
        )

    def identity(self, call: Call) -> bytes:
        return told_by(form(call.body)).encode("utf-8", "replace") or call.body

    def translate(self, kept: Kept) -> list[Report]:
        return translated(kept)

    def asked_by(self, body: bytes) -> str:
        fields = form(body)
        return fields.get("From", "") if is_incoming(fields) else ""

    def answer(self, body: bytes, *, had_left: bool, shop: str) -> Answer:
        return replies.reply(form(body), had_left=had_left, shop=shop)

    def silence(self) -> Answer:
        return replies.SILENCE


SENDER = Twilio()
