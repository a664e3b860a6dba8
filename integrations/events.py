from dataclasses import dataclass

from tracking.events import DomainEvent


@dataclass(frozen=True, kw_only=True)
class MessageDelivered(DomainEvent):
    """A provider says that a message arrived. `subject` is the provider's own row or number for the report,
    `provider_id` the message's id as its channel returned it."""

    name = "message.delivered"
    provider_id: str
    channel: str
    delivered_at: str
