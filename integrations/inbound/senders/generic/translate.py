from datetime import datetime
from typing import Any

from integrations.inbound import keywords
from integrations.inbound.base import Kept, Kind, Report
from integrations.inbound.fields import bare, mapping, mappings, moment, parsed, text

PREFIX = "message."
CHANNELS = {"email", "sms", "push"}


def translated(kept: Kept) -> list[Report]:
    return [
        _report(event, f"{kept.key}:{place}", kept.received_at)
        for place, event in enumerate(mappings(parsed(kept.body)))
    ]


def _report(event: dict[str, Any], key: str, received_at: datetime) -> Report:
    data = mapping(event.get("data"))
    channel = text(data, "channel")
    written = text(data, "text")
    return Report(
        key=key,
        channel=channel if channel in CHANNELS else "",
        kind=_kind(text(event, "type").removeprefix(PREFIX), written),
        message_id=bare(text(data, "message_id")),
        provider_id=text(data, "provider_id"),
        address=text(data, "address"),
        is_permanent=data.get("is_permanent") is True,
        reason=text(data, "reason") or written,
        occurred_at=moment(event.get("timestamp"), received_at),
    )


def _kind(name: str, written: str) -> Kind:
    """`received` is a message from a person: what it asks for is read from its text."""
    if name == "received":
        return keywords.heard(written).kind
    return Kind(name) if name in set(Kind) else Kind.OTHER
