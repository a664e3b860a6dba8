from datetime import datetime
from typing import Any

from integrations.inbound.base import Kept, Kind, Report
from integrations.inbound.fields import bare, mappings, moment, parsed, text

KINDS = {
    "processed": Kind.ACCEPTED,
    "deferred": Kind.DEFERRED,
    "delivered": Kind.DELIVERED,
    "bounce": Kind.BOUNCED,
    "dropped": Kind.FAILED,
    "spamreport": Kind.COMPLAINED,
    "unsubscribe": Kind.UNSUBSCRIBED,
    "group_unsubscribe": Kind.UNSUBSCRIBED,
    "group_resubscribe": Kind.SUBSCRIBED,
}
# SendGrid drops what it knows will not arrive.
NEVER_AGAIN = ("bounced address", "unsubscribed address", "spam reporting address", "invalid")


def translated(kept: Kept) -> list[Report]:
    return [
        _report(event, f"{kept.key}:{place}", kept.received_at)
        for place, event in enumerate(mappings(parsed(kept.body)))
    ]


def _report(event: dict[str, Any], key: str, received_at: datetime) -> Report:
    kind = KINDS.get(text(event, "event"), Kind.OTHER)
    return Report(
        key=text(event, "sg_event_id") or key,
        channel="email",
        kind=kind,
        # What was given along as custom arguments comes back among the event's own fields.
        message_id=bare(text(event, "message_id", "smtp-id")),
        provider_id=text(event, "anymail_id") or text(event, "sg_message_id").partition(".")[0],
        address=text(event, "email"),
        is_permanent=_is_permanent(event, kind),
        reason=text(event, "reason", "response"),
        occurred_at=moment(event.get("timestamp"), received_at),
    )


def _is_permanent(event: dict[str, Any], kind: Kind) -> bool:
    """A bounce of type `blocked` is the server's mood, one of type `bounce` is the address's end."""
    if kind is Kind.BOUNCED:
        return text(event, "type") != "blocked" and not text(event, "status").startswith("4")
    return kind is Kind.FAILED and text(event, "reason").lower().startswith(NEVER_AGAIN)
