from typing import Any

from integrations.inbound.base import Kept, Kind, Report, Unreadable
from integrations.inbound.fields import bare, mapping, moment, parsed, text

KINDS = {
    "accepted": Kind.ACCEPTED,
    "delivered": Kind.DELIVERED,
    "rejected": Kind.FAILED,
    "complained": Kind.COMPLAINED,
    "unsubscribed": Kind.UNSUBSCRIBED,
}
# Mailgun's own refusals to try: the address is known to bounce, to have complained or to have left.
SUPPRESSED = {"suppress-bounce", "suppress-complaint", "suppress-unsubscribe"}
# The words of a bounce: the other side refused, or cannot be spoken to.
BOUNCES = {"bounce", "espblock", "generic", "old"}


def translated(kept: Kept) -> list[Report]:
    event = mapping(parsed(kept.body)).get("event-data")
    if not isinstance(event, dict):
        raise Unreadable("There is no event-data in it.")
    headers = mapping(mapping(event.get("message")).get("headers"))
    kind, is_permanent = _kind(event)
    own_id, mail_id = text(event.get("user-variables"), "message_id"), bare(text(headers, "message-id"))
    return [
        Report(
            key=text(event, "id") or kept.key,
            channel="email",
            kind=kind,
            message_id=bare(own_id) or mail_id,
            provider_id=mail_id and f"<{mail_id}>",
            address=text(event, "recipient"),
            is_permanent=is_permanent,
            reason=_reason(event),
            occurred_at=moment(event.get("timestamp"), kept.received_at),
        )
    ]


def _kind(event: dict[str, Any]) -> tuple[Kind, bool]:
    """A failure is temporary while Mailgun still tries. A permanent one says by its reason whether it bounced."""
    name = text(event, "event")
    if name != "failed":
        return KINDS.get(name, Kind.OTHER), False
    if text(event, "severity") == "temporary":
        return Kind.DEFERRED, False
    reason = text(event, "reason")
    if reason in SUPPRESSED:
        return Kind.FAILED, True
    if reason not in BOUNCES:
        return Kind.FAILED, False
    code = text(mapping(event.get("delivery-status")), "bounce-code", "code")
    return Kind.BOUNCED, reason == "bounce" and not code.startswith("4")


def _reason(event: dict[str, Any]) -> str:
    status = mapping(event.get("delivery-status"))
    return text(status, "message", "description") or text(event, "reason") or text(event.get("reject"), "reason")
