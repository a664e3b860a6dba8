from datetime import datetime
from typing import Any

from integrations.inbound.base import Kept, Kind, Report
from integrations.inbound.fields import bare, joined, mapping, mappings, moment, parsed, text

BOUNCES = {
    "HardBounce": (Kind.BOUNCED, True),
    "BadEmailAddress": (Kind.BOUNCED, True),
    "SoftBounce": (Kind.BOUNCED, False),
    "VirusNotification": (Kind.BOUNCED, False),
    "Undeliverable": (Kind.BOUNCED, False),
    "Transient": (Kind.DEFERRED, False),
    "DnsError": (Kind.DEFERRED, False),
    "OpenRelayTest": (Kind.DEFERRED, False),
    "SpamNotification": (Kind.COMPLAINED, False),
    "SpamComplaint": (Kind.COMPLAINED, False),
    "Unsubscribe": (Kind.UNSUBSCRIBED, False),
    "Subscribe": (Kind.SUBSCRIBED, False),
    "ManualSuppression": (Kind.UNSUBSCRIBED, False),
    "ManuallyDeactivated": (Kind.FAILED, True),
    "Blocked": (Kind.FAILED, False),
    "DMARCPolicy": (Kind.FAILED, False),
    "SMTPApiError": (Kind.FAILED, False),
    "TemplateRenderingFailed": (Kind.FAILED, False),
    "Unconfirmed": (Kind.FAILED, False),
}
TIMES = ("DeliveredAt", "BouncedAt", "ChangedAt", "ReceivedAt")


def translated(kept: Kept) -> list[Report]:
    return [
        _report(record, f"{kept.key}:{place}", kept.received_at)
        for place, record in enumerate(mappings(parsed(kept.body)))
    ]


def _report(record: dict[str, Any], key: str, received_at: datetime) -> Report:
    kind, is_permanent = _kind(record)
    address, provider_id = text(record, "Email", "Recipient"), text(record, "MessageID")
    number = text(record, "ID")
    return Report(
        key=f"{text(record, 'RecordType')}:{number}" if number else _made_key(record) or key,
        channel="email",
        kind=kind,
        message_id=bare(text(mapping(record.get("Metadata")), "message_id")),
        provider_id=provider_id,
        address=address,
        is_permanent=is_permanent,
        reason=_reason(record),
        occurred_at=moment(text(record, *TIMES), received_at),
    )


def _kind(record: dict[str, Any]) -> tuple[Kind, bool]:
    match text(record, "RecordType"):
        case "Delivery":
            return Kind.DELIVERED, False
        case "Bounce":
            return BOUNCES.get(text(record, "Type"), (Kind.OTHER, False))
        case "SpamComplaint":
            return Kind.COMPLAINED, False
        case "SubscriptionChange" if record.get("SuppressSending") is False:
            return Kind.SUBSCRIBED, False
        case "SubscriptionChange":
            return BOUNCES.get(text(record, "SuppressionReason"), (Kind.UNSUBSCRIBED, False))
        case _:
            return Kind.OTHER, False


def _made_key(record: dict[str, Any]) -> str:
    """Only bounces have a number; a delivery is told once for each message and recipient."""
    parts = [text(record, name) for name in ("RecordType", "MessageID", "Recipient")]
    return ":".join([*parts, text(record, *TIMES)]) if all(parts) else ""


def _reason(record: dict[str, Any]) -> str:
    return joined([text(record, "Description"), text(record, "Details", "SuppressionReason")])
