"""What happened out there. What providers say of messages are rows: see integrations.models.inbound."""

from dataclasses import dataclass

from tracking.events import DomainEvent


@dataclass(frozen=True, kw_only=True)
class PushDeviceGone(DomainEvent):
    """A push service says that a browser takes no more messages from us. `subject` is the SHA-256 of its address in
    hex: whoever knows the address could write to it."""

    name = "push_device.gone"
