from datetime import datetime
from typing import Any

from integrations.inbound.base import Kept, Kind, Report, Unreadable
from integrations.inbound.fields import bare, mappings, moment, parsed, text

KINDS = {
    "request": (Kind.ACCEPTED, False),
    "delivered": (Kind.DELIVERED, False),
    "deferred": (Kind.DEFERRED, False),
    "soft_bounce": (Kind.BOUNCED, False),
    "hard_bounce": (Kind.BOUNCED, True),
    "invalid_email": (Kind.BOUNCED, True),
    "blocked": (Kind.FAILED, True),
    "error": (Kind.FAILED, False),
    "spam": (Kind.COMPLAINED, False),
    "complaint": (Kind.COMPLAINED, False),
    "unsubscribe": (Kind.UNSUBSCRIBED, False),
    "unsubscribed": (Kind.UNSUBSCRIBED, False),
}


def translated(kept: Kept) -> list[Report]:
    return [
        _report(event, f"{kept.key}:{place}", kept.received_at)
        for place, event in enumerate(mappings(parsed(kept.body)))
    ]


def _report(event: dict[str, Any], key: str, received_at: datetime) -> Report:
    name, provider_id = text(event, "event"), text(event, "message-id")
    kind, is_permanent = KINDS.get(name, (Kind.OTHER, False))
    # The other times are by the clock of the account, and only this one is UTC, in milliseconds.
    milliseconds = event.get("ts_epoch")
    when = milliseconds / 1000 if isinstance(milliseconds, int | float) else None
    return Report(
        key=":".join([name, provider_id, text(event, "email"), str(milliseconds)]) if provider_id and when else key,
        channel="email",
        kind=kind,
        message_id=_message_id(event) or bare(provider_id),
        provider_id=provider_id,
        address=text(event, "email"),
        is_permanent=is_permanent,
        reason=text(event, "reason"),
        occurred_at=moment(when, received_at),
    )


def _message_id(event: dict[str, Any]) -> str:
    """Custom metadata comes back as JSON in one header."""
    try:
        return bare(text(parsed(text(event, "X-Mailin-custom") or "{}"), "message_id"))
    except Unreadable:
        return ""
